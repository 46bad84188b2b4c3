#!/bin/bash
# SPDX-License-Identifier: MIT
# Each key of the policy, by its effect in a real session.
. "$(dirname "$0")/lib.sh"

inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { printf '[default]\n%b\n' "$1" | policy; }
own() { # NAMESPACE...: which of these are the session's own
	local n seen
	for n in "$@"; do
		seen=$(inside "readlink /proc/self/ns/$n")
		[[ $seen = "$n":* && $seen != "$(readlink "/proc/self/ns/$n")" ]] && echo -n "$n "
	done
}
ALL=(mnt ipc uts pid time net cgroup)

# Each namespace by itself.
with 'mount = no\npid = no\nipc = no\nprivate_tmp = no'
is "$(own "${ALL[@]}")" "uts time net " "mount = no, and what needs it"
is "$(inside pwd)" / "... the working directory stays"
with 'ipc = no'
is "$(own "${ALL[@]}")" "mnt uts pid time net " "ipc = no"
touch /dev/shm/of-the-host
like "$(inside 'ls /dev/shm')" of-the-host "... /dev/shm is the host's"
rm /dev/shm/of-the-host
with 'uts = no'
is "$(own "${ALL[@]}")" "mnt ipc pid time net " "uts = no"
is "$(inside hostname)" bed "... the host's name"
with 'pid = no'
is "$(own "${ALL[@]}")" "mnt ipc uts time net " "pid = no"
like "$(inside 'ps -e -o args=')" logsink "... the host's processes show"
with 'time = no'
is "$(own "${ALL[@]}")" "mnt ipc uts pid net " "time = no"
with 'network = host'
is "$(own "${ALL[@]}")" "mnt ipc uts pid time " "network = host"
with 'cgroup = yes'
is "$(own "${ALL[@]}")" "mnt ipc uts pid time net cgroup " "cgroup = yes"
like "$(inside 'cut -d: -f3 /proc/self/cgroup | sort -u')" '^/$' "... and its root is the session's"
with 'isolate = no'
is "$(own "${ALL[@]}")" "" "isolate = no"
clean "namespaces"

# Network.
with 'network = off'
unlike "$(inside 'ip -br a')" '127.0.0.1|UP|UNKNOWN' "network = off: lo is down"
deny "... and unusable" inside 'ping -c1 -W1 127.0.0.1 || exec 3<>/dev/tcp/127.0.0.1/1 || exit 1'

# Names.
with 'hostname = a.b-c_d\ndomainname = dom.example'
is "$(inside 'hostname; cat /proc/sys/kernel/domainname; cat /etc/hostname')" $'a.b-c_d\ndom.example\na.b-c_d' "hostname, domainname"
with 'hostname = %h'
is "$(inside 'hostname; stat -f -c %T /etc/hosts')" "bed"$'\n'"$(stat -f -c %T /etc/hosts)" "hostname = %h: nothing is laid over /etc"
with 'hostname = %u-%U-%g-%s-%h'
is "$(inside hostname)" alice-2001-2001-su-bed "templates"
with 'hostname = %u-%U-%h'
# Names that no hostname may hold: they come from directories, which have them.
number=2010
while read -r name want; do
	add_user "$name" $((++number))
	is "$(su "$name" -s /bin/sh -c hostname 2>&1)" "$want" "hostname of a user called $name"
done <<-END
	svc+x@corp.example svc-x-corp.example-2011-bed
	.dot xdot-2012-bed
	CORP\\\\ann CORP--ann-2013-bed
	müller m--ller-2014-bed
END
with 'hostname = x%u%u%u%u%u%u%u%u%u%u%u%u%u%u%u'
is "$(inside hostname)" "$(printf x; printf 'alice%.0s' {1..12})ali" "a long one is cut at 64 bytes"
for bad in -x '%d' '%' 'a b' 'a/b' '%x'; do
	printf '[default]\nhostname = %s\n' "$bad" | policy
	deny "hostname = $bad: refused" inside true
done

# Clocks.
mono='perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e "printf q(%d), clock_gettime(CLOCK_MONOTONIC)"'
before=$(eval "$mono")
with 'uptime = session'
[ "$(inside "$mono")" -le 2 ] && [ "$(inside 'cut -d. -f1 /proc/uptime')" -le 2 ]
ok $? "uptime = session: both clocks start at login"
with 'uptime = 1000000'
like "$(inside "$mono"):$(inside 'cut -d. -f1 /proc/uptime')" '^100000[0-9]:100000[0-9]$' "uptime = 1000000"
[ "$(eval "$mono")" -ge "$before" ] && [ "$(eval "$mono")" -lt 1000000 ]
ok $? "the host's clock goes on"
now=$(date +%s)
[ $(($(inside 'date +%s') - now)) -le 2 ]
ok $? "the time of day is the host's"

