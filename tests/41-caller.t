#!/bin/bash
# SPDX-License-Identifier: MIT
# What the login program sees of itself: nothing changes but what is meant, and all of it goes back.
. "$(dirname "$0")/lib.sh"

: >/tmp/of-the-host
base
cd /usr/share || exit 1
caller() { "$TOOLS/caller" pamtest alice "$@" 2>&1; }
hosts=$(for n in mnt ipc uts pid net time; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')

check() { # NAME
	is "$(grep CHANGED <<<"$seen" | head -5)" "" "$1: nothing is changed that is not meant"
	[ "$(grep -c same <<<"$seen")" -ge 35 ]
	ok $? "$1: ... of all that was looked at"
	unlike "$(grep '^inside' <<<"$seen")" "$hosts" "$1: a child is in the session's namespaces"
	is "$(grep -c '^inside [a-z]*:\[' <<<"$seen")" 6 "$1: ... in all six"
	like "$seen" 'inside fds 0' "$1: ... without an fd of the caller's"
	like "$seen" $'close: Success\nclose again: Success' "$1: close, and close again"
	like "$seen" 'new thread: Success' "$1: can start threads afterwards"
}
policy <<<'[default]
uptime = 5'
seen=$(caller)
check "one thread"
is "$(grep -cE "^outside ($hosts)" <<<"$seen")" 6 "one thread: children afterwards are the host's"
like "$seen" 'inside uptime [5-9]$|inside uptime [5-9]'$'\n' "one thread: clocks are the session's inside"
SUBREAPER=1
export SUBREAPER
seen=$(caller)
check "a subreaper"
unset SUBREAPER
seen=$(IGNORE_SIGCHLD=1 caller)
check "SIGCHLD ignored"
clean "one thread"

seen=$(caller threads)
check "two threads"
like "$seen" 'other thread: same namespaces' "two threads: the other one stays where it was"
like "$seen" 'other thread: same /tmp' "two threads: ... with its root"
like "$seen" 'other thread: same cwd' "two threads: ... and working directory"
[ "$(sed -n 's/^outside uptime //p' <<<"$seen")" -ge "$(($(cut -d. -f1 /proc/uptime) - 3))" ]
ok $? "two threads: clocks of children afterwards are the host's"
seen=$(caller threads thread)
isnt $? 0 "opened in a thread, with clocks to set: denied"
policy </dev/null
seen=$(caller threads thread)
check "opened in a thread"
like "$seen" 'other thread: same namespaces' "opened in a thread: the other one stays"
clean "threads"

# A failed open leaves nothing either, wherever it fails.
for what in policy helper fds; do
	case $what in
	policy) policy <<<'isolate = yes' ;;
	helper) policy </dev/null; ln -sf /bin/true /usr/libexec/h && mv /usr/libexec/pam_ns_helper /usr/libexec/gone &&
		cp /bin/false /usr/libexec/pam_ns_helper ;;
	fds) mv /usr/libexec/gone /usr/libexec/pam_ns_helper ;;
	esac
	if [ $what = fds ]; then seen=$(ulimit -n 14; caller); else seen=$(caller); fi
	isnt $? 0 "failure of $what: denied"
	is "$(grep CHANGED <<<"$seen")" "" "failure of $what: nothing is changed"
	is "$(grep -cE "^outside ($hosts)" <<<"$seen")" 6 "failure of $what: children are the host's"
	clean "failure of $what"
done
done_testing
