#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl show: what a login would get, as text that reads back, and where it came from.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
D=/etc/security/pam_ns.d
as_user() { setpriv --reuid 2002 --regid 2002 --clear-groups "$@"; }
policy <<'END'
[default]
hostname = %u-box
tmp_size = 8M
[group students]
private_tmp = no
sysctl.net.ipv4.ip_forward = 1
sysctl.net.core.somaxconn = 99
[service cron]
timeout = 3
END
printf '[default]\nkill_grace = 7\n' | policy $D/users/alice.conf

plan=$(pam_nsctl show alice)
is $? 0 "show"
is "$(head -1 <<<"$plan")/$(tail -1 <<<"$plan")" 'pam_ns-plan 2/end' "the plan's text"
for line in user=alice uid=2001 gid=2001 service=sshd home=/home/alice hostname=alice-box tmp_size=8388608 \
	kill_grace=7 private_tmp=no network=loopback timeout=10 sysctl.net.ipv4.ip_forward=1; do
	like $'\n'"$plan"$'\n' $'\n'"$line"$'\n' "it has $line"
done
like "$(pam_nsctl show alice --service cron)" $'\nservice=cron\n.*\ntimeout=3\n' "--service: its sections apply, those of others do not"
like "$(pam_nsctl show bob)" $'\nprivate_tmp=memory\n' "another user's groups"
is "$(as_user pam_nsctl show alice)" "$plan" "it needs no root"
is "$(pam_nsctl show --plan - <<<"$plan")" "$plan" "the text parses back as the same plan"
echo "$plan" >/run/bed/plan
is "$(pam_nsctl show --plan=/run/bed/plan --steps)" "$(pam_nsctl show alice --steps)" "... from a file too, with the same steps"
for edit in 's/^uts=.*/uts=maybe/' 's/^pam_ns-plan 2/pam_ns-plan 1/' '/^uts=/d' 's/^mount=yes/mount=no/' '$d' 's/^uid=.*/uid=-1/'; do
	sed "$edit" /run/bed/plan >/run/bed/wrong
	out=$(pam_nsctl show --plan /run/bed/wrong 2>/run/bed/err)
	is "$?$out" 2 "--plan refuses $edit"
	like "$(head -1 /run/bed/err)" '^pam_nsctl: show: /run/bed/wrong: ' "... and says so"
done
head -c 100000 /dev/zero >/run/bed/wrong
deny "--plan refuses what is too long" pam_nsctl show --plan /run/bed/wrong
deny "... and what is not there" pam_nsctl show --plan /run/bed/nosuch

# What it shows is what a login gets.
seen=$(pam_nsctl run alice -- sh -c 'hostname; stat -f -c %T /tmp; cat /proc/sys/net/core/somaxconn')
is "$seen" $'alice-box\noverlayfs\n99' "a session by that plan"

# Origins.
seen=$(pam_nsctl show alice --origin)
like "$seen" "hostname = alice-box +$CONF:2"$'\n' "--origin: the main file"
like "$seen" "private_tmp = no +$CONF:5"$'\n' "... a section's"
like "$seen" "sysctl.net.ipv4.ip_forward = 1 +$CONF:[67]"$'\n' "... of a labelled key"
like "$seen" "kill_grace = 7 +$D/users/alice.conf:2"$'\n' "... the user's own file"
like "$seen" 'uts = yes +default'$'\n' "... a default"
for key in $(pam_nsctl keys --conf | sed -n 's/^# \([a-z_]*\) =.*/\1/p'); do
	is "$(grep -c "^$key = " <<<"$seen")" 1 "... of $key"
done

# Steps against a real session.
policy <<<$'[default]\nhostname = %u-box'
rm $D/users/alice.conf
steps=$(pam_nsctl show alice --steps)
mounted=$(pam_nsctl run alice -- cat /proc/self/mountinfo | cut -d ' ' -f 5 | sort -u)
# shellcheck disable=SC2013 # words
for target in $(sed -n 's,^│  ...\(/[^ ]*\) .*,\1,p' <<<"$steps"); do
	grep -qxF "$target" <<<"$mounted" || [ ! -e "$target" ]
	ok $? "--steps: $target is a mount of the session" || diag "$mounted"
done
like "$steps" '/dev/shm ' "... /dev/shm among them"
for ns in mnt ipc uts pid net; do
	like "$steps" "$ns +its own" "... and $ns a namespace"
done
printf '[default]\nmount = no\npid = no\nipc = no\nprivate_tmp = no\nnetwork = host\n' | policy
steps=$(pam_nsctl show alice --steps)
unlike "$steps" '/proc|/tmp|mounts' "no mount where there is none"
like "$steps" "mnt +the host's" "... and no namespace"
policy <<<$'[default]\nisolate = no'
like "$(pam_nsctl show alice --steps)" 'isolate = no leaves this login alone' "isolate = no: nothing is done"

# The policy that the service's stack names.
policy /etc/other.conf <<<$'[default]\nhostname = other'
stack su conf=/etc/other.conf
like "$(pam_nsctl show alice --service su)" 'hostname=other' "conf= in the PAM stack is followed"
like "$(pam_nsctl show alice)" 'isolate=no' "... for that service alone"
like "$(pam_nsctl show alice --conf /etc/other.conf)" 'hostname=other' "--conf"
stack su

# What goes wrong.
policy <<<$'[default]\nhostnam = x\nuts = maybe'
out=$(pam_nsctl show alice 2>/run/bed/err)
is "$?$out" 2 "a broken policy"
like "$(cat /run/bed/err)" "^pam_nsctl: $CONF:2: unknown key hostnam: did you mean hostname\\?"$'\n'"pam_nsctl: $CONF:3: " "... each mistake with its line"
policy </dev/null
for words in '' 'alice --plan x' 'alice --origin --steps' '--plan x --service y' 'nosuch'; do
	# shellcheck disable=SC2086 # words
	pam_nsctl show $words >/run/bed/out 2>&1
	is "$?$(grep -c . /run/bed/out)" 21 "show $words: 2, and one line"
done

# Names are data.
odd() { printf '%s:x:2100:2100::%s:/bin/sh\n' "$1" "$2" >>/etc/passwd; }
for name in 'a;b' '$(reboot)' '..' 'é' '"q"'; do
	odd "$name" "/home/x"$'\e'"[31m\\y"
	like "$(pam_nsctl show "$name")" "user=" "a user called $name"
	is "$(pam_nsctl show "$name" | pam_nsctl show --plan - | grep ^user=)" "$(pam_nsctl show "$name" | grep ^user=)" "... reads back"
	unlike "$(pam_nsctl show "$name"; pam_nsctl show "$name" --origin; pam_nsctl show "$name" --steps)" $'\e' "... without escapes to the terminal"
	sed -i '$d' /etc/passwd
done
clean "show"
done_testing
