#!/bin/bash
# SPDX-License-Identifier: MIT
# capabilities and no_new_privs: what nobody in a session can have any more, whatever is setuid there.
. "$(dirname "$0")/lib.sh"

inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { printf '[default]\n%b\n' "$1" | policy; }
CONF=/etc/security/pam_ns.conf
BOUND=$(awk '/CapBnd/ { print $2 }' /proc/self/status)
# The bounding set that these names leave of the test's own.
left() {
	local n mask=0
	for n in "$@"; do
		case $n in
		chown) n=0 ;; kill) n=5 ;; setgid) n=6 ;; setuid) n=7 ;; net_bind_service) n=10 ;; net_raw) n=13 ;;
		esac
		mask=$((mask | 1 << n))
	done
	printf '%016x' $((mask & 0x$BOUND))
}
SEE='sed -n "s/^Cap\(Inh\|Prm\|Eff\|Amb\):.*[1-9a-f].*/more: &/p; s/^CapBnd:.//p; s/^NoNewPrivs:.//p" /proc/self/status'
ZERO=0000000000000000

# A program of root's that says what it is left with, for the user to run.
printf '#include <unistd.h>\n#include <sys/socket.h>\n#include <stdio.h>
int main(void) { printf("uid %%d raw %%d\\n", (int)geteuid(), socket(AF_INET, SOCK_RAW, 1) >= 0); return 0; }\n' |
	cc -o /usr/bin/setuid-raw -x c - && chmod 4755 /usr/bin/setuid-raw
base

is "$(inside "$SEE")" "$BOUND"$'\n'0 "capabilities = all: the bounding set is as before"
is "$(inside setuid-raw)" "uid 0 raw 1" "... and setuid programs work"
with 'capabilities = none'
is "$(inside "$SEE")" "$ZERO"$'\n'0 "capabilities = none"
is "$(inside setuid-raw)" "uid 0 raw 0" "... a setuid program is root without a right of root's"
like "$(inside 'echo secret | su bob -c true')" 'cannot set' "... su inside is of no use"
deny "... nor could it leave the session" inside 'unshare --mount true'
with 'capabilities = CAP_Net_Raw setuid  cap_setgid\tchown kill'
is "$(inside "$SEE")" "$(left net_raw setuid setgid chown kill)"$'\n'0 "names: in any case, with and without cap_"
is "$(inside setuid-raw)" "uid 0 raw 1" "... what is named works"
grep -q '^capabilities=chown kill net_raw setgid setuid$' <(
	mkfifo -m 666 /run/go
	su alice -s /bin/bash -c 'read -r x </run/go' &
	poll_until test -s /run/pam_ns/2001/1
	cat /run/pam_ns/2001/1
	timeout 10 sh -c "echo >/run/go"
	wait $!
	rm /run/go
)
ok $? "the plan has them sorted, each once, in one form"
with 'no_new_privs = yes'
is "$(inside "$SEE")" "$BOUND"$'\n'1 "no_new_privs"
is "$(inside setuid-raw)" "uid 2001 raw 0" "... a setuid program gives nothing"
like "$(inside 'echo secret | su bob -c true')" 'su: .*(Authentication|cannot set)' "... su inside is of no use"
printf 'root ALL=(ALL) ALL\nalice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers
rm -rf /etc/sudoers.d
chmod 440 /etc/sudoers
like "$(inside 'sudo id')" 'no new privileges' "... nor is sudo"
with 'capabilities = none\nno_new_privs = yes'
is "$(inside "$SEE")" "$ZERO"$'\n'1 "both"
clean "su"

