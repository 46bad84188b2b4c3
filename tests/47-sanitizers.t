#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory and undefined behaviour: real logins with the helper, and the unit tests, under
# AddressSanitizer and UndefinedBehaviorSanitizer; the module under valgrind and under both.
. "$(dirname "$0")/lib.sh"

HELPER=/usr/libexec/pam_ns_helper REPORT=/run/bed/sanitizer
install_helper() { install -m 755 "$SRC/build/asan/$1" $HELPER; }
reports() { cat $REPORT.* 2>/dev/null; }
stack pamtest debug
cp /etc/hosts /run/bed/hosts

# ---- the helper ----
install_helper planted_helper
log_mark
deny "a helper with an overflow planted: no login" su alice -c true
denied_like "$HELPER ended without a word" "... and"
like "$(reports)" 'heap-buffer-overflow.*pns_plan_decode' "... and the overflow is reported" || reports
rm -f $REPORT.*
deny "an overflowing sum planted in init: no login" su bob -c true
like "$(reports)" 'signed integer overflow' "... and it is reported"
rm -f $REPORT.*
clean "planted mistakes"

install_helper pam_ns_helper
policy <<'END_OF_POLICY'
[default]
hostname = %u-box
uptime = session
sysctl.net.ipv4.ip_default_ttl = 33
sysctl.kernel.msgmax = 9000
domainname = example.org
cgroup = yes
[user bob]
network = host
sysctl.net.ipv4.ip_default_ttl =
private_tmp = no
[user carol]
pid = no
propagation = private
END_OF_POLICY
start_sshd
is "$(as alice 'hostname; cat /proc/sys/net/ipv4/ip_default_ttl')" $'alice-box\n33' "ssh into a sanitized helper's session"
for user in alice bob carol; do
	is "$(su $user -c 'sleep 60 >/dev/null 2>&1 & (setsid true &); hostname')" $user-box "su $user: a session with orphans, and processes left over"
done
for _ in 1 2 3 4 5 6; do as alice 'sleep 0.2; cat /etc/hosts' >/dev/null & logins+=($!); done
wait "${logins[@]}"
ok $? "six at once"
policy <<<$'[default]\nsysctl.net.a.b = 1\nkill_grace = 0'
deny "a step that fails" su alice -c true
rm -f /etc/hosts
policy <<<$'[default]\nnetwork = off'
try "without an /etc/hosts" su alice -c true
cp /run/bed/hosts /etc/hosts
pkill sleep # carol's, whose session had no processes of its own
clean "sanitized sessions"
is "$(reports)" "" "no sanitizer had anything to say of helper or init"
stop_sshd

units=0
for unit in "$SRC"/build/asan/tests/unit/test_*; do
	[[ $unit = *.d || ! -x $unit ]] && continue
	try "${unit##*/} under the sanitizers" env -C "$SRC" "$unit"
	units=$((units + 1))
done
is $units "$(find "$SRC/tests/unit" -name 'test_*.c' 2>/dev/null | grep -c .)" "all unit tests are there"

# ---- the module ----
install -m 755 "$SRC/build/pam_ns_helper" $HELPER
"$SRC/build/tests/sanitize/pidfds" /run/bed/pidfds &
poll_until test -S /run/bed/pidfds
base

SHIM=$SRC/build/tests/sanitize/shim.so
# What valgrind says of our frames alone: libpam's and pamtester's are theirs. A blank line ends a block.
ours() { sed 's/^==[0-9]*== \?//' | perl -00 -ne 'print if /\(pam_ns\.c:/ && !/openlog_internal/'; }
grind() { # STATUS NAME PAM-OPERATION...
	local want=$1 name=$2 pid
	shift 2
	log_mark
	LD_PRELOAD=$SHIM valgrind --vgdb=no --leak-check=full --show-leak-kinds=definite,possible --track-fds=yes \
		--track-origins=yes --num-callers=40 --keep-debuginfo=yes --log-file=/run/bed/valgrind.%p \
		pamtester pamtest alice "$@" >/run/bed/said 2>&1 &
	pid=$!
	wait $pid
	is $? "$want" "$name, under valgrind" || diag "$(cat /run/bed/said)" "$(log_new)"
	like "$(cat /run/bed/valgrind.$pid)" 'FILE DESCRIPTORS.*ERROR SUMMARY' "$name: valgrind saw it to its end"
	is "$(ours </run/bed/valgrind.$pid)" "" "$name: nothing lost, nothing read unset, no fd left"
}
grind 0 "open and close" open_session close_session
like "$(log_new)" 'session 2001\.1 opened for alice' "... with a session in between"
grind 0 "close twice" open_session close_session close_session
grind 0 "no close" open_session
policy <<<$'[default]\nnetwrok = off\n[user alice]\nisolate = maybe'
grind 1 "a mistake in the policy" open_session
denied_like 'pam_ns.conf:2: unknown key netwrok.*pam_ns.conf:4: isolate' "a mistake"
policy <<<$'[default]\nsysctl.net.a.b = 1'
grind 1 "a step that fails" open_session
policy <<<$'[user alice]\nisolate = no'
grind 0 "left alone" open_session close_session
policy </dev/null
mv $HELPER $HELPER.gone
grind 1 "no helper" open_session
denied_like 'the helper .* is missing' "no helper"
mv $HELPER.gone $HELPER
clean "valgrind"
done_testing
