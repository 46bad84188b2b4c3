#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl doctor: each way round is made here for real, and must be told closed, open or absent.
. "$(dirname "$0")/lib.sh"

OUT=
doctor() { # STATUS NAME [WORD...]: into OUT
	local status=$1 name=$2
	shift 2
	OUT=$(pam_nsctl doctor alice "$@" 2>/run/bed/err)
	is $? "$status" "$name: exit status $status" || diag "$OUT" "$(cat /run/bed/err)"
}
says() { # STATE WAY REGEX: of one way
	is "$(grep -cE "^$1 +$2 +.*$3" <<<"$OUT")" 1 "$2: $1" || diag "$OUT"
}
listen() { # PATH [OWNER]
	mkdir -p "$(dirname "$1")"
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Listen => 5, Local => shift) or die; sleep 1000' "$1" &
	poll_until test -S "$1"
	chmod 666 "$1"
	[ $# = 1 ] || chown "$2" "$1"
}
# None of the machine's own.
rm -f /usr/bin/at /usr/bin/crontab /usr/bin/sudo /etc/at.* /etc/cron.allow /etc/cron.deny
policy </dev/null
doctor 0 "a machine with nothing"
for way in 'systemd-run --user' 'system D-Bus' at cron docker podman 'containerd, cri-o' 'lxd, incus' libvirt snapd 'other sockets by path' 'ssh to localhost' sudo; do
	says absent "$way" 'not on this machine'
done
for way in 'abstract sockets' /proc/PID/root 'signals, ptrace' "the host's 127.0.0.1"; do
	says closed "$way" ''
done
like "$OUT" $'\n0 of 17 ways open$' "it counts"
is "$(cat /run/bed/err)" "" "no progress where there is no terminal"
like "$("$TOOLS/ptyrun" 20 -- pam_nsctl doctor alice)" 'trying 1 of 17: systemd-run --user' "... but on one"
clean "doctor"

# Programs whose daemon would run a job outside.
printf '#!/bin/sh\n' | tee /usr/bin/at >/usr/bin/crontab
chmod 755 /usr/bin/at /usr/bin/crontab
unstack atd
unstack cron
doctor 1 "at and cron"
says open at 'write pam_ns.so in /etc/pam.d/atd, or the user in /etc/at.deny'
says open cron 'write pam_ns.so in /etc/pam.d/cron .*, or the user in /etc/cron.deny'
stack atd
stack cron
doctor 0 "at and cron with pam_ns in their stacks"
says closed at 'isolated alike \(/etc/pam.d/atd\)'
says closed cron 'isolated alike \(/etc/pam.d/cron\)'
pam_file atd 'session required pam_ns.so close' ''
pam_file cron 'session required pam_ns.so close' 'session optional pam_ns.so open'
doctor 1 "pam_ns.so that isolates nobody, or need not"
says open at 'its jobs run outside'
says open cron 'its jobs run outside'
policy <<<$'[default]\nno_new_privs = yes'
doctor 0 "... and no_new_privs"
says closed at 'no_new_privs takes /usr/bin/at its rights'
policy <<<$'[default]\nhide.x = /usr/bin/at'
doctor 1 "... and at hidden"
says closed at '/usr/bin/at cannot be run inside'
says open cron ''
policy </dev/null
unstack atd
unstack cron
echo alice >/etc/at.deny
echo bob >/etc/cron.allow
doctor 0 "at and cron denied"
says closed at 'alice may not use it \(/etc/at.deny\)'
says closed cron 'alice may not use it \(/etc/cron.allow\)'
echo alice >>/etc/cron.allow
doctor 1 "cron allowed"
says open cron ''
rm /usr/bin/at /usr/bin/crontab /etc/at.deny /etc/cron.allow

