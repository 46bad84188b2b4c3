#!/bin/bash
# SPDX-License-Identifier: MIT
# sudo runs a command isolated, or not at all.
. "$(dirname "$0")/lib.sh"

printf 'root ALL=(ALL) ALL\nbob ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers
rm -rf /etc/sudoers.d
chmod 440 /etc/sudoers
base
host=$(readlink /proc/self/ns/net)
for pty in '!use_pty' use_pty; do
	sed -i '/^Defaults/d' /etc/sudoers
	echo "Defaults $pty" >>/etc/sudoers
	policy </dev/null
	seen=$(sudo -u alice readlink /proc/self/ns/net)
	like "$seen" 'net:' "$pty: the command runs"
	isnt "$seen" "$host" "$pty: ... in a network of its own"
	like "$(script -qec 'sudo -u alice readlink /proc/self/ns/net' /dev/null)" 'net:' "$pty: on a terminal too"
	isnt "$(runuser -u bob -- sudo -u alice readlink /proc/self/ns/net)" "$host" "$pty: from a user"
	sudo -u alice sh -c 'exit 9'
	is $? 9 "$pty: the exit status"
	is "$(sudo -u root readlink /proc/self/ns/net)" "$host" "$pty: root is exempt"
	clean "$pty"

	policy <<<'isolate = yes'
	log_mark
	is "$(sudo -u alice readlink /proc/self/ns/net 2>/dev/null)" "" "$pty: broken policy: nothing is run"
	denied_like 'pam_ns\(sudo:session\): .*pam_ns.conf:1' "$pty: broken policy"
	is "$(sudo -u root echo in)" in "$pty: broken policy: root gets on"
	policy </dev/null
	mv /usr/libexec/pam_ns_helper /usr/libexec/gone
	deny "$pty: no helper: denied" sudo -u alice touch /home/alice/ran
	mv /usr/libexec/gone /usr/libexec/pam_ns_helper
	[ ! -e /home/alice/ran ]
	ok $? "$pty: no helper: nothing is run"
	clean "$pty: denials"
done
done_testing
