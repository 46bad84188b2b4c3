#!/bin/bash
# SPDX-License-Identifier: MIT
# network = NAME: a session in a namespace that ip netns made.
. "$(dirname "$0")/lib.sh"

inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { printf '[default]\n%b\n' "$1" | policy; }
CONF=/etc/security/pam_ns.conf
HOST=$(readlink /proc/self/ns/net)

ip netns add vpn
ip -n vpn link add eth7 type bridge
ip -n vpn addr add 192.0.2.7/24 dev eth7
ip -n vpn link set eth7 up
VPN=$(ip netns exec vpn readlink /proc/self/ns/net)
base

with 'network = vpn'
is "$(inside 'readlink /proc/self/ns/net')" "$VPN" "network = vpn: the session is in it"
like "$(inside 'ip -br a')" 'eth7 .*192\.0\.2\.7/24' "... with its interfaces and addresses"
like "$(inside 'ip -br a')" '^lo +DOWN' "... and lo as its admin left it"
is "$(inside 'ls /sys/class/net' | paste -sd' ')" "eth7 lo" "/sys shows its interfaces"
like "$(inside 'cat /proc/net/dev')" eth7 "... and /proc"
is "$(inside 'readlink /proc/self/ns/net')" "$(su bob -c 'readlink /proc/self/ns/net')" "two users share it"
is "$(readlink /proc/self/ns/net)" "$HOST" "the host's is as before"
is "$("$TOOLS/caller" pamtest alice | grep -c "^outside net:")" 1 "a login program goes back"
like "$("$TOOLS/caller" pamtest alice | grep '^outside net:')" "${HOST#net:}" "... to the host's"
is "$("$TOOLS/caller" pamtest alice | grep CHANGED)" "" "... and nothing of it is changed"
clean "network = vpn"

start_sshd
is "$(as alice 'readlink /proc/self/ns/net')" "$VPN" "over ssh"
poll_until no_sessions
stop_sshd
mkdir -p /var/spool/cron/crontabs
base
cat >/run/script <<-'END'
	readlink /proc/self/ns/net
END
is "$(timeout 30 "$TOOLS/ptyrun" 20 'Password: ' secret '$ ' 'echo "[$(readlink /proc/self/ns/net)]"; exit' -- login alice 2>&1 |
	tr -d '\r' | grep -oF "[$VPN]" | head -1)" "[$VPN]" "login"
clean "ssh, login"

# Files of the network, over those of /etc.
mkdir -p /etc/netns/vpn /etc/subdir
echo 'nameserver 192.0.2.53' >/etc/netns/vpn/resolv.conf
printf '192.0.2.9 of-the-vpn\n' >/etc/netns/vpn/hosts
echo unseen >/etc/netns/vpn/no-such-file
mkdir /etc/netns/vpn/subdir
echo of-the-vpn >/etc/netns/vpn/subdir/file
echo of-the-host >/etc/subdir/file
rm -f /etc/resolv.conf
mkdir -p /run/resolve
echo 'nameserver 127.0.0.53' >/run/resolve/stub.conf
ln -s ../run/resolve/stub.conf /etc/resolv.conf
base
is "$(inside 'cat /etc/resolv.conf')" 'nameserver 192.0.2.53' "/etc/netns/vpn/resolv.conf is laid over what /etc's symlink names"
is "$(cat /etc/resolv.conf)" 'nameserver 127.0.0.53' "... in the session alone"
is "$(inside 'cat /etc/subdir/file')" of-the-vpn "a directory too"
[ ! -e /etc/no-such-file ] && is "$(inside 'cat /etc/no-such-file 2>&1 | grep -c No.such')" 1 "a file that /etc has not is not made"
with 'network = vpn\nhostname = %u-box'
like "$(inside 'getent hosts of-the-vpn; getent hosts alice-box; cat /etc/hostname')" '192\.0\.2\.9 .*127\.0\.1\.1 .*alice-box' "hosts: the network's, with the session's name"
mv /etc/subdir /etc/subdir.dir
echo a file >/etc/subdir
log_mark
deny "a directory over a file: denied" inside true
denied_like 'laying /etc/netns/vpn/subdir over that of /etc: one is a file and one a directory: make them alike' "a directory over a file"
rm /etc/subdir
mv /etc/subdir.dir /etc/subdir
chown alice /etc/netns/vpn
log_mark
deny "/etc/netns/vpn of a user's: denied" inside true
denied_like '/etc/netns/vpn belongs to uid 2001: chown root it' "/etc/netns/vpn of a user's"
chown root /etc/netns/vpn
with 'network = vpn\nmount = no\npid = no\nipc = no\nprivate_tmp = no'
is "$(inside 'readlink /proc/self/ns/net; cat /etc/resolv.conf')" "$VPN"$'\n''nameserver 127.0.0.53' "mount = no: the network alone"
rm -rf /etc/netns
clean "/etc/netns"

