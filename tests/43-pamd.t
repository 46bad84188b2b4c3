#!/bin/bash
# SPDX-License-Identifier: MIT
# The example files of conf/pam.d, each in its place, with real logins. They include Debian's own
# common-* files, and so are tried where those are.
. "$(dirname "$0")/lib.sh"

if ! [ -e /etc/pam.d/common-session ]; then
	skip 1 "the examples are for Debian's common-session"
	done_testing
fi
FILES=(sshd login su su-l cron sudo)
NS='readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net'
HOST=$(bash -c "$NS" | sed 's/[][]/\\&/g' | paste -sd'|')
type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
use() { # FILE...: the examples as they are
	local file
	for file; do cp "$SRC/conf/pam.d/$file" "/etc/pam.d/$file"; done
}
hint() { # FILE: the line that the example shows in a comment, taken at its word
	sed -i -e '/^session.*pam_ns.so open$/d' \
		-e 's/^# \(session .*pam_ns.so open exempt_group=\)/\1/' "/etc/pam.d/$1"
}
own() { # OUTPUT NAME
	like "$1" 'pid:\[' "$2: works"
	unlike "$1" "$HOST" "$2: in namespaces of its own"
}

# ---- what stands where ----
session_lines() { sed -e 's/#.*//' -e '/^session\|^@include common-session/!d' "/etc/pam.d/$1"; }
use "${FILES[@]}"
for file in sshd login su cron; do
	like "$(session_lines $file | head -1)" 'required +pam_ns.so close$' "$file: close comes first"
	like "$(session_lines $file | tail -1)" 'required +pam_ns.so open$' "$file: open comes last"
	is "$(grep -c '^# session .*pam_ns.so open exempt_group=' /etc/pam.d/$file)" 1 "$file: shows exempt_group"
done
is "$(grep -c '^[^#].*pam_ns' /etc/pam.d/sudo)" 0 "sudo: left out"
for file in "${FILES[@]}"; do
	is "$(stat -c %a "$SRC/conf/pam.d/$file")" 644 "$file: anybody may read it"
done
rm -f /etc/securetty
# Containers refuse the login uid even to root, and then "required" denies every login.
uid=$(cat /proc/self/loginuid 2>/dev/null)
if ! bash -c "echo '$uid' >/proc/self/loginuid" 2>/dev/null; then
	for file in sshd login cron; do
		sed -i 's/^session *required *pam_loginuid/session optional pam_loginuid/' /etc/pam.d/$file
	done
fi

# ---- sessions ----
base
log_mark
own "$(su alice -s /bin/bash -c "$NS" 2>&1)" "su"
seen=$(su - alice -c "$NS; pwd" 2>&1)
own "$seen" "su -"
like "$seen" '/home/alice$' "su -: in the home"
is "$(su root -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "su: root is left alone"
printf 'root ALL=(ALL) ALL\n' >/etc/sudoers
rm -rf /etc/sudoers.d
is "$(sudo -u alice readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)" "sudo: as before, on the host"
sed -i 's/^# \(session .*pam_ns.so\)/\1/' /etc/pam.d/sudo
printf '[service sudo]\npid = no\n' | policy
for pty in '!use_pty' use_pty; do
	printf 'Defaults %s\nroot ALL=(ALL) ALL\n' $pty >/etc/sudoers
	seen=$(sudo -u alice readlink /proc/self/ns/net)
	like "$seen" 'net:' "sudo with the lines it shows, $pty: works"
	unlike "$seen" "$HOST" "sudo with the lines it shows, $pty: in a network of its own"
done
policy </dev/null
clean "su and sudo"

seen=$(type_in 'Password: ' secret '$ ' "$NS; exit" -- login alice)
own "$seen" "login"
clean "login"

start_sshd
base
own "$(as alice "$NS")" "sshd"
echo 'alice hard nofile 321' >/etc/security/limits.conf
like "$(as alice 'ulimit -Hn')" '(^|'$'\n'')321$' "sshd: pam_limits does its work before"
like "$(as root 'readlink /proc/self/ns/net')" "$HOST" "sshd: root is left alone"
: >/etc/security/limits.conf
clean "sshd"

mkdir -p /var/spool/cron/crontabs
rm -f /var/spool/cron/crontabs/* /etc/crontab /etc/cron.d/* /run/crond.reboot /var/run/crond.reboot
echo "@reboot ($NS; echo end) >job" >/var/spool/cron/crontabs/alice
chown alice:crontab /var/spool/cron/crontabs/alice
chmod 600 /var/spool/cron/crontabs/alice
cron -f &
poll_until grep -q end /home/alice/job
own "$(cat /home/alice/job 2>/dev/null)" "cron"
kill %cron
wait %cron 2>/dev/null
clean "cron"
unlike "$(log_new | grep 'pam_ns(')" 'denied|not wholly' "no complaint of pam_ns in the log"

# ---- a policy that nobody can read ----
policy <<<'isolate = yes'
log_mark
# The message of the day comes before the denial.
unlike "$(as alice 'echo $((6*7))-in' 2>/dev/null)" 42-in "broken policy, sshd: denied"
denied_like 'pam_ns\(sshd:session\): .*pam_ns.conf:1' "broken policy, sshd"
deny "broken policy, su: denied" su alice -c true
denied_like 'pam_ns\(su:session\): ' "broken policy, su"
deny "broken policy, su -: denied" su - alice -c true
denied_like 'pam_ns\(su-l:session\): ' "broken policy, su -"
like "$(as root 'echo $((6*7))-in')" 42-in "broken policy, sshd: root gets in"
is "$(su - root -c 'echo in')" in "broken policy, su -: root gets in"
unlike "$(as carol 'echo $((6*7))-in' 2>/dev/null)" 42-in "broken policy: carol of the group rescue is denied like all"
for file in sshd su; do hint $file; done
like "$(as carol 'echo $((6*7))-in')" 42-in "... and gets in with the hint's line, sshd"
is "$(su - carol -c 'echo in')" in "... su -"
unlike "$(as alice 'echo $((6*7))-in' 2>/dev/null)" 42-in "... others do not"
stop_sshd
clean "denials"
done_testing
