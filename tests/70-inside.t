#!/bin/bash
# SPDX-License-Identifier: MIT
# A user who attacks from inside: init, what mounts cover, file descriptors, root of a user namespace.
. "$(dirname "$0")/lib.sh"

# Init is to be seen here, and still out of reach.
policy <<<$'[default]\nproc = all'

cp "$TOOLS/attack" "$TOOLS/herd" /usr/local/bin/
in_session() { su alice -s /bin/bash -c "$1" 2>&1; }
worked() { grep '^worked' <<<"$seen"; }
nothing_worked() { # LEAST-TRIES NAME
	is "$(worked)" "" "$2: nothing works"
	[ "$(sed -n 's/^tried //p' <<<"$seen")" -ge "$1" ]
	ok $? "$2: ... of $1 tries" || diag "$seen"
}
base

# ---- init ----
# shellcheck disable=SC2016 # for the shell inside
seen=$(in_session 'sleep 1000 & attack process $!; kill -9 $!')
like "$(worked)" 'PTRACE_SEIZE.*PTRACE_ATTACH|PTRACE_SEIZE' "the attacks work on a process of the user's own"
for what in 'pidfd_getfd' 'process_vm_readv' 'reading maps' 'reading environ' 'reading root/etc' 'Killed' 'prlimit'; do
	like "$(worked)" "$what" "... $what too"
done
seen=$(in_session 'attack process 1')
nothing_worked 500 "init, attacked by its user"
like "$(in_session 'cat /proc/1/comm; echo still')" $'pam_ns\nstill' "... it lives"
helper=$(sha256sum </usr/libexec/pam_ns_helper)
deny "writing to /proc/1/exe" in_session 'echo x >/proc/1/exe'
deny "writing to the helper" in_session 'echo x >/usr/libexec/pam_ns_helper'
deny "... as root of a user namespace" in_session 'unshare -Ur bash -c "echo x >/proc/1/exe || echo x >/usr/libexec/pam_ns_helper"'
is "$(sha256sum </usr/libexec/pam_ns_helper)" "$helper" "the helper is as it was"
seen=$(in_session 'helper=/usr/libexec/pam_ns_helper; $helper; unshare -Urm $helper; unshare -Ur setpriv --bounding-set -all $helper')
like "$seen" 'not by hand' "the helper run by hand says so, and does nothing else"
clean "init under attack"

