#!/bin/bash
# SPDX-License-Identifier: MIT
# Logins that come while others go, and whoever is killed meanwhile: each is in an instance or
# denied, never on the host, and nothing is left.
. "$(dirname "$0")/lib.sh"

HOST=$(readlink /proc/self/ns/net)
base

# Streams of short logins: the last one out and the next one in meet all the time.
stream() { # FILE COUNT COMMAND
	local i
	for ((i = 0; i < $2; i++)); do su alice -s /bin/bash -c "readlink /proc/self/ns/net; $3" || echo "failed $?"; done >"$1" 2>&1
}
streams() { # NAME COUNT COMMAND
	local i pids=() log
	log_mark
	for i in 1 2 3 4; do stream "/run/bed/stream.$i" "$2" "$3" & pids[i]=$!; done
	wait "${pids[@]}"
	is "$(cat /run/bed/stream.? | grep -c '^net:')" $((4 * $2)) "$1: every login works"
	is "$(cat /run/bed/stream.? | grep -c -F "$HOST")" 0 "... none on the host"
	is "$(cat /run/bed/stream.? | grep -v '^net:' | head -3)" "" "... without a word"
	log=$(log_new | grep 'pam_ns(')
	is "$(head -3 <<<"$log")" "" "... in the log neither"
	poll_until no_sessions
	clean "$1"
}
policy <<<'[default]
scope = user
timeout = 60'
streams "arriving while it ends" 50 :
streams "... while it ends slowly" 25 'sleep 1000 >/dev/null 2>&1 &'
policy <<<'[default]
scope = user
timeout = 60
linger = until-empty'
streams "... while it empties" 50 ': & sleep 0.01 >/dev/null 2>&1 &'
policy <<<'[default]
scope = user
timeout = 60
max_sessions = 4'
stream /run/bed/stream.1 20 : & one=$!
stream /run/bed/stream.2 20 : & two=$!
wait $one $two
is "$(cat /run/bed/stream.1 /run/bed/stream.2 | grep -c '^net:')" 40 "two streams with max_sessions = 4: every login works"
poll_until no_sessions
clean "max_sessions"

# SIGKILL to one of login program, helper and init, at any moment, while others come and go.
policy <<<'[default]
scope = user
timeout = 60'
victims() { pgrep -f "$1" | shuf -n 1; }
for what in '^su alice' '^pam_ns: alice '; do
	: >/run/bed/killed
	(while [ ! -e /run/bed/enough ]; do
		victim=$(victims "$what")
		# shellcheck disable=SC2015
		[ -n "$victim" ] && kill -KILL "$victim" 2>/dev/null && echo x >>/run/bed/killed
		perl -e 'select undef, undef, undef, rand 0.01'
	done) &
	killer=$!
	for i in 1 2 3 4; do stream "/run/bed/stream.$i" 40 : & pids[i]=$!; done 2>/dev/null
	wait "${pids[@]}"
	touch /run/bed/enough
	wait $killer
	rm /run/bed/enough
	[ -s /run/bed/killed ]
	ok $? "SIGKILL to $what: there was something to kill"
	grep -q '^net:' /run/bed/stream.?
	ok $? "... and some logins got through"
	is "$(cat /run/bed/stream.? | grep -c -F "$HOST")" 0 "... none on the host"
	poll_until no_sessions
	ok $? "... no init is left"
	try "... the next login works" su alice -c true
	poll_until no_sessions
	clean "SIGKILL to $what"
done 2>/dev/null

# A user who has filled his process table.
echo 'alice hard nproc 40' >/etc/security/limits.d/alice.conf
su alice -s /bin/bash -c 'for i in {1..60}; do sleep 1000 & done; wait' >/dev/null 2>&1 &
su=$!
poll_until bash -c '[ "$(pgrep -cf "^sleep 1000")" -ge 30 ]'
ok $? "a full process table"
try "... another user's login works" su bob -c true
log_mark
su alice -c true 2>/dev/null
is "$(log_new | grep -c denied)" 0 "... his own is not denied by pam_ns"
kill -TERM $su
wait $su 2>/dev/null
poll_until no_sessions
ok $? "... the end of his login ends it all"
rm /etc/security/limits.d/alice.conf
try "... and the next one works" su alice -c true
poll_until no_sessions
clean "a full process table"

# What a reboot left in /run, as no clean machine has it: a plan that looks alive, without an init.
su alice -s /bin/bash -c 'read -r x' < <(sleep 1000) >/dev/null 2>&1 &
poll_until test -s /run/pam_ns/2001/1
cp /run/pam_ns/2001/1 /run/bed/plan
pkill -KILL -f '^pam_ns: alice '
wait $!
poll_until no_sessions
cp /run/bed/plan /run/pam_ns/2001/5
touch /run/pam_ns/2001/5.socket
is "$(su alice -c 'cat /run/pam_ns/session')" 2001.1 "stale entries: a fresh instance"
poll_until no_sessions
clean "stale entries"

# A plan that is locked, as of an init that lives, and nobody listens: /run is root's, so it is root's
# doing, and the login is not led astray.
mkdir -m 700 /run/pam_ns/2001
sed 's/^id=2001.1$/id=2001.7/' /run/bed/plan >/run/pam_ns/2001/7
flock /run/pam_ns/2001/7 sleep 1001 &
locker=$!
poll_until bash -c '! flock -n /run/pam_ns/2001/7 true'
is "$(su alice -c 'cat /run/pam_ns/session')" 2001.8 "an entry that nobody answers for: a fresh instance"
pkill -f '^sleep 1001'
wait $locker
pkill -f '^sleep 1000'
try "... gone with the next login" su alice -c true
poll_until no_sessions
clean "an entry that nobody answers for"
done_testing
