#!/bin/bash
# SPDX-License-Identifier: MIT
# nested: what becomes of su and sudo inside a session.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
NS='readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net | paste -sd" "'
inside() { su alice -s /bin/bash -c "$1" 2>&1 | sed 's/^Password: //'; }
nested() { echo "echo secret | su bob -s /bin/bash -c '$1'"; }
HOST=$(eval "$NS")
base

# keep, by default and by word.
for text in '' 'nested = keep'; do
	policy <<<"[default]
hostname = %u-box
$text"
	seen=$(inside "$NS; hostname; $(nested "$NS; hostname; id -un")")
	is "$(sed -n 3p <<<"$seen")" "$(sed -n 1p <<<"$seen")" "${text:-default}: su inside stays in the session"
	is "$(sed -n 4,5p <<<"$seen")" $'alice-box\nbob' "${text:-default}: ... as another user"
	clean "${text:-default}"
done

# new: a session of its own inside the session.
policy <<<'[default]
hostname = %u-box
nested = new'
seen=$(inside "$NS; echo hers >/tmp/hers; $(nested "$NS; hostname; id -un; ls -A /tmp; echo his >/tmp/his; cat /run/pam_ns/session; ps -e -o args= | head -1; ps -e -o user= | grep -c alice"); ls /tmp; hostname; $NS; ls /run/pam_ns | paste -sd' '")
outer=$(sed -n 1p <<<"$seen")
inner=$(sed -n 2p <<<"$seen")
for n in mnt pid net; do
	isnt "$(grep -o "$n:[^ ]*" <<<"$inner")" "$(grep -o "$n:[^ ]*" <<<"$outer")" "new: another $n namespace than the session's"
	unlike "$HOST" "$(grep -o "$n:[^ ]*" <<<"$inner" | sed 's/[][]/\\&/g')" "... than the host's"
done
is "$(sed -n 3,7p <<<"$seen")" $'bob-box\nbob\n2002.1\npam_ns: bob (su) 2002.1\n0' "... with its own name, an empty /tmp, its own init"
is "$(sed -n 8,9p <<<"$seen")" $'hers\nalice-box' "its files are not in the outer session, whose own stay"
is "$(sed -n 10p <<<"$seen")" "$outer" "... and which goes on"
clean "new"
is "$(inside "$(nested "echo in"); $(nested "exit 9"); echo \$?; $(nested "echo again")")" $'in\n9\nagain' "one after the other"
clean "one after the other"
cat >/run/script <<-'END'
	su bob -s /bin/bash -c 'tty; readlink /proc/self/ns/net'
	echo after </dev/tty >/dev/tty || echo EIO
	read -r x </dev/tty && echo "got:$x"
END
seen=$(timeout 30 "$TOOLS/ptyrun" 20 'Password: ' secret after two -- su alice -s /bin/bash /run/script 2>&1 | tr -d '\r')
like "$seen" '/dev/pts/[0-9]+'$'\n''net:' "on a terminal"
like "$seen" got:two "... which the outer session goes on using"
unlike "$seen" EIO "... without an error"
clean "on a terminal"

# By target user and service, as any key.
printf '[default]\nnested = keep\n[user bob]\nnested = new\n[user bob service su-l]\nnested = keep\n' | policy
stack su-l
isnt "$(inside "$NS; $(nested "$NS")" | uniq | wc -l)" 1 "[user bob]: nested = new for su to bob"
is "$(inside "$NS; echo secret | su - bob -s /bin/bash -c '$NS'" | uniq | wc -l)" 1 "... and su - to bob stays"
is "$(inside "$NS; echo secret | su carol -s /bin/bash -c '$NS'" | uniq | wc -l)" 1 "... su to carol stays"
printf '[default]\nnested = new\n[user bob]\nisolate = no\n' | policy
is "$(inside "$NS; $(nested "$NS")" | uniq | wc -l)" 1 "isolate = no: no new session, and no way out of this one"
printf '[default]\nnested = new\n' | policy
stack su exempt_group=rescue
is "$(inside "$NS; echo secret | su carol -s /bin/bash -c '$NS'" | uniq | wc -l)" 1 "the exempt group stays in it too"
echo "root:$HASH:19000:0:99999:7:::" >/run/bed/shadow
grep -v '^root:' /etc/shadow >>/run/bed/shadow
cat /run/bed/shadow >/etc/shadow
is "$(inside "$NS; echo secret | su root -s /bin/bash -c '$NS'" | uniq | wc -l)" 1 "... and root"
stack su
printf 'alice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers
rm -rf /etc/sudoers.d
chmod 440 /etc/sudoers
base
is "$(inside "$NS; sudo -u bob bash -c '$NS'" | sort -u | wc -l)" 2 "sudo inside: a session of its own"
is "$(inside "sudo -u bob bash -c 'ls -A /tmp; id -un'")" bob "... with its own /tmp"
clean "by target"

