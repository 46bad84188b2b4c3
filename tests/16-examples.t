#!/bin/bash
# SPDX-License-Identifier: MIT
# conf/policies: each file as it is installed, in force as the policy, and what a login then finds.
. "$(dirname "$0")/lib.sh"

DOC=/usr/share/doc/pam_ns/policies
inside() { su alice -s /bin/bash -c "$1" 2>&1; }
USED=()
# The file, as the policy; a change to it by sed(1) stands for what a comment in it offers.
use() { # NAME [SED-SCRIPT]
	USED+=("$1.conf")
	cmp -s "$DOC/$1.conf" "$SRC/conf/policies/$1.conf"
	ok $? "$1: is installed"
	sed "${2:-}" "$DOC/$1.conf" | policy
	local seen
	seen=$(pam_nsctl check "$DOC/$1.conf" 2>&1)
	is "$(grep -c "^ok *$DOC/$1.conf\$" <<<"$seen")" 1 "$1: pam_nsctl check finds it well-formed" || diag "$seen"
	is "$(grep -E "^(error|warning).*$DOC/" <<<"$seen")" "" "$1: ... and without errors and warnings"
}
HOSTS_NET=$(readlink /proc/self/ns/net)
ZERO=0000000000000000
# What a session is bound to: NoNewPrivs and CapBnd.
BOUND="awk '/NoNewPrivs|CapBnd/ { print \$2 }' /proc/self/status"
for group in tutors admins developers; do echo "$group:x:$((3100 + ${#group})):" >>/etc/group; done
join() { sed -i "/^$2:/ { s/\$/,$1/; s/:,/:/ }" /etc/group; }
join bob tutors
join bob admins
join alice developers
join bob developers
[ -e /dev/kvm ] || : >/dev/kvm # whatever a machine has there
mkdir -p /srv
mount -t tmpfs -o mode=755 srv /srv
start_sshd
base

# ---- students ----
use students
is "$(inside 'ls /home; ls -A ~ | wc -l; ls -d /srv/courses 2>&1 | grep -c No.such')" $'alice\n0\n1' "students: no home but the own"
[ -d /home/bob ]
ok $? "... while others are there"
# shellcheck disable=SC2016
SERVE='perl -MIO::Socket::INET -e '\''IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 80, Listen => 1) or die "$!\n"; print "port 80\n"; system @ARGV'\'
is "$(as alice "$SERVE")" "port 80" "students: over ssh, port 80 of the own loopback"
mkfifo -m 666 /run/go
as alice "$SERVE cat /run/go" >/run/bed/first 2>&1 &
poll_until grep -q 'port 80' /run/bed/first
is "$(as alice "$SERVE" 2>&1)" "port 80" "... in each session at once"
timeout 10 sh -c 'echo >/run/go'
wait $!
is "$(inside 'ls -d /dev/kvm 2>&1 | grep -c No.such; findmnt -nbo SIZE /tmp | tail -1; ls /sys/class/net')" \
	$'1\n67108864\nlo' "students: /dev, /tmp and network"
like "$(inside 'head -c 70000000 /dev/zero >/tmp/x; stat -c %s /tmp/x')" 'No space left.*67108864$' "... /tmp has its limit"
mkdir /srv/courses
echo lesson >/srv/courses/one
chmod 777 /srv/courses
like "$(inside 'cat /srv/courses/one; echo x >/srv/courses/two')" $'^lesson\n.*Read-only' "... course material, read-only"
rm -r /srv/courses
join bob students
is "$(su bob -c 'ls -d /home/alice; readlink /proc/self/ns/net')" "/home/alice"$'\n'"$HOSTS_NET" "students: a tutor, even as a student, sees more"
poll_until no_sessions
clean students

# ---- hardened ----
use hardened
is "$(inside "$BOUND")" $ZERO$'\n'1 "hardened: NoNewPrivs and an empty bounding set, by su"
is "$(as alice "$BOUND")" $ZERO$'\n'1 "... by ssh"
is "$(inside 'ls /dev/kvm 2>&1 | grep -c No.such; id -u; touch /usr/x /etc/x 2>&1 | grep -c Read-only')" $'1\n2001\n2' "... no /dev/kvm; /usr and /etc read-only"
cp /usr/bin/id /usr/local/bin/setuid-id
chmod 4755 /usr/local/bin/setuid-id
is "$(setpriv --reuid 2001 --clear-groups setuid-id -u; inside 'setuid-id -u')" $'0\n2001' "... no setuid program gives rights"
rm /usr/local/bin/setuid-id
# Each answers whoever comes, and its daemon starts after the session, or before.
listen() { # SOCKET
	mkdir -p "$(dirname "$1")"
	perl -MIO::Socket::UNIX -e 'umask 0; $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
		while ($c = $s->accept) { print $c "answer\n"; close $c }' "$1" &
	poll_until test -S "$1"
}
SOCKETS=(/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock /run/libvirt/libvirt-sock
	/run/dbus/system_bus_socket /run/systemd/private)