# Processes to end and to reap: 3,000 orphans, a bomb that goes on forking, at logout as well.
echo 'alice hard nproc 400' >/etc/security/limits.conf
seen=$(in_session 'for ((i = 0; i < 3000; i++)); do (true &); done; for ((i = 0; i < 500; i++)); do
	n=$(ps -e -o stat= | grep -c Z); [ "$n" = 0 ] && break; sleep 0.02; done; echo "zombies $n"')
like "$seen" 'zombies 0' "3,000 orphans: init reaps them all"
cat >/home/alice/bomb <<-'END'
	trap '' HUP TERM INT
	bomb() { bomb & bomb & }
	bomb 2>/dev/null
END
chown alice /home/alice/bomb
policy <<<$'[default]\nproc = all\nkill_grace = 0'
in_session 'setsid bash ~/bomb >/dev/null 2>&1 & sleep 0.5; exit 0' >/dev/null
try "a fork bomb: another user's login works meanwhile" su bob -c true
poll_until no_sessions
ok $? "a fork bomb ends with its session"
[ "$(ps -u alice -o pid= | wc -l)" = 0 ]
ok $? "... to the last process" || diag "$(ps -u alice)"
hold 'setsid bash ~/bomb >/dev/null 2>&1 &'
poll_until bash -c '[ "$(ps -u alice -o pid= | wc -l)" -gt 300 ]'
try "a process table filled up to the user's limit: another user's login works" su bob -c true
is "$(su root -c 'echo in')" in "... root gets in"
log_mark
timeout 20 su alice -s /bin/bash -c true >/dev/null 2>&1
isnt $? 124 "... the user's own next login works or fails, but does not hang"
release
: >/etc/security/limits.conf
policy <<<$'[default]\nproc = all'
clean "fork bombs"

# Its socket.
hold
deny "init's socket is not there inside" in_session 'ls /run/pam_ns/*/*'
deny "... nor from the host for a user" setpriv --reuid 2001 --regid 2001 --clear-groups \
	herd stuff 2001 1
mine=$(ls /proc/"$IN"/fd)
seen=$(herd stuff 2001 1 2>&1)
unlike "$seen" 'not refused' "malformed messages: each is refused"
like "$seen" $'id=2001.1\nstate=running\nleaders=1' "... and with 100 idle clients there init still answers"
# shellcheck disable=SC2317 # by poll_until
same_fds() { [ "$(ls /proc/"$IN"/fd)" = "$mine" ]; }
poll_until same_fds
ok $? "... and holds no fd more than before" || diag "$(ls -l /proc/"$IN"/fd)"
is "$(ps -o args= -p "$IN")" 'pam_ns: alice (su) 2001.1' "... it lives"
release
clean "init's socket"

# ---- root inside, the user's sudo ----
hold
seen=$(nsenter -a -t "$IN" bash -c 'for s in HUP INT QUIT TERM STOP TSTP KILL CHLD USR1 CONT ALRM SEGV ABRT; do
	kill -$s 1; done; kill -STOP -1; kill -CONT -1; sleep 0.1; cat /proc/1/comm; grep State /proc/1/status')
like "$seen" $'pam_ns\nState:\tS' "root inside: no signal reaches init"
deny "root inside: not by ptrace without a right to it" nsenter -a -t "$IN" setpriv --bounding-set=-sys_ptrace,-sys_admin \
	--inh-caps=-all bash -c 'cat /proc/1/mem || ls -l /proc/1/fd/'
# su that has seen its child stop has stopped itself, and waits for its own shell to wake it.
while kill -CONT "$HELD" 2>/dev/null; do sleep 0.2; done &
release
clean "root inside"

# ---- what a mount covers ----
install -d -m 700 /run/pam_ns
for path in /tmp/of-the-host /var/tmp/of-the-host /dev/shm/of-the-host /run/pam_ns/of-the-host; do
	: >$path
	seen=$(in_session "attack unmask $path")
	nothing_worked 14 "$path"
	rm $path
done
# That the attacks are worth their name: where the mount is not locked, most of them uncover it.
: >/var/tmp/of-the-host
seen=$(unshare --mount --propagation private bash -c 'mount -t tmpfs none /var/tmp && attack unmask /var/tmp/of-the-host ours')
[ "$(worked | grep -c of-the-host)" -ge 7 ]
ok $? "without user namespaces between, the attacks work" || diag "$seen"
rm /var/tmp/of-the-host
like "$(in_session 'unshare -Urm bash -c "mount --bind /usr /home && ls /home/bin/ls"')" /home/bin/ls \
	"... while mounts of one's own in a user namespace do work"
deny "the session's /proc cannot be taken off" in_session 'unshare -Urm umount -l /proc'
deny "... nor /sys" in_session 'unshare -Urm umount -l /sys'
clean "unmasking"

# ---- file descriptors ----
: >/tmp/of-the-host
seen=$(in_session 'attack fds')
nothing_worked 9 "fds of a shell"
seen=$(unshare --mount bash -c 'mount -t tmpfs none /tmp; attack fds' 7</ 8</proc/self/ns/net)
like "$(worked)" "fchdir fd 7.*a namespace's file fd 8" "... while such as lead out are found" || diag "$seen"
rm /tmp/of-the-host
start_sshd
base
mkfifo /run/bed/stay
ssh "${SSH_OPTIONS[@]}" -s alice@127.0.0.1 sftp <>/run/bed/stay >/dev/null 2>&1 &
client=$!
# internal-sftp: sshd's own child, which never execs.
poll_until pgrep -u alice -f 'sshd: alice@internal-sftp|sshd: alice@notty'
poll_until bash -c 'readlink /proc/$(pgrep -u alice -f sshd: | tail -1)/exe | grep sshd'
sftp=$(pgrep -u alice -f sshd: | tail -1)
seen=$(ls -l /proc/"$sftp"/fd/)
is "$(grep -E '/run/pam_ns|-> /(tmp|var|home|etc|root|usr|run)(/|$)|-> /$' <<<"$seen")" "" "a child that never execs holds no directory or file of the host's"
is "$(readlink /proc/"$sftp"/root)" / "... its root is the session's"
is "$(readlink /proc/"$sftp"/ns/mnt)" "$(readlink /proc/"$(pgrep -f 'pam_ns: alice')"/ns/mnt)" "... and its namespaces"
kill $client
wait $client 2>/dev/null
poll_until no_sessions
clean "internal-sftp"
stop_sshd
done_testing