# Sockets of the machine, which by path are there in every network namespace.
listen /run/docker.sock
listen /run/podman/podman.sock
listen /run/containerd/containerd.sock
listen /run/incus/unix.socket
listen /var/lib/incus/unix.socket
listen /var/run/libvirt/libvirt-sock # as it was bound, so /proc/net/unix says
listen /run/snapd.socket
listen /srv/own.sock
listen /run/systemd/journal/stdout
doctor 1 "sockets"
says open docker '/run/docker.sock answers: write hide.docker = /run/docker.sock'
says open podman '/run/podman/podman.sock answers: write hide.podman'
says open 'containerd, cri-o' '/run/containerd/containerd.sock answers: write hide.containerd'
says open 'lxd, incus' '/var/lib/incus/unix.socket answers'
says open libvirt '/run/libvirt/libvirt-sock answers: write hide.libvirt'
says open snapd '/run/snapd.socket answers'
says open 'other sockets by path' '2 answer: (/run/incus/unix.socket /srv/own.sock|/srv/own.sock /run/incus/unix.socket): write hide.LABEL = PATH'
unlike "$OUT" 'journal' "those that only log are no way"
chmod 600 /run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock /var/lib/incus/unix.socket /run/libvirt/libvirt-sock \
	/run/snapd.socket /run/incus/unix.socket /srv/own.sock
doctor 0 "sockets that the user may not use"
says closed docker '/run/docker.sock is out of reach'
says closed 'other sockets by path' 'none of 2 answers'
rm -r /run/docker.sock /run/podman /run/containerd /run/incus /var/lib/incus /run/libvirt /run/snapd.socket /srv/own.sock /run/systemd

listen /run/user/2001/bus alice
listen /run/dbus/system_bus_socket
doctor 0 "buses"
says closed 'systemd-run --user' '/run/user/2001/bus'
says closed 'system D-Bus' '/run/dbus/system_bus_socket'
policy <<<$'[default]\nbuses = show'
doctor 1 "buses shown"
says open 'systemd-run --user' 'write buses = hide'
says open 'system D-Bus' 'write buses = hide'
rm -r /run/user /run/dbus

# Policy that leaves ways open.
policy <<<$'[default]\nnetwork = host'
doctor 1 "network = host"
says open 'abstract sockets' 'write network = loopback'
says open "the host's 127.0.0.1" 'write network = loopback'
start_sshd
doctor 1 "network = host, and sshd"
says closed 'ssh to localhost' 'isolated alike'
unstack sshd
doctor 1 "... without pam_ns"
says open 'ssh to localhost' 'write network = loopback, or pam_ns.so in /etc/pam.d/sshd'
policy </dev/null
doctor 0 "network = loopback"
says closed 'ssh to localhost' 'port 22 does not answer'
stack sshd
stop_sshd
policy <<<$'[default]\npid = no'
doctor 1 "pid = no"
says open /proc/PID/root 'leads to the host.s files: write pid = yes'
says open 'signals, ptrace' 'takes signals and ptrace: write pid = yes'
policy <<<$'[user alice]\nisolate = no'
doctor 1 "isolate = no"
says open /proc/PID/root ''
like "$(cat /run/bed/err)" 'isolate = no: alice is left alone' "... and says so"
policy <<<$'[default]\nnetwork = host\n[service cron]\nnetwork = loopback'
doctor 0 "--service" --service cron
policy </dev/null

# sudo: what it says itself.
printf '#!/bin/sh\n[ "$*" = "-n -l -U alice" ] && echo "User alice may run the following commands on bed:"\n' >/usr/bin/sudo
chmod 755 /usr/bin/sudo
doctor 1 "sudo"
says open sudo 'write no_new_privs = yes, capabilities = none, or no rule in sudoers'
policy <<<$'[default]\nno_new_privs = yes'
doctor 0 "sudo, and no_new_privs"
says closed sudo 'no_new_privs takes sudo its rights'
policy <<<$'[default]\ncapabilities = none'
doctor 0 "sudo, and no capabilities"
says closed sudo 'not the capabilities to leave'
policy </dev/null
printf '#!/bin/sh\necho "User alice is not allowed to run sudo on bed."\n' >/usr/bin/sudo
doctor 0 "sudo without a rule"
says absent sudo ''
rm /usr/bin/sudo

mv /usr/libexec/pam_ns_helper /usr/libexec/away
doctor 2 "denied"
is "$OUT" "" "... nothing is reported of a session that was not there"
like "$(cat /run/bed/err)" 'session for alice denied: .*install pam_ns again' "... and a line says why"
mv /usr/libexec/away /usr/libexec/pam_ns_helper
! pgrep -u alice
ok $? "nothing of alice's is left"
no_sessions
ok $? "nor a session"
done_testing
