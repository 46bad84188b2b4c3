#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that use PAM in other ways than most, lines in the wrong stack, and names of many kinds.
. "$(dirname "$0")/lib.sh"

base
handle() { timeout -s KILL 60 "$TOOLS/handle" pamtest "$@" 2>&1; }
HOST=$(readlink /proc/self/ns/net)
# pam_unix has a word of its own on names, so it stands aside.
alone() { printf 'auth required pam_permit.so\nsession required pam_ns.so close %s\nsession required pam_ns.so open %s\n' "$1" "$1" >/etc/pam.d/pamtest; }
alone ''
# What handle said, the host's namespace as HOST, the others as A, B, ... in their order.
said() { awk -v host="$HOST" '$0 == host { print "HOST"; next } /^net:/ { if (!($0 in n)) n[$0] = sprintf("%c", 65 + k++); print n[$0]; next } { print }' <<<"$1" | paste -sd' '; }

# ---- one handle ----
is "$(said "$(handle alice ns open ns open ns close ns end)")" \
	'HOST open: Success A open: Success A close: Success HOST end: Success' "opened twice: one session, which one close ends"
clean "opened twice"
is "$(said "$(handle alice close ns end)")" 'close: Success HOST end: Success' "closed without having been opened: nothing"
is "$(said "$(handle alice open ns close close ns open ns close end)")" \
	'open: Success A close: Success close: Success HOST open: Success B close: Success end: Success' "opened again after close: another session"
clean "opened again"
is "$(said "$(handle alice open ns fork-close ns fork-end ns close ns)")" \
	'open: Success A close: Success A end: Success A close: Success HOST' "a child of the opener closes, and ends: the session is not its own"
clean "closed by a child"
is "$(said "$(handle alice open ns end)")" 'open: Success A end: Success' "pam_end without close"
clean "pam_end without close"
is "$(said "$(handle alice open ns)")" 'open: Success A' "exit without either"
clean "exit"
is "$(said "$(handle alice setcred silent ns setcred close end)")" 'setcred: Success silent: Success A setcred: Success close: Success end: Success' "PAM_SILENT"
policy <<<'nonsense'
like "$(said "$(handle alice silent ns open ns end)")" \
	'^silent: System error HOST open: System error HOST end: Success$' "denied twice, without a word to the user"
policy </dev/null
log_mark

# ---- arguments, and stacks that are not for it ----
for line in open close ''; do
	echo "session required pam_ns.so $line nosuch" >/etc/pam.d/pamtest
	seen=$(said "$(handle alice open ns)")
	if [ "$line" = close ]; then
		is "$seen" 'open: Success HOST' "a line for closing with an unknown argument denies nobody"
		like "$(log_new)" 'unknown argument in the PAM stack: nosuch' "... but says so"
		log_mark
	else
		is "$seen" 'open: System error HOST' "an unknown argument, '$line': denied"
		denied_like 'unknown argument in the PAM stack: nosuch: write open or close' "an unknown argument, '$line'"
	fi
	is "$(said "$(handle root open ns)")" 'open: Success HOST' "... root gets in"
done
for stack in auth account password; do
	printf '%s required pam_ns.so open exempt_group=rescue\n%s required pam_permit.so\n' $stack $stack >/etc/pam.d/pamtest
	case $stack in
	auth) verb=authenticate ;;
	account) verb=acct_mgmt ;;
	password) verb=chauthtok ;;
	esac
	for user in root carol; do
		try "a line in the $stack stack: $user gets in" pamtester pamtest $user "$verb"
	done
	log_mark
	deny "... alice does not" pamtester pamtest alice "$verb"
	denied_like "login of alice denied: pam_ns.so in the $stack stack isolates nobody: write session for $stack" "... alice"
	[ $stack = auth ] || continue
	try "... nor does root's setcred fail" pamtester pamtest root setcred
	printf 'auth sufficient pam_ns.so\n' >/etc/pam.d/pamtest
	deny "... and alone it lets nobody in, not even root" pamtester pamtest root authenticate
done
alone ''
clean "arguments and stacks"

# ---- names ----
names=(UPPER upn@example.org '1234' '2001' "$(head -c 255 /dev/zero | tr '\0' n)" 'dom\user' 'a.b-c_d$' 'ü')
uid=2400
for name in "${names[@]}"; do
	printf '%s:x:%d:%d::/home:/bin/sh\n' "$name" $uid $uid >>/etc/passwd
	printf '%s:*:19000::::::\n' "$name" >>/etc/shadow
	is "$(said "$(handle "$name" open ns close)")" 'open: Success A close: Success' "a user called ${name:0:20}"
	uid=$((uid + 1))
done
printf '[uid 2402]\nhostname = number\n[uid 2001]\nhostname = alices\n' | policy
is "$(pam_nsctl show 1234 | sed -n 's/^hostname=//p')" number "a user called 1234 has the policy of the uid, not of the number"
is "$(pam_nsctl show 2001 | sed -n 's/^uid=//p')" 2403 "... and one called as another's uid is not that one"
policy </dev/null
log_mark
for name in nobody-there -x ALICE "$(head -c 256 /dev/zero | tr '\0' n)" alice@example.org; do
	is "$(said "$(handle "$name" open ns)")" 'open: System error HOST' "no user called ${name:0:20}: denied"
	denied_like "session for ${name:0:20}.* denied: .*(no such user|exist|NSS)" "no user called ${name:0:20}"
done
is "$(said "$(handle '' open ns)")" 'open: System error HOST' "no name at all: denied"
clean "names"
done_testing