ASK="perl -MIO::Socket::UNIX -e 'for (@ARGV) { \$s = IO::Socket::UNIX->new(\$_); print qq(\$_\n) if \$s && <\$s> }' ${SOCKETS[*]}"
ask_later() { # a session that looks for what answers when it is told to
	as alice "read -r x </run/go; $ASK; echo asked" >/run/bed/first 2>&1 &
	first=$!
	poll_until pgrep -u alice bash
}
start_anew() {
	stop_daemons
	for socket in "${SOCKETS[@]}"; do listen "$socket"; daemons+=($!); done
}
asked() {
	timeout 10 sh -c 'echo >/run/go'
	wait $first
}
ask_later
for socket in "${SOCKETS[@]}"; do listen "$socket"; daemons+=($!); done
is "$(bash -c "$ASK")" "$(printf '%s\n' "${SOCKETS[@]}")" "hardened: the daemons answer outside"
is "$(inside "$ASK; echo asked")" asked "... in a session none does"
asked
is "$(cat /run/bed/first)" asked "... nor in one that was there before them"
# They start anew in the middle of a session: the kernel takes a mount away with what it lies on.
ask_later
stop_daemons() {
	kill "${daemons[@]}"
	rm -r "${SOCKETS[@]}" /run/{containerd,podman,libvirt}
	daemons=()
}
start_anew
is "$(bash -c "$ASK")" "$(printf '%s\n' "${SOCKETS[@]}")" "hardened: they start anew"
asked
is "$(cat /run/bed/first)" asked "... and stay hidden"
mkdir /run/crio # so each path is there
ask_later
start_anew
asked
is "$(cat /run/bed/first)" asked "... also where each path was there"
# A socket alone, in a directory that goes with it.
policy <<<$'[default]\nhide.x = /run/containerd/containerd.sock'
ask_later
start_anew
asked
is "$(grep -E 'containerd|asked' /run/bed/first)" asked "... with the directory that a socket lies in"
stop_daemons
rmdir /run/crio
use hardened
seen=$(su bob -s /bin/bash -c "$BOUND; ls /dev/kvm; ls -A /run/docker.sock 2>&1 | wc -l; touch /usr/x 2>&1 | grep -c Read-only")
is "$seen" "$(eval "$BOUND" | head -1)"$'\n0\n/dev/kvm\n1\n0' "hardened: who is in admins has rights and devices" || diag "$seen"
poll_until no_sessions
clean hardened

# ---- kiosk ----
add_user kiosk 2005
echo of-the-host >/home/kiosk/file
mkdir -p /dev/snd /dev/dri /etc/kiosk
: >/dev/snd/card
echo homepage >/etc/kiosk/browser
stack greetd
base
use kiosk
# shellcheck disable=SC2016
look='ls -A ~; stat -c "%a %U" ~; findmnt -nbo FSTYPE,SIZE ~; cat ~/.config/browser; ls /dev/snd; ls -d /dev/dri /dev/kvm 2>/dev/null; echo x >~/x; cat ~/x; readlink /proc/self/ns/net;'
is "$(su kiosk -s /bin/bash -c "$look $BOUND" 2>&1)" ".config
700 kiosk
tmpfs  536870912
homepage
card
/dev/dri
x
$HOSTS_NET
$ZERO
1" "kiosk: an empty home in memory, its settings, sound, no other device, no rights"
is "$(su kiosk -s /bin/bash -c 'ls -A ~; echo x >~/.config/x' 2>&1 | sed 's/.*: //')" $'.config\nRead-only file system' "... each time anew"
is "$(ls -A /home/kiosk)" file "... the host's home is as it was"
rm -r /etc/kiosk /dev/dri
is "$(ONCE=1 "$TOOLS/caller" greetd kiosk | grep -cE '^inside (mnt|pid):')" 2 "kiosk: by greetd, and without settings and graphics"
rm -r /dev/snd
clean kiosk

# ---- developers ----
use developers
as alice 'echo kept >/tmp/file; sleep 1004 >/dev/null 2>&1 & readlink /proc/self/ns/pid' >/run/bed/first
is "$(su alice -s /bin/bash -c 'readlink /proc/self/ns/pid; cat /tmp/file; pgrep -cf "^sleep 1004"')" "$(cat /run/bed/first)
kept
1" "developers: ssh and su meet in one instance, after the first has gone"
is "$(su bob -c 'ls -A /tmp; pgrep -cf "^sleep 1004"; readlink /proc/self/ns/net')" "0"$'\n'"$HOSTS_NET" "... another developer is in another; the network is the host's"
is "$(pam_nsctl list | grep -c alice)" 1 "... pam_nsctl list shows it"
pam_nsctl end alice >/dev/null
poll_until no_sessions
ok $? "... pam_nsctl end ends it"
base
is "$(su alice -s /bin/bash -c 'cat /tmp/file; pgrep -cf "^sleep 1004"')" $'kept\n0' "developers: /tmp is there in the next instance"
poll_until no_sessions
use developers 's/^linger = .*/linger = yes/'
su alice -c 'readlink /proc/self/ns/pid' >/run/bed/first
is "$(as alice 'readlink /proc/self/ns/pid')" "$(cat /run/bed/first)" "... linger = yes: it stays with nothing in it"
pam_nsctl end alice >/dev/null
poll_until no_sessions
ok $? "... until pam_nsctl end"
clean developers

