#!/bin/bash
# SPDX-License-Identifier: MIT
# What systemd opens sessions for itself: units with PAMName=, and users' managers; and pkexec. They
# exec in place: refused in a clear line, or left alone, as the policy says.
. "$(dirname "$0")/lib.sh"

printf '%s\n' 'auth required pam_permit.so' 'account required pam_permit.so' 'session required pam_ns.so' >/etc/pam.d/ours
for name in ours login; do
	[ $name = ours ] || into login
	unit pamname.service <<-END
		[Service]
		Type=oneshot
		User=alice
		PAMName=$name
		ExecStart=/bin/sh -c 'readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid >/home/alice/unit'
	END
	rm -f /home/alice/unit
	rule
	log_mark
	deny "PAMName=$name: refused" systemctl start pamname
	denied_like "pam_ns\\($name:session\\): session for alice denied: $name \\(a systemd unit with PAMName=\\) cannot be isolated: write isolate = no" "PAMName=$name"
	[ ! -e /home/alice/unit ]
	ok $? "PAMName=$name: nothing was run"
	systemctl reset-failed pamname
	rule "[service $name]" 'isolate = no'
	try "PAMName=$name: left alone when the policy says so" systemctl start pamname
	is "$(cat /home/alice/unit)" "$(readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid)" "PAMName=$name: ... with everything the host's"
	rule
	poll_until no_login
	clean "PAMName=$name"
done
out_of login

# A user's manager that is refused must not keep the user out.
into systemd-user
rule
log_mark
seen=$(as alice 'readlink /proc/self/ns/net; ls -d /run/user/2001')
like "$seen" 'net:.*'$'\n/run/user/2001' "systemd-user refused: the login works"
unlike "$seen" "net:.${HOST//[^0-9]/}" "systemd-user refused: ... isolated"
denied_like 'systemd-user .the user.s service manager. cannot be isolated: write isolate = no under \[service systemd-user\], or take pam_ns out' "systemd-user"
is "$(systemctl is-active user@2001)" failed "systemd-user refused: no manager runs"
poll_until no_login
systemctl reset-failed
rule '[service systemd-user]' 'isolate = no'
seen=$(as alice 'systemd-run --user --wait --pipe -q readlink /proc/self/ns/net; readlink /proc/self/ns/net')
like "$seen" "^net:.${HOST//[^0-9]/}.*"$'\nnet:' "systemd-user left alone: the manager runs, outside, and is asked by the user's bus from inside"
unlike "$seen" "net:.*net:.${HOST//[^0-9]/}" "systemd-user left alone: ... where the network is the session's"
poll_until no_login
# systemctl trusts the manager's own socket only if SO_PEERCRED tells who is there, which it does not
# across PID namespaces, and asks the bus only if there is no such socket.
for way in '' 'without XDG_RUNTIME_DIR' 'hide.manager = /run/user/%U/systemd/private' 'pid = no'; do
	command='systemctl --user is-system-running --wait; systemd-run --user -q true && echo run'
	rule '[service systemd-user]' 'isolate = no' '[service sshd]' "$([[ $way != *=* ]] || echo "$way")"
	[[ $way != without* ]] || command="unset XDG_RUNTIME_DIR; $command"
	seen=$(as alice "$command" 2>&1)
	if [ -z "$way" ]; then like "$seen" 'connect to bus: No data available' "systemctl --user inside: does not connect"
	else like "$seen" $'^(running|degraded)\nrun$' "systemctl --user inside: does, $way"; fi
	poll_until no_login
done
out_of systemd-user
poll_until no_login
clean "systemd-user"

# pkexec.
printf '%s\n' 'auth required pam_permit.so' 'account required pam_permit.so' 'session required pam_ns.so' >/etc/pam.d/polkit-1
rule
log_mark
is "$(pkexec --user alice readlink /proc/self/ns/net 2>/dev/null)" "" "pkexec: refused"
denied_like 'polkit-1 .pkexec. cannot be isolated' "pkexec"
rule '[service polkit-1]' 'isolate = no'
is "$(pkexec --user alice readlink /proc/self/ns/net)" "$HOST" "pkexec: left alone when the policy says so"
clean "pkexec"
done_testing
