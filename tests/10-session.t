#!/bin/bash
# SPDX-License-Identifier: MIT
# What a user finds in a session: a machine of their own.
. "$(dirname "$0")/lib.sh"

# Runs a command in a session of alice, as root's su would open it.
in_session() { su alice -s /bin/bash -c "$1" 2>&1; }

policy <<<'[default]
hostname = %u-box
proc = all'
: >/tmp/of-the-host
: >/dev/shm/of-the-host
base
seen=$(in_session 'for n in mnt ipc uts pid time net user cgroup; do readlink /proc/self/ns/$n; done')
for n in mnt ipc uts pid time net; do
	like "$seen" "$n:" "$n is there"
	isnt "$(grep "^$n:" <<<"$seen")" "$(readlink /proc/self/ns/$n)" "$n namespace is its own"
done
is "$(grep '^user:' <<<"$seen")" "$(readlink /proc/self/ns/user)" "user namespace is the host's"
is "$(grep '^cgroup:' <<<"$seen")" "$(readlink /proc/self/ns/cgroup)" "cgroup namespace is the host's"

# Files.
for dir in /tmp /var/tmp /dev/shm; do
	seen=$(in_session "stat -f -c %T $dir; stat -c '%a %U' $dir; ls -A $dir; findmnt -n -o OPTIONS --mountpoint $dir | tail -1")
	like "$seen" '^tmpfs'$'\n''1777 root'$'\n''[^'$'\n'']*nosuid,nodev' "$dir: an empty tmpfs, 1777 nosuid nodev"
	like "$seen" 'size=' "$dir: limited in size"
	like "$seen" 'nr_inodes=' "$dir: limited in files"
	try "$dir: the user can write" in_session "echo x >$dir/x"
	[ ! -e $dir/x ]
	ok $? "$dir: the host does not see it"
done
like "$(in_session 'stat -f -c %T /dev/mqueue; ls -A /dev/mqueue')" '^(mqueue|UNKNOWN.*)$' "/dev/mqueue: its own, empty"

# Processes.
sleep 1000 &
hostpid=$!
seen=$(in_session 'ps -e -o pid= -o args=; cat /proc/1/comm')
is "$(grep -c 'sleep 1000' <<<"$seen")" 0 "no process of the host"
like "$seen" '1 pam_ns: alice \(su\) 2001\.1'$'\n' "init is PID 1 and says whose it is"
like "$seen" $'\n''pam_ns$' "... and is called pam_ns"
deny "kill of a host's process by number" in_session "kill -0 $hostpid"
kill $hostpid

# Network and /sys.
is "$(in_session 'ls /sys/class/net')" lo "/sys shows lo alone"
like "$(in_session 'ip -br a')" '^lo +(UNKNOWN|UP) +127\.0\.0\.1/8 ::1/128 *$' "ip -br a: lo alone, up"
try "loopback works" in_session 'exec 3<>/dev/udp/127.0.0.1/9 && echo x >&3'
is "$(in_session 'ls /sys/fs/cgroup')" "$(ls /sys/fs/cgroup)" "/sys/fs/cgroup is still there"

# Names.
is "$(in_session hostname)" alice-box "hostname"
is "$(in_session 'cat /etc/hostname')" alice-box "/etc/hostname"
like "$(in_session 'getent hosts alice-box')" '^127\.' "its own name resolves"
like "$(in_session 'getent ahosts localhost')" '127\.0\.0\.1|::1' "localhost stays"
is "$(hostname)" bed "the host keeps its name"

# Clocks.
host=$(cut -d. -f1 /proc/uptime)
seen=$(in_session 'cut -d. -f1 /proc/uptime')
[ $((seen - host)) -le 2 ]
ok $? "uptime = host: as the host's"

# IPC.
queue=$(ipcmk -Q | grep -o '[0-9]*$')
is "$(in_session 'ipcs -q' | grep -c '^0x')" 0 "no System V queue of the host"
ipcrm -q "$queue"

