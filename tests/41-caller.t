#!/bin/bash
# SPDX-License-Identifier: MIT
# What the login program sees of itself: nothing changes but what is meant, and all of it goes back.
. "$(dirname "$0")/lib.sh"

: >/tmp/of-the-host
base
cd /usr/share || exit 1
caller() { timeout -s KILL 60 "$TOOLS/caller" pamtest alice "$@" 2>&1; }
hosts=$(for n in mnt ipc uts pid net time; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')

check() { # NAME
	is "$(grep CHANGED <<<"$seen" | head -5)" "" "$1: nothing is changed that is not meant"
	[ "$(grep -c same <<<"$seen")" -ge 35 ]
	ok $? "$1: ... of all that was looked at"
	is "$(grep -cE '^inside [a-z]*:\[' <<<"$seen")" 6 "$1: a child has six namespaces"
	is "$(grep -cE "^inside ($hosts)" <<<"$seen")" "${2:-0}" "$1: ... of the host's: ${2:-0}"
	like "$seen" 'inside fds 0' "$1: ... without an fd of the caller's"
	like "$seen" $'close: Success\nclose again: Success' "$1: close, and close again"
	like "$seen" 'new thread: Success' "$1: can start threads afterwards"
	is "$(grep '^new fd' <<<"$seen" | sort | uniq -c | awk '{ $1 = $1 > 1 ? "many" : 1; print }')" \
		$'many new fd: a namespace\n1 new fd: a pidfd' "$1: its fds are namespaces and a pidfd, closed on exec"
}
policy <<<'[default]
uptime = 5'
before=$SECONDS
seen=$(caller)
took=$((SECONDS - before))
check "one thread"
is "$(grep -cE "^outside ($hosts)" <<<"$seen")" 6 "one thread: children afterwards are the host's"
uptime=$(sed -n 's/^inside uptime //p' <<<"$seen")
[[ $uptime =~ ^[0-9]+ && ${BASH_REMATCH[0]} -ge 5 && ${BASH_REMATCH[0]} -le $((took + 6)) ]]
ok $? "one thread: clocks are the session's inside" || diag "uptime $uptime, after $took s"
SUBREAPER=1
export SUBREAPER
seen=$(caller)
check "a subreaper"
unset SUBREAPER
seen=$(EGID=2002 caller) # of other credentials than the helper's: they share memory for a moment
check "another group"
seen=$(IGNORE_SIGCHLD=1 caller)
check "SIGCHLD ignored"
clean "one thread"

# Forked copies of the program end their handle, with and without the fds that they got.
mkfifo /run/bed/go
COPIES=1 PAUSE=1 caller <>/run/bed/go >/run/bed/out &
poll_until grep -q '^pause' /run/bed/out
is "$(find /run/pam_ns -name '*.socket' | wc -l)" 1 "copies: init was not told to end"
echo >/run/bed/go
wait $!
seen=$(</run/bed/out)
check "copies"
is "$(grep -c '^copy: its own files are still open' <<<"$seen")" 2 "copies: files that took the place of ours stay open"
like "$(grep '^still inside' <<<"$seen")" 'net:\[' "copies: the session goes on"
is "$(sed -n 's/^still //p' <<<"$seen" | grep -v uptime)" "$(grep '^inside' <<<"$seen" | grep -v uptime)" "copies: ... as it was"
clean "copies"

# So may the program itself; it cannot go back then, but nothing of its own is touched.
log_mark
seen=$(REPLACE=1 caller)
like "$seen" 'caller: its own files are still open' "fds replaced: files that took the place of ours stay open"
like "$seen" 'close: Success' "fds replaced: close succeeds"
poll_until log_has 'not wholly undone'
like "$(log_new)" "not wholly undone: the login program closed pam_ns's file descriptor: it stays" "fds replaced: the log says so"
clean "fds replaced"

clocks=y
if ! threads_have_clocks; then
	clocks=
	log_mark
	seen=$(caller threads)
	isnt $? 0 "two threads, and a kernel that would let it start no more: denied"
	like "$(log_new)" 'pamtest has threads, .*: write time = no under \[service pamtest\]' "two threads: ... with a word of what to do"
	is "$(grep CHANGED <<<"$seen")" "" "two threads: a denial changes nothing"
	policy <<<'[service pamtest]
time = no'
fi
seen=$(caller threads)
check "two threads" $((${#clocks} == 0))
like "$seen" 'other thread: same namespaces' "two threads: the other one stays where it was"
like "$seen" 'other thread: same /tmp' "two threads: ... with its root"
like "$seen" 'other thread: same cwd' "two threads: ... and working directory"
[ "$(sed -n 's/^outside uptime //p' <<<"$seen")" -ge "$(($(cut -d. -f1 /proc/uptime) - 3))" ]
ok $? "two threads: clocks of children afterwards are the host's"
if [ -n "$clocks" ]; then
	seen=$(caller threads thread)
	isnt $? 0 "opened in a thread, with clocks to set: denied"
	policy </dev/null
fi
seen=$(caller threads thread)
check "opened in a thread" $((${#clocks} == 0))
like "$seen" 'other thread: same namespaces' "opened in a thread: the other one stays"
clean "threads"
policy </dev/null

# A failed open leaves nothing either, wherever it fails.
for what in policy helper fds; do
	case $what in
	policy) policy <<<'isolate = yes' ;;
	helper) policy </dev/null; mv /usr/libexec/pam_ns_helper /usr/libexec/gone &&
		cp /bin/false /usr/libexec/pam_ns_helper ;;
	fds) mv /usr/libexec/gone /usr/libexec/pam_ns_helper
		sed -i /pam_limits/d /etc/pam.d/pamtest ;; # it would raise the limit where it may
	esac
	if [ $what = fds ]; then seen=$(ulimit -n 10; caller); else seen=$(caller); fi
	isnt $? 0 "failure of $what: denied"
	is "$(grep CHANGED <<<"$seen")" "" "failure of $what: nothing is changed"
	is "$(grep -cE "^outside ($hosts)" <<<"$seen")" 6 "failure of $what: children are the host's"
	clean "failure of $what"
done
done_testing