# ---- vpn ----
use vpn
log_mark
deny "vpn: no namespace, no login, by su" inside true
denied_like 'network = vpn: no network namespace is there: make it with ip netns add vpn' "vpn, missing"
deny "vpn: ... nor by ssh" as bob true
denied_like 'ip netns add vpn' "vpn, missing, ssh"
is "$(as root 'echo in')" in "vpn: root gets in"
ip netns add vpn
ip -n vpn link set lo up
ip -n vpn link add tun7 type bridge
mkdir -p /etc/netns/vpn
echo 'nameserver 10.8.0.1' >/etc/netns/vpn/resolv.conf
rm -f /etc/resolv.conf
echo 'nameserver 192.0.2.1' >/etc/resolv.conf
base
VPN=$(ip netns exec vpn readlink /proc/self/ns/net)
# shellcheck disable=SC2016
look='readlink /proc/self/ns/net; ls /sys/class/net | paste -sd" "; cat /etc/resolv.conf'
is "$(inside "$look")" "$VPN"$'\n''lo tun7'$'\n''nameserver 10.8.0.1' "vpn: by su, the tunnel, its name server and nothing else"
is "$(as bob "$look")" "$VPN"$'\n''lo tun7'$'\n''nameserver 10.8.0.1' "... by ssh"
SOCKETS=(/run/nscd/socket /run/systemd/resolve/io.systemd.Resolve)
ASK="perl -MIO::Socket::UNIX -e 'for (@ARGV) { \$s = IO::Socket::UNIX->new(\$_); print qq(\$_\n) if \$s && <\$s> }' ${SOCKETS[*]}"
daemons=()
for socket in "${SOCKETS[@]}"; do listen "$socket"; daemons+=($!); done
# As resolved has it: the file that resolv.conf names lies beside the socket.
echo 'nameserver 127.0.0.53' >/run/systemd/resolve/stub-resolv.conf
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
is "$(bash -c "$ASK")" "$(printf '%s\n' "${SOCKETS[@]}")" "vpn: nscd and resolved answer outside"
is "$(inside "$ASK; cat /etc/resolv.conf")" 'nameserver 10.8.0.1' "... and not in a session, whose name server is the tunnel's"
kill "${daemons[@]}"
rm -r /run/nscd /run/systemd/resolve
ip netns del vpn
rm -r /etc/netns
base
clean vpn

# ---- lxcfs ----
use lxcfs
is "$(inside 'grep -v MHz /proc/cpuinfo; cat /proc/swaps')" "$(grep -v MHz /proc/cpuinfo; cat /proc/swaps)" "lxcfs: not running, the kernel's files"
mkdir -p /var/lib/lxcfs/proc
for file in cpuinfo diskstats loadavg meminfo stat swaps uptime; do
	echo "$file of lxcfs" >/var/lib/lxcfs/proc/$file
done
is "$(inside 'cd /proc && cat cpuinfo diskstats loadavg meminfo stat swaps uptime')" \
	"$(cd /var/lib/lxcfs/proc && cat cpuinfo diskstats loadavg meminfo stat swaps uptime)" "lxcfs: each of its files lies over the kernel's, by su"
is "$(as bob 'cat /proc/uptime')" "uptime of lxcfs" "... by ssh"
use lxcfs 's/ optional$//'
is "$(as bob 'cat /proc/uptime')" "uptime of lxcfs" "... without optional"
rm -r /var/lib/lxcfs
log_mark
deny "lxcfs: not running, without optional: denied" inside true
denied_like 'lxcfs' "lxcfs, missing"
poll_until no_sessions
clean lxcfs

is "$(printf '%s\n' "${USED[@]}" | sort -u)" "$(find "$SRC/conf/policies" -type f -printf '%f\n' | sort)" "there is no file that is not used here"
stop_sshd

# ---- the manual's ----
n=$(perl -ne 'if (/^\.Sh DIAG/) { last } if (/^\.Bd -literal/) { open F, ">", "/run/example" . ++$n; $in = 1 } elsif (/^\.Ed/) { $in = 0 }
	elsif ($in) { s/\\e/\\/g; s/\\&//g; print F } END { print $n }' "$SRC/man/pam_ns.conf.5")
[ "$n" -ge 35 ]
ok $? "pam_ns.conf(5) has examples" || diag "$n"
for ((i = 1; i <= n; i++)); do pam_nsctl check /run/example$i; done >/run/seen 2>&1
is "$(grep -c "^ok */run/example" /run/seen)" "$(grep -l '^\[' /run/example* | wc -l)" "each is a policy without a mistake" || diag "$(grep ^error /run/seen)"
rm /run/example* /run/seen
done_testing
