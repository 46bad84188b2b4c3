#!/bin/bash
# SPDX-License-Identifier: MIT
# runuser in its three forms, each of which opens a session, and what it shares with su.
. "$(dirname "$0")/lib.sh"

stack runuser
stack runuser-l
base
host=$(readlink /proc/self/ns/net)
for how in 'runuser -u alice -- sh' 'runuser alice' 'runuser - alice'; do
	seen=$($how -c 'readlink /proc/self/ns/net; cat /run/pam_ns/session')
	like "$seen" $'net:.*\n2001\.1' "$how: a session"
	isnt "${seen%%$'\n'*}" "$host" "$how: ... with a network of its own"
	$how -c 'exit 5'
	is $? 5 "$how: the exit status"
done
is "$(cd /usr/share && runuser alice -c pwd)" /usr/share "runuser: the working directory is kept"
is "$(runuser -l alice -c pwd)" /home/alice "runuser -l: the home"
is "$(runuser root -c 'readlink /proc/self/ns/net')" "$host" "root is exempt"
runuser alice -s /bin/sh -c 'kill -TERM $$' 2>/dev/null
is $? 143 "a signal's exit status"
like "$(script -qec "runuser --pty alice -c tty" /dev/null)" '/dev/pts/[0-9]' "--pty: a terminal inside"
is "$(script -qec "su --pty alice -c 'readlink /proc/self/ns/net'" /dev/null | grep -c "$host")" 0 "su --pty: isolated"
clean "runuser"

policy <<<'isolate = yes'
log_mark
deny "broken policy: denied" runuser alice -c true
denied_like 'pam_ns\(runuser:session\): .*pam_ns.conf:1' "broken policy"
deny "broken policy: -l denied" runuser -l alice -c true
denied_like 'pam_ns\(runuser-l:session\): .*pam_ns.conf:1' "broken policy, -l"
is "$(runuser root -c 'echo in')" in "broken policy: root gets on"
clean "denials"
done_testing
