#!/bin/bash
# SPDX-License-Identifier: MIT
# A login that pam_systemd has put into its scope: helper, init and all that runs are in it, loginctl
# tells the truth outside and inside, and what logind ends has ended.
. "$(dirname "$0")/lib.sh"

cgroup_of() { cut -d: -f3 "/proc/$1/cgroup"; }
init_of() { pgrep -f "^pam_ns: $1 " | head -1; }
log_in() { # NAME [COMMAND]: and stay
	ssh "${SSH_OPTIONS[@]}" "$1@127.0.0.1" "${2:-echo in; exec sleep 1000}" </dev/null >"/run/bed/ssh.$1" 2>&1 &
	poll_until grep -q '^in' "/run/bed/ssh.$1"
}

seen=$(as alice 'readlink /proc/self/ns/net; echo "id=$XDG_SESSION_ID"; cat /proc/self/cgroup
	loginctl show-session "$XDG_SESSION_ID" -p Id -p Name -p Service -p State -p Scope; loginctl list-sessions --no-legend
	ls -d "$XDG_RUNTIME_DIR"; findmnt -n -o FSTYPE "$XDG_RUNTIME_DIR"; hostname')
like "$seen" 'net:\[' "a login by ssh"
unlike "$seen" "net:.${HOST//[^0-9]/}" "... with a network of its own"
id=$(sed -n 's/^id=//p' <<<"$seen")
like "$seen" "session-$id\\.scope" "inside: the shell's cgroup is the login's scope"
like "$seen" "Id=$id"$'\nName=alice' "inside: loginctl shows this session"
like "$seen" 'Service=sshd' "inside: ... by sshd"
like "$seen" "Scope=session-$id.scope" "inside: ... and its scope"
like "$seen" $'\n/run/user/2001\ntmpfs' "inside: the runtime directory is mounted"
poll_until no_login
clean "logout"

log_in alice
init=$(init_of alice)
id=$(sessions)
leader=$(loginctl show-session "$id" -p Leader --value)
like "$(tr '\0' ' ' <"/proc/$leader/cmdline")" 'sshd: alice' "outside: the leader is sshd's process"
is "$(cgroup_of "$init")" "/user.slice/user-2001.slice/session-$id.scope" "init is in the login's scope"
is "$(cgroup_of "$(pgrep -x sleep)")" "$(cgroup_of "$init")" "... as the command is"
like "$(loginctl session-status "$id")" 'pam_ns: alice' "outside: loginctl session-status shows init"
log_in bob
loginctl terminate-session "$id"
poll_until test ! -e "/proc/$init"
ok $? "loginctl terminate-session ends the instance"
poll_until no_session_of_alice
ok $? "... and logind's session is gone" || diag "$(loginctl)"
[ ! -e /run/pam_ns/2001 ]
ok $? "... and nothing is left of it"
like "$(ps -e -o args=)" 'pam_ns: bob' "... another user's goes on"
pkill -f 'ssh .*bob@'
poll_until no_login
clean "terminated"

# One of two logins of the user.
log_in alice 'echo in; exec sleep 2000'
first=$(sessions)
log_in alice 'echo in; exec sleep 3000'
loginctl terminate-session "$first"
poll_until bash -c '! pgrep -f "^sleep 2000"'
ok $? "the first of two logins is terminated"
pgrep -f '^sleep 3000' >/dev/null
ok $? "... and the second lives"
loginctl terminate-user alice
poll_until no_login
ok $? "loginctl terminate-user ends it too"
clean "two logins"

# What is left behind at logout goes with the session, with or without logind's word for it.
for kill in no yes; do
	mkdir -p /run/systemd/logind.conf.d
	printf '[Login]\nKillUserProcesses=%s\n' $kill >/run/systemd/logind.conf.d/tests.conf
	systemctl restart systemd-logind
	as alice 'nohup sleep 4000 >/dev/null 2>&1 & exit 3'
	is $? 3 "KillUserProcesses=$kill: a login that leaves something behind"
	poll_until no_login
	ok $? "KillUserProcesses=$kill: it ends" || diag "$(loginctl; ps -ef)"
	! pgrep -f '^sleep 4000' >/dev/null
	ok $? "KillUserProcesses=$kill: ... with that"
	is "$(as alice 'echo in')" in "KillUserProcesses=$kill: the next login works"
	poll_until no_login
	clean "KillUserProcesses=$kill"
done
rm -r /run/systemd/logind.conf.d
systemctl restart systemd-logind

# A session without a login of logind's gets the runtime directory of a later one by propagation.
into su
poll_until test ! -e /run/user/2001
printf '%s\n' '@include common-auth' '@include common-account' 'session required pam_ns.so' >/etc/pam.d/su
sed -i '1i auth sufficient pam_rootok.so' /etc/pam.d/su
su alice -c 'until findmnt -n /run/user/2001; do sleep 0.1; done; echo arrived; until [ -e /home/alice/stop ]; do sleep 0.1; done' \
	>/run/bed/su 2>&1 &
poll_until pgrep -f 'pam_ns: alice .su'
log_in alice
poll_until grep -q arrived /run/bed/su
ok $? "/run/user/2001 arrives in a session that was there before it" || diag "$(cat /run/bed/su)"
touch /home/alice/stop
pkill -f 'ssh .*alice@'
poll_until no_login
rm -f /home/alice/stop
out_of su
clean "runtime directory"
done_testing
