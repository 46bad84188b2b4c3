#!/bin/bash
# SPDX-License-Identifier: MIT
# What a session can see and reach of others: processes, memory, files, sockets; terminals; ways round.
. "$(dirname "$0")/lib.sh"

cp "$TOOLS/attack" /usr/local/bin/
in_session() { su "${2:-alice}" -s /bin/bash -c "$1" 2>&1; }
type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
base

# ---- one session leaves a trace in everything there is; the next one, of another and of the same user, looks ----
cat >/run/leave <<-'END'
	export SECRET=swordfish
	for dir in /tmp /var/tmp /dev/shm; do echo swordfish >$dir/swordfish; done
	ipcmk -M 4096 -p 0666 >/dev/null
	ipcmk -Q -p 0666 >/dev/null
	ipcmk -S 1 -p 0666 >/dev/null
	perl -e 'syscall(240, "swordfish", 0102, 0666, 0)' # mq_open
	attack listen swordfish &
	perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7007, Listen => 9) or die;
		open my $f, ">", "/tmp/up"; sleep 1000' swordfish &
	exec 9>/tmp/locked; flock 9
	until [ -e /tmp/up ]; do sleep 0.02; done
	echo left
	read -r x </run/go
END
cat >/run/look <<-'END'
	ls -R /tmp /var/tmp /dev/shm /dev/mqueue
	ps -e -o args= -o user=
	cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\0' '\n' | grep -v look
	ipcs -a; cat /proc/sysvipc/*
	cat /proc/net/unix /proc/net/tcp /proc/net/dev /proc/locks /proc/keys
	cat /proc/timer_list /proc/sched_debug /proc/kallsyms 2>/dev/null | grep swordfish
	attack reach swordfish
	timeout 2 bash -c '</dev/tcp/127.0.0.1/7007' && echo "reached 7007"
	for pid in /proc/[0-9]*; do ls -l $pid/fd $pid/root/ $pid/cwd/ 2>/dev/null; done
	ls -l /run/pam_ns /sys/class/net
END
chmod 755 /run/leave /run/look
mkfifo -m 666 /run/go
exec 8<>/run/go
leave() { # USER
	: >/run/bed/left
	su "$1" -s /bin/bash -c 'bash /run/leave' >/run/bed/left 2>&1 &
	LEFT=$!
	poll_until grep -q left /run/bed/left
}
leave_end() {
	echo >&8
	wait $LEFT
	poll_until no_sessions
}
# vsock belongs to no namespace (see SECURITY.md), and on many kernels anybody loads it by asking for it.
hits() { grep -aE 'swordfish|^0x[0-9a-f]+|reached|locked|:1B5F|worked: abstract' | grep -avE 'tried|worked: vsock|0x00000000 +$'; }
# That the trace is there to be seen: by the same script in the same session.
leave bob
IN=$(pgrep -f 'pam_ns: bob')
seen=$(nsenter -m -p -n -i -u -t "$IN" setpriv --reuid 2002 --regid 2002 --clear-groups bash /run/look 2>&1)
for what in 'swordfish' '0x[0-9a-f]+' 'reached 7007' ':1B5F' 'worked: abstract'; do
	like "$seen" "$what" "the trace shows in its own session: $what"
done
is "$(in_session 'bash /run/look' alice | hits)" "" "another user's session sees nothing of it"
is "$(in_session 'bash /run/look' bob | hits)" "" "nor does another session of the same user"
seen=$(setpriv --reuid 2003 --regid 2003 --clear-groups bash /run/look 2>&1)
unlike "$seen" $'reached|worked: abstract|/tmp/swordfish' "nor another user on the host, but for the list of processes"
leave_end
clean "traces"

# And of the host: processes of the same user ID outside, by their /proc/PID/root and by number.
setpriv --reuid 2001 --regid 2001 --clear-groups env SECRET=swordfish sleep 1000 &
outside=$!
is "$(in_session 'bash /run/look' | hits)" "" "a process of the user's outside is not there"
deny "... nor by its number" in_session "kill -0 $outside || ls /proc/$outside || attack process $outside | grep worked"
seen=$(in_session 'for p in /proc/[0-9]*; do readlink $p/ns/mnt; done | sort -u | wc -l')
is "$seen" 1 "... no process leads to other mounts"
# Another procfs of the host's, as a chroot has it, must not lead there either.
mkdir -p "/run/a chroot/proc" /run/b/proc
mount -t proc proc "/run/a chroot/proc"
mount --rbind /proc /run/b/proc
base
for proc in "/run/a chroot/proc" /run/b/proc; do
	[ -e "$proc/$outside/root" ]
	ok $? "$proc shows the host's processes on the host"
	deny "... but not in a session" in_session "ls -d '$proc/$outside'"
	is "$(in_session "ls '$proc' | grep -c '^[0-9]'; readlink '$proc/1/ns/pid' '$proc/self/ns/pid' | sort -u | wc -l")" \
		"$(in_session "ls /proc | grep -c '^[0-9]'; echo 1")" "... where it is the session's own"
done
kill $outside
wait $outside 2>/dev/null
clean "the host's"
umount -l "/run/a chroot/proc" /run/b/proc
base
# Nor copies of the host's own, which binds bring along.
mkdir -p /mnt/all /mnt/proc
setpriv --reuid 2001 --regid 2001 --clear-groups sleep 1000 &
outside=$!
policy <<<$'[default]\nbind.all = / /mnt/all ro\nbind.proc = /proc /mnt/proc'
for proc in /mnt/all/proc /mnt/proc; do
	deny "$proc, bound, does not show the host's processes" in_session "ls -d $proc/$outside"
	try "... but the session's" in_session "ls -d $proc/self/ns"
done
policy </dev/null
kill $outside
wait $outside 2>/dev/null
clean "binds of / and /proc"

# ---- signals to the login program ----
start_sshd
policy <<<$'[default]\nproc = all' # what is not there is not hidden either
base
# shellcheck disable=SC2016 # for the shell inside
is "$(as alice 'ps -o ppid= $PPID' | tr -d ' ')" 0 "sshd's monitor has no number inside"
as alice 'kill -9 -1; sleep 1000' >/dev/null 2>&1
poll_until no_sessions
try "kill -9 -1 inside ends the session alone" as bob true
ssh "${SSH_OPTIONS[@]}" alice@127.0.0.1 'read -r x </run/go; echo lived' </dev/null >/run/bed/out 2>&1 &
client=$!
poll_until pgrep -f 'pam_ns: alice'
IN=$(pgrep -f 'pam_ns: alice')
poll_until pgrep -u alice -f 'read -r x'
monitor=$(pgrep -f 'sshd: alice \[priv\]')
seen=$(for pid in $IN $monitor; do for s in TERM KILL STOP HUP; do
	setpriv --reuid 2001 --regid 2001 --clear-groups kill -$s "$pid" 2>/dev/null && echo "$s to $pid"; done; done)
is "$seen" "" "the user outside cannot signal init or sshd's monitor"
seen=$(setpriv --reuid 2001 --regid 2001 --clear-groups attack process "$IN"; setpriv --reuid 2001 --regid 2001 --clear-groups attack process "$monitor")
is "$(grep '^worked' <<<"$seen")" "" "... nor do anything else to them"
echo >&8
wait $client
like "$(cat /run/bed/out)" lived "... the session lives on"
clean "signals"

# ---- terminals ----
# sshd and login give a terminal of its own; what is pushed into it reaches nobody after it.
seen=$(script -qec "ssh -tt ${SSH_OPTIONS[*]} alice@127.0.0.1 'attack type \"id -u >/run/bed/injected\"; stty -echo; exit'; sleep 0.3" /dev/null </dev/null)
poll_until no_sessions
[ ! -e /run/bed/injected ]
ok $? "ssh: what is pushed into the terminal reaches no shell of root's"
# su takes root's: what pam_ns does not close, see SECURITY.md. But nobody is left to do it later.
cat >/run/script <<-'END'
	su alice -s /bin/bash -c '(trap "" HUP TERM; sleep 1; attack type "touch /run/bed/late
	") & exit 0'
	until ! pgrep pam_ns >/dev/null; do sleep 0.05; done
	read -r -t 1.5 x </dev/tty && echo "got $x"
	echo over
END
seen=$(type_in -- bash /run/script)
like "$seen" over "su: the calling shell goes on"
unlike "$seen" 'got touch' "su: a process left behind cannot push anything into it later"
[ ! -e /run/bed/late ]
ok $? "... nor run anything"
clean "terminals"
stop_sshd

# ---- the user takes away what is theirs ----
full=$(in_session 'readlink /proc/self/ns/net; grep -c . /proc/self/mountinfo')
rm -rf /home/alice
seen=$(in_session 'readlink /proc/self/ns/net; grep -c . /proc/self/mountinfo')
is "$(tail -n1 <<<"$seen")" "$(tail -n1 <<<"$full")" "without a home: the same mounts"
ln -s /root /home/alice
deny "a home that is a symlink to root's: nothing of it is the user's" in_session 'ls ~/'
rm /home/alice
mkdir -m 700 /home/alice
chown alice /home/alice
deny "the user inside cannot weaken the policy" in_session 'echo "[default]" >/etc/security/pam_ns.d/users/alice.conf || touch /run/pam_ns/x || rm /run/pam_ns/session'
clean "the user's own"

# ---- ways round that exist here ----
in=$(in_session 'readlink /proc/self/ns/net; echo secret | su alice -c "readlink /proc/self/ns/net" 2>/dev/null
	for x in nsenter "setpriv --ambient-caps +all" "unshare -Ur nsenter"; do $x --all -t 1 readlink /proc/self/ns/net 2>/dev/null; done')
is "$(sort -u <<<"$in" | wc -l)" 1 "su to oneself, and nsenter: stays in the session"
deny "ssh to localhost: no sshd is there" in_session 'timeout 3 bash -c "</dev/tcp/127.0.0.1/22"'
exec 8>&-
rm -f /run/go
clean "ways round"
done_testing