# What is not there, or not what it should be.
refused() { # NAME POLICY REGEX
	with "$2"
	log_mark
	deny "$1: denied" inside true
	denied_like "$3" "$1"
	is "$(su root -c 'echo in')" in "$1: root gets in"
}
MISSING='no network namespace is there: make it with ip netns add'
refused "missing" 'network = hots' "denied: network = hots: $MISSING hots, or write loopback, host or off"
: >/run/netns/plain
refused "a plain file" 'network = plain' "denied: network = plain: $MISSING plain"
: >/run/netns/uts
mount --bind /proc/self/ns/uts /run/netns/uts
refused "another kind of namespace" 'network = uts' "denied: network = uts: $MISSING uts"
umount /run/netns/uts
ln -s /home/alice/ns /run/netns/link
: >/home/alice/ns
mount --bind /run/netns/vpn /home/alice/ns
refused "a symlink into a home" 'network = link' '/home/alice belongs to uid 2001'
umount /home/alice/ns
rm /run/netns/{plain,uts,link}
mkfifo /run/netns/fifo
SECONDS=0
refused "a FIFO" 'network = fifo' '/run/netns/fifo is not a regular file'
within 4
ok $? "a FIFO: at once"
rm /run/netns/fifo
chmod 777 /run/netns
refused "a directory that all can write" 'network = vpn' '/run/netns can be written by others than root: chmod go-w it'
chmod 755 /run/netns
NO="names no network: write loopback, host, off or a name that ip netns list shows"
refused "a path" 'network = ../../proc/1/ns/net' "$CONF:2: network: '../../proc/1/ns/net' $NO"
refused ".." 'network = ..' "$CONF:2: network: '..' $NO"
refused "nothing" 'network =' "$CONF:2: network: '' $NO"
refused "256 bytes" "network = $(printf 'n%.0s' {1..256})" "$CONF:2: network: 'n*' $NO"
refused "255 bytes are a name" "network = $(printf 'n%.0s' {1..255})" "network = n*: $MISSING n*"
refused "a sysctl of a shared network" 'network = vpn\nsysctl.net.ipv4.ip_forward = 1' \
	"$CONF:3: sysctl.net.\* would change a named network for all who share it: set it there with ip netns exec NAME sysctl, or write network = loopback"
ip netns add loopback
with 'network = loopback'
isnt "$(inside 'readlink /proc/self/ns/net')" "$(ip netns exec loopback readlink /proc/self/ns/net)" "a namespace called loopback: the word is meant"
ip netns del loopback
with 'network = vpn\nsysctl.kernel.shmmni = 77'
is "$(inside 'cat /proc/sys/kernel/shmmni')" 77 "other sysctls go with it"

# Deleted while a session is in it: the session goes on, the next is denied.
with 'network = vpn'
mkfifo -m 666 /run/go
su alice -s /bin/bash -c 'echo in; read -r x </run/go; readlink /proc/self/ns/net' >/run/bed/out 2>&1 &
poll_until grep -q in /run/bed/out
ip netns del vpn
base
log_mark
deny "deleted: the next login is denied" su bob -c true
denied_like "network = vpn: $MISSING vpn" "deleted"
timeout 10 sh -c "echo >/run/go"
wait $!
is "$(cat /run/bed/out)" "in"$'\n'"$VPN" "... and the session in it went on"
policy </dev/null
poll_until no_sessions
base
su alice -c true
clean "all"
done_testing