# The registry inside is root's, and nobody else's business.
seen=$(inside 'stat -c "%U %a" /run/pam_ns /run/pam_ns/nested; ls /run/pam_ns/nested; touch /run/pam_ns/nested/x; touch /run/pam_ns/x; rm /run/pam_ns/session; mv /run/pam_ns/nested /run/pam_ns/y')
is "$(sed -n 1,2p <<<"$seen")" $'root 755\nroot 700' "the registry inside is root's"
is "$(sed -n '3,$p' <<<"$seen" | grep -cE 'denied|Read-only')" 5 "... and out of the user's reach"
mkfifo -m 666 /run/go
su alice -s /bin/bash -c "$(nested 'echo up >/run/up; read -r x </run/go')" >/dev/null 2>&1 &
outer=$!
install -m 666 /dev/null /run/up
poll_until test -s /run/up
init=$(pgrep -f '^pam_ns: alice')
is "$(pgrep -c -f '^pam_ns: ')" 2 "two inits, one in the other"
is "$(nsenter -t "$init" -m -p find /run/pam_ns/nested -mindepth 1 | sort | paste -sd' ')" \
	"/run/pam_ns/nested/2002 /run/pam_ns/nested/2002/1 /run/pam_ns/nested/2002/1.socket" "the inner session's entry lies in the outer"
is "$(find /run/pam_ns -mindepth 1 -type f)" /run/pam_ns/2001/1 "... and not on the host"
timeout 10 sh -c "echo >/run/go"
wait $outer
poll_until no_sessions
clean "registry"

# The outer session ends under the inner one.
for how in TERM KILL; do
	su alice -s /bin/bash -c "$(nested 'sleep 1013 & setsid sleep 1014 & (trap "" TERM HUP; sleep 1015) & wait')" >/dev/null 2>&1 &
	poll_until pgrep -f '^sleep 1015'
	pkill -$how -f '^pam_ns: alice'
	wait $!
	poll_until bash -c '! pgrep -f "^sleep 101[345]|^pam_ns:"'
	ok $? "SIG$how to the outer init: the inner session ends with it" || pgrep -af "^sleep 101|^pam_ns:"
	su alice -c true
	clean "SIG$how to the outer init"
done
su alice -s /bin/bash -c "$(nested 'sleep 1013 & wait')" >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1013'
kill -KILL $!
wait $! 2>/dev/null
poll_until no_sessions
ok $? "the outer login program is killed: both end"
! pgrep -f '^sleep 1013'
ok $? "... with all in them"
clean "the outer login program"
seen=$(inside "$(nested 'kill -KILL \$PPID; sleep 0.1; echo not-here'); for ((i = 0; i < 500; i++)); do ps -e -o args= | grep -q \"^pam_ns: bob\" || break; sleep 0.01; done; ps -e -o args= | grep -c \"^pam_ns: bob\"; echo on")
like "$seen" $'0\non$' "the inner login program is killed: its session ends, the outer goes on"
clean "the inner login program"

# What fails inside is denied there.
printf '[default]\nnested = new\n[user bob]\nmax_sessions = 1\n' | policy
rm -f /run/go /run/up
mkfifo -m 666 /run/go
install -m 666 /dev/null /run/up
log_mark
seen=$(inside "$(nested 'echo up >/run/up; read -r x </run/go') & for ((i = 0; i < 1000; i++)); do [ -s /run/up ] && break; sleep 0.01; done; $(nested 'echo second'); echo >/run/go; wait; $(nested 'echo third')")
unlike "$seen" second "max_sessions counts the sessions in a session"
like "$seen" third "... which end"
denied_like 'has 1 logins already' "max_sessions"
printf '[default]\nnested = new\n[user bob]\nhook.x = /bin/false\n' | policy
log_mark
unlike "$(inside "$(nested 'echo never')")" never "a hook that fails inside: denied"
denied_like 'session for bob denied: hook.x: /bin/false ended with exit status 1' "a hook that fails inside"
printf '[default]\nnested = new\n[user bob]\nx = y\n' | policy
log_mark
unlike "$(su alice -s /bin/bash -c "$(nested 'echo never')" 2>&1)" never "a broken policy: denied"
denied_like "$CONF:4: unknown key x" "a broken policy"
printf '[user alice]\ncapabilities = setuid setgid chown\n[user bob]\nnested = new\n' | policy
log_mark
unlike "$(inside "$(nested 'echo never')")" never "a session without the capabilities for another: denied"
denied_like 'session for bob denied: no right to make the time namespace: the login program has no cap_sys_admin' "too few capabilities"
printf '[default]\nnested = new\nnested = old\n' | policy
log_mark
deny "nested = old" su alice -c true
denied_like "$CONF:3: doubled key" "doubled"
printf '[default]\nnested = old\n' | policy
deny "nested = old" su alice -c true
denied_like "$CONF:2: nested: 'old' is not a value of this key: write one of: keep new" "nested = old"
clean "failures"

# As deep as it goes: process namespaces nest 32 deep, and the login that would be one deeper is denied.
printf '[default]\nnested = new\ntimeout = 60\n' | policy
cat >/usr/bin/deeper <<-'END'
	#!/bin/bash
	echo "depth $1"
	[ "$1" -lt 40 ] && echo secret | su bob -s /bin/bash -c "deeper $(($1 + 1))"
	exit 0
END
chmod 755 /usr/bin/deeper
log_mark
seen=$(su bob -s /bin/bash -c 'deeper 1' 2>&1)
depth=$(grep -c depth <<<"$seen")
[ "$depth" -ge 20 ] && [ "$depth" -le 32 ]
ok $? "sessions nest $depth deep here" || diag "$seen"
denied_like 'no more pid namespaces: they nest 32 deep, and .*: leave the sessions around this one' "one too deep"
clean "one too deep"
policy </dev/null
done_testing