# Every login program goes on with what it still has to do: tty, utmp, becoming the user, closing.
SEEN=$ZERO$'\n'1
start_sshd
base
is "$(as alice "$SEE")" "$SEEN" "sshd: exec"
seen=$(printf '%s; tty; exit 3\n' "$SEE" | script -qec "ssh -tt ${SSH_OPTIONS[*]} alice@127.0.0.1" /dev/null | tr -d '\r')
like "$seen" "$SEEN"$'\n/dev/pts/' "sshd: a shell on a pty"
echo 'put /etc/hostname /tmp/of-sftp
ls /tmp' | sftp -q -b - "${SSH_OPTIONS[@]}" alice@127.0.0.1 >/run/bed/out 2>&1
like "$(cat /run/bed/out)" of-sftp "sshd: internal-sftp"
poll_until no_sessions
ok $? "sshd: sessions end"
clean "sshd"
stop_sshd
base
rm -f /etc/securetty
seen=$(timeout 30 "$TOOLS/ptyrun" 20 'Password: ' secret '$ ' "$SEE; exit" -- login alice 2>&1 | tr -d '\r')
like "$seen" "$SEEN"$'\nlogout' "login"
clean "login"
is "$(su - alice -c "$SEE")" "$SEEN" "su -"
is "$(runuser -u alice -- sh -c "$SEE" | head -1)" "$BOUND" "runuser without its own stack is not ours"
is "$(sudo -u alice sh -c "$SEE")" "$SEEN" "sudo"
is "$(script -qec "sudo -u alice sh -c '$SEE'" /dev/null | tr -d '\r')" "$SEEN" "sudo on a pty"
clean "su, sudo"
mkdir -p /var/spool/cron/crontabs
rm -f /var/spool/cron/crontabs/* /etc/crontab /etc/cron.d/* /run/crond.reboot
base
echo "@reboot $SEE >job; echo end >>job" >/var/spool/cron/crontabs/alice
chown alice:crontab /var/spool/cron/crontabs/alice
chmod 600 /var/spool/cron/crontabs/alice
cron -f -L 15 &
CRON=$!
poll_until grep -q end /home/alice/job
is "$(cat /home/alice/job)" "$SEEN"$'\nend' "cron"
poll_until no_sessions
kill $CRON
wait $CRON 2>/dev/null
rm -f /run/crond.reboot /var/run/crond.reboot
clean "cron"

# The second login, and one inside the first, have no more.
seen=$(timeout 20 script -qec "su alice -s /bin/bash -c '$SEE; su alice -s /bin/bash -c \"$SEE\"'" /dev/null </dev/null)
unlike "$seen" "$BOUND" "su inside, by the user: no more than outside"
with 'capabilities = setuid setgid net_raw'
WANT=$(left setuid setgid net_raw)$'\n'0
is "$(inside "$SEE; echo secret | su bob -s /bin/bash -c '$SEE'" | sed 's/^Password: //')" "$WANT"$'\n'"$WANT" "a second user inside has the same"
is "$(inside "$SEE")" "$(su bob -s /bin/bash -c "$SEE")" "so has another login"
stack su isolate_root
is "$(su root -c "$SEE; setpriv --dump | grep -c 'Capability bounding set: .*net_raw'" | grep -v more)" "$WANT"$'\n1' "root's own session, with isolate_root"
like "$(su root -c 'unshare --mount true' 2>&1)" 'not permitted' "... cannot mount in it"
stack su
clean "the same for all"

# Inheritable and ambient sets, as pam_cap would leave them.
with 'capabilities = net_raw'
prog='setpriv --inh-caps +net_raw,+net_admin --ambient-caps +net_raw,+net_admin'
seen=$($prog su alice -s /bin/bash -c "grep -E 'Cap(Inh|Amb|Bnd)' /proc/self/status" 2>&1)
like "$seen" 'CapInh:.0000000000002000' "the inheritable set is cut"
like "$seen" "CapBnd:.$(left net_raw)" "... as the bounding set is"
like "$seen" "CapAmb:.$ZERO" "... and nothing is ambient"
clean "inheritable"

# A login program that has not the right to give up rights.
with 'capabilities = none'
log_mark
# shellcheck disable=SC2016
deny "without cap_setpcap: denied" capsh --drop=cap_setpcap -- -c 'su alice -c true'
denied_like 'capabilities: the login program has no cap_setpcap to give others up with: write capabilities = all' "without cap_setpcap"
clean "without cap_setpcap"

# What the login program keeps: all but what it gave up, for good.
with 'capabilities = none\nno_new_privs = yes'
seen=$(ONCE=1 timeout -s KILL 60 "$TOOLS/caller" pamtest alice 2>&1)
is "$(grep -c '^inside [a-z]*:\[' <<<"$seen")" 6 "caller: isolated"
like "$seen" $'close: Success\nclose again: Success' "caller: closes"
# The limits are pam_limits', the one fd is syslog(3)'s.
is "$(grep -o 'CHANGED [A-Za-z]*' <<<"$seen" | grep -v limits | sort -u | paste -sd' ')" \
	"CHANGED CapBnd CHANGED NoNewPrivs CHANGED fds" "caller: nothing else is changed"
log_mark
"$TOOLS/caller" pamtest alice >/dev/null 2>&1
isnt $? 0 "a second session in the same process: denied"
denied_like "becoming root in full .* for an earlier session" "a second session in the same process"
clean "caller"

wrong() { # VALUE REGEX
	printf '[default]\n%s\n' "$1" | policy
	log_mark
	deny "$1: denied" su alice -c true
	denied_like "$CONF:2: $2" "$1"
}
wrong 'capabilities = net_rwa' "capabilities: 'net_rwa' is no capability: did you mean net_raw\?"
wrong 'capabilities = cap_sys_amdin' "capabilities: 'sys_amdin' is no capability: did you mean sys_admin\?"
wrong 'capabilities = everything' "capabilities: 'everything' is no capability: write all, none, or names of capabilities\(7\)"
wrong 'capabilities = 13' "capabilities: '13' is no capability"
wrong 'capabilities = cap_' "capabilities: 'cap_' is no capability"
wrong 'capabilities =' "capabilities: '' is not a value of this key: write all alone, none alone, or names"
wrong 'capabilities = none net_raw' "capabilities: 'none net_raw' is not a value .*none alone"
wrong 'capabilities = all none' "capabilities: 'all none' is not a value"
wrong 'no_new_privs = maybe' "no_new_privs: 'maybe' is not a value of this key: write yes or no"
is "$(su root -c 'echo in')" in "root gets in"
policy </dev/null
su alice -c true
clean "mistakes"
done_testing