# Memory.
with 'tmp_size = 1M'
for dir in /tmp /var/tmp /dev/shm; do
	like "$(inside "head -c 3000000 /dev/zero >$dir/x; stat -c %s $dir/x")" "No space left.*"$'\n'"1048576" "tmp_size: $dir is full at 1 MiB"
done
like "$(inside 'i=0; while : >/tmp/f$((i++)); do :; done')" 'No space left' "... and at so many empty files"
with 'tmp_size = 64K'
like "$(inside 'head -c 300000 /dev/zero >/tmp/x; stat -c %s /tmp/x')" 'No space left.*'$'\n''65536' "tmp_size = 64K"
with 'tmp_size = 50%'
total=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
size=$(inside 'findmnt -nbo SIZE --mountpoint /tmp | tail -1')
[ $((size * 100 / 1024 / total)) -ge 49 ] && [ $((size * 100 / 1024 / total)) -le 51 ]
ok $? "tmp_size = 50%"
: >/tmp/of-the-host
with 'private_tmp = no'
like "$(inside 'ls /tmp')" of-the-host "private_tmp = no"
rm /tmp/of-the-host

# Propagation: mounts of the host that come later, and the session's own.
mkdir -p /mnt
mount -t tmpfs shared /mnt
mount --make-shared /mnt
mkdir /mnt/later
base
declare -A appears=([slave]=1 [private]=0)
for how in slave private; do
	with "propagation = $how"
	hold
	mount -t tmpfs later /mnt/later
	seen=$(grep -c ' /mnt/later ' /proc/"$IN"/mountinfo)
	is "$how $seen" "$how ${appears[$how]}" "propagation = $how: a later mount of the host"
	umount /mnt/later
	nsenter -m -t "$IN" mount -t tmpfs inside /mnt/later
	is "$(grep -c ' /mnt/later ' /proc/"$IN"/mountinfo)" 1 "propagation = $how: root can mount inside"
	is "$(grep -c ' /mnt/later ' /proc/self/mountinfo)" 0 "propagation = $how: ... and it stays inside"
	release
done
umount /mnt
base

# Time and number.
with 'kill_grace = 2'
start=$(date +%s%N)
inside '(trap "echo TERM >~/term; sleep 5" TERM; trap "" HUP; sleep 30 & wait; wait) >/dev/null 2>&1 & sleep 0.3; exit 0' >/dev/null
poll_until grep -q TERM /home/alice/term
ok $? "kill_grace: what is left gets SIGTERM"
poll_until no_sessions
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 1800 ] && [ $took -le $((4500 * ${PNS_PACE:-1})) ]
ok $? "... and two seconds" || diag "$took ms"
with 'kill_grace = 0'
start=$(date +%s%N)
inside '(trap "" TERM HUP; sleep 30) >/dev/null 2>&1 & sleep 0.1; exit 0' >/dev/null
poll_until no_sessions
[ $((($(date +%s%N) - start) / 1000000)) -lt $((1500 * ${PNS_PACE:-1})) ]
ok $? "kill_grace = 0: at once"
clean "kill_grace"

with 'max_sessions = 1'
hold
log_mark
deny "max_sessions: a second login is denied" inside true
denied_like 'has 1 logins already: end one, or raise max_sessions' "max_sessions"
deny "... through another program too" pamtester pamtest alice open_session
try "... of another user not" su bob -c true
is "$(inside true; su root -c 'echo in')" "su: cannot open session: System error"$'\n'in "... root's not"
release
try "... and possible again after logout" inside true

with 'max_sessions = 2'
hold
seen=$(pamtester pamtest alice open_session close_session 2>&1)
like "$seen" 'successfully opened.*'$'\n''.*session has' "max_sessions = 2: a second login, through another program"
mkfifo -m 666 /run/second
su alice -s /bin/bash -c 'echo in; read -r x </run/second' >/run/bed/second 2>&1 &
poll_until grep -q in /run/bed/second
deny "... a third is denied" pamtester pamtest alice open_session
echo >/run/second
wait $!
release
clean "max_sessions"

# sysctl.
with 'sysctl.net.ipv4.ip_unprivileged_port_start = 0\nsysctl.kernel.shmmni = 77\nsysctl.fs.mqueue.msg_max = 5'
is "$(inside 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max')" $'0\n77\n5' "sysctl"
isnt "$(cat /proc/sys/kernel/shmmni)" 77 "... inside alone"
with 'sysctl.net.no.such = 1'
log_mark
deny "a sysctl that is not there: denied" inside true
denied_like 'sysctl.net.no.such = 1: this kernel has no such setting: take it out' "an unknown sysctl"
with 'sysctl.net.ipv4.ip_forward = 1\nnetwork = host'
deny "a network sysctl with the host's network: refused" inside true
is "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 1024 "the host's are untouched"
printf '[default]\nsysctl.kernel.shmmni = 77\n[user alice]\nsysctl.kernel.shmmni =\n' | policy
is "$(inside 'cat /proc/sys/kernel/shmmni')" 4096 "an empty value takes a label back"
policy </dev/null
clean "keys"
done_testing
