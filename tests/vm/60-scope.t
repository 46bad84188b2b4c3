#!/bin/bash
# SPDX-License-Identifier: MIT
# With systemd and logind: what ends one login must not end the others that share its instance.
# shellcheck disable=SC2317 # called by poll_until
. "$(dirname "$0")/lib.sh"

USER1=pnsscope
SINCE=$(date '+%Y-%m-%d %H:%M:%S')
poll_until() { # a minute: systemd and logind take their time
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	return 1
}
id -u $USER1 >/dev/null 2>&1 || useradd -m -s /bin/bash $USER1
UID1=$(id -u $USER1)
home=$(getent passwd $USER1 | cut -d: -f6)
cp /run/bed/key.pub /run/keys/$USER1
as() { ssh "${SSH_OPTIONS[@]}" "$USER1@127.0.0.1" "$1" </dev/null; } # COMMAND

# Each login that stays says which session of logind's it is, and where it lives.
login() { # NAME
	rm -f "$home/$1"
	as "echo \$XDG_SESSION_ID >$1.new; readlink /proc/self/ns/mnt >>$1.new; mv $1.new $1; exec sleep 100$2" >/dev/null 2>&1 &
	poll_until test -s "$home/$1"
}
session_of() { sed -n 1p "$home/$1"; }
lives() { pgrep -f "^sleep 100$1"; }
gone() { ! lives "$1"; }
inits() { pgrep -f "^pam_ns: $USER1 "; }
no_inits() { ! inits; }
no_scopes() { [ -z "$(systemctl list-units --all --plain --no-legend 'pam_ns-*')" ]; }
in_cgroup() { grep -q "$2" "/proc/$1/cgroup"; }
end() { # all of it
	pkill -f '^sleep 100[0-9]'
	poll_until no_inits
}

# ---- scope = user ----

policy <<<'[default]
scope = user'
login first 1
login second 2
is "$(inits | wc -l)" 1 "scope = user: one init for two logins"
is "$(sed -n 2p "$home/first")" "$(sed -n 2p "$home/second")" "... and one mount namespace"
[ "$(session_of first)" != "$(session_of second)" ]
ok $? "... but two sessions of logind's"
cgroup=$(cat "/proc/$(inits | head -1)/cgroup")
is "$cgroup" "0::/user.slice/user-$UID1.slice/pam_ns-$UID1-1.scope" "init has a scope of its own in the user's slice"
try "the first login is in its own session" in_cgroup "$(lives 1 | head -1)" "session-$(session_of first).scope"
try "the second login is in its own" in_cgroup "$(lives 2 | head -1)" "session-$(session_of second).scope"
loginctl terminate-session "$(session_of first)"
poll_until gone 1
ok $? "terminate-session of the first login ends it"
poll_until bash -c "! loginctl --no-legend list-sessions | grep -q '^ *$(session_of first) '"
ok $? "... logind knows"
try "... and the second goes on" lives 2
try "... with its init" inits
is "$(as 'readlink /proc/self/ns/mnt')" "$(sed -n 2p "$home/second")" "... and a third login joins it"
loginctl terminate-session "$(session_of second)"
poll_until no_inits
ok $? "terminate-session of the last login ends the instance"
poll_until no_scopes
ok $? "... and its scope"

# Back to back: systemd may know the last scope of that name yet.
for i in 1 2 3; do
	login first 1
	inits | while read -r pid; do in_cgroup "$pid" "user-$UID1.slice/pam_ns-$UID1-1" || echo "$i: $(cat "/proc/$pid/cgroup")"; done
	end
done >/run/bed/out
is "$(cat /run/bed/out)" "" "three instances back to back, each in a scope of its own"

# ---- KillUserProcesses ----

mkdir -p /etc/systemd/logind.conf.d
printf '[Login]\nKillUserProcesses=yes\n' >/etc/systemd/logind.conf.d/scope.conf
systemctl restart systemd-logind
login first 1
login second 2
first=$(session_of first)
pkill -f '^sleep 1001' # the first logs out
poll_until bash -c "! loginctl --no-legend list-sessions | grep -q '^ *$first '"
ok $? "KillUserProcesses = yes: the first login logs out"
try "... and the second goes on" lives 2
is "$(as 'readlink /proc/self/ns/mnt')" "$(sed -n 2p "$home/second")" "... and a third login joins it"
end
rm -f /etc/systemd/logind.conf.d/scope.conf
systemctl restart systemd-logind

# ---- linger = yes ----

policy <<<'[default]
scope = user
linger = yes'
mnt=$(as 'readlink /proc/self/ns/mnt; echo x >/tmp/x')
loginctl terminate-user $USER1
poll_until bash -c "! loginctl --no-legend list-sessions | grep -q $USER1"
is "$(as 'readlink /proc/self/ns/mnt; cat /tmp/x')" "$mnt"$'\n'x "linger = yes: a later login finds it, even after terminate-user"
systemctl stop "pam_ns-$UID1-1.scope"
poll_until no_inits
ok $? "... until its scope is stopped"

# ---- scope = session ----

policy </dev/null
login first 1
login second 2
is "$(inits | wc -l)" 2 "scope = session: an init for each login"
try "... in that login's session" bash -c "cat /proc/$(inits | head -1)/cgroup | grep -q session-$(session_of first).scope"
loginctl terminate-session "$(session_of first)"
poll_until gone 1
poll_until bash -c "[ \$(pgrep -cf '^pam_ns: $USER1 ') = 1 ]"
ok $? "... which terminate-session ends, and its instance"
try "... and not the other" lives 2
end

# ---- no answer ----

policy <<<'[default]
scope = user'
chmod 0 /usr/bin/busctl
mv /usr/bin/busctl /usr/bin/busctl.gone
is "$(as 'echo in')" in "without busctl the login is isolated all the same"
mv /usr/bin/busctl.gone /usr/bin/busctl
chmod 755 /usr/bin/busctl
poll_until bash -c "journalctl --since '$SINCE' | grep -q 'has no systemd scope of its own'"
ok $? "... and the log says what that means"
poll_until no_inits
poll_until no_scopes
ok $? "at the end no scope is left"
is "$(find /run/pam_ns -mindepth 1)" "" "... nor an entry"
is "$(systemctl list-units --failed --plain --no-legend 'pam_ns-*' 'session-*')" "" "... nor a failed unit"
policy </dev/null
done_testing