# The way out: fds, the registry, init.
seen=$(in_session 'ls -l /proc/self/fd')
unlike "$seen" 'mnt:|net:|pid:|socket|pidfd|/run/bed/' "no fd of the host's"
is "$(in_session 'cat /run/pam_ns/session; ls /run/pam_ns | wc -l')" $'2001.1\n5' "the registry is hidden"
deny "and cannot be written" in_session 'echo x >/run/pam_ns/x'
for f in exe root cwd fd/0 mem; do
	deny "init's $f is out of reach" in_session "cat /proc/1/$f >/dev/null || ls /proc/1/$f/"
done
is "$(in_session 'grep -c . /proc/1/environ 2>/dev/null')" "" "init's environment is out of reach"
seen=$(in_session 'cat /proc/1/status')
like "$seen" 'CapPrm:.0000000000000020' "init has CAP_KILL alone"
like "$seen" 'CapBnd:.0000000000000020' "... in its bounding set too"
like "$seen" 'NoNewPrivs:.1' "... and no_new_privs"
is "$(su - alice -c 'echo $PAM_NS_SESSION')" 2001.1 "PAM_NS_SESSION names the session"
is "$(in_session 'grep CapBnd /proc/self/status')" "$(grep CapBnd /proc/self/status)" "the session's bounding set is as before"

# Two at once do not see each other.
mkfifo /run/bed/go
su alice -s /bin/bash -c 'echo alice >/tmp/hers; read -r x' <>/run/bed/go >/dev/null 2>&1 &
poll_until pgrep -f 'pam_ns: alice'
seen=$(su bob -s /bin/bash -c 'ls /tmp; ps -e -o user=' 2>&1)
unlike "$seen" 'alice|hers' "another user's files and processes are not there"
seen=$(in_session 'ls /tmp; ps -e -o args= | grep -c hers; cat /run/pam_ns/session')
like "$seen" '2001\.2$' "a second session of the same user is another instance"
unlike "$seen" '^hers' "... with another /tmp"
shell=$(pgrep -f '^bash -c echo alice')
for n in mnt ipc uts pid time net; do
	is "$(readlink "/proc/$(pgrep -f 'pam_ns: alice')/ns/$n")" "$(readlink "/proc/$shell/ns/$n")" "init and shell share the $n namespace"
done
echo >/run/bed/go
wait %?alice 2>/dev/null
clean "after these sessions"

# What a user leaves running ends with the session.
in_session 'nohup sleep 1001 >/dev/null 2>&1 & setsid sleep 1002 >/dev/null 2>&1 & (trap "" TERM HUP; sleep 1003) & disown -a; exit 0'
poll_until bash -c '! pgrep -f "sleep 100[123]"'
ok $? "nohup, setsid and TERM-proof jobs end at logout"
clean "background jobs"

# Init hears root from outside, and nobody from inside.
su alice -s /bin/bash -c 'sleep 1004; exit 0' >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1004'
inside=$(pgrep -f '^sleep 1004')
is "$(nsenter -a -t "$inside" sh -c 'for s in TERM HUP INT KILL; do kill -$s 1; done; sleep 0.2; ps -o args= 1')" \
	"pam_ns: alice (su) 2001.1" "root inside cannot end init by a signal"
kill "$inside"
wait $! 2>/dev/null
clean "signals of root inside"
su alice -s /bin/bash -c 'sleep 1005; exit 0' >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1005'
inside=$(pgrep -f '^sleep 1005')
nsenter -a -t "$inside" sh -c 'prlimit --pid 1 --nofile=4:4; (true &)' # an orphan that init wakes up for
poll_until bash -c "! pgrep -f '^sleep 1005'"
ok $? "root inside makes init blind: the session ends"
wait $! 2>/dev/null
clean "an init without files"

# su inside a session stays in it.
seen=$(in_session 'readlink /proc/self/ns/net; echo secret | su bob -c "readlink /proc/self/ns/net; id -un"' | sed 's/Password: //')
is "$(sed -n 3p <<<"$seen")" bob "su inside a session works"
is "$(sed -n 2p <<<"$seen")" "$(sed -n 1p <<<"$seen")" "... and stays in it"

rm -f /tmp/of-the-host /dev/shm/of-the-host
base
done_testing
