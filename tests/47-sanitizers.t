#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory and undefined behaviour: real logins with the helper, and the unit tests, under
# AddressSanitizer and UndefinedBehaviorSanitizer; the module and pam_nsctl under both; the module
# under valgrind.
. "$(dirname "$0")/lib.sh"

HELPER=/usr/libexec/pam_ns_helper REPORT=/run/bed/sanitizer
install_helper() { install -m 755 "$SRC/build/asan/$1" $HELPER; }
# That a stack which is not the thread's own, as those of the children between, is not looked through, is no report.
reports() { cat $REPORT.* 2>/dev/null | grep -vE "ignoring requested __asan_handle_no_return|^False positive error reports may follow|^For details see"; }
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

install -m 755 "$SRC/build/pam_ns_helper" $HELPER

# ---- the module, the sanitizers' runtime preloaded into whatever loads it ----
module=$(find /usr/lib* /lib* -name pam_ns.so 2>/dev/null | head -1)
RUNTIME=$(clang -print-file-name=libclang_rt.asan-x86_64.so)
[ -e "$RUNTIME" ] || RUNTIME=$(clang -print-file-name=libclang_rt.asan-"$(uname -m)".so)
install_module() { rm -f "$module"; install -m 644 "$SRC/build/$1" "$module"; }
# By their names in a report it would be found who is to blame, but looking them up takes long. Leaks are
# valgrind's; and on a stack that is not the thread's own, as the middle child's, this detection is lost.
export ASAN_OPTIONS=log_path=$REPORT:abort_on_error=1:symbolize=0:detect_leaks=0:detect_stack_use_after_return=0
export UBSAN_OPTIONS=log_path=$REPORT:symbolize=0
sanitized() { LD_PRELOAD=$RUNTIME "$@"; }
base
install_module asan/planted.so
deny "a module with an overflow planted on its stack: no login" sanitized pamtester pamtest alice open_session
like "$(reports)" "stack-buffer-overflow.*'name' \\(line" "... and it is reported" || reports
rm -f $REPORT.*
deny "an overflowing sum planted in it: no login" sanitized su bob -c true
like "$(reports)" 'planted_so.c.*signed integer overflow' "... and it is reported"
rm -f $REPORT.*
install_module asan/pam_ns.so
policy <<'END_OF_POLICY'
[default]
uptime = session
sysctl.kernel.msgmax = 9000
[user bob]
scope = user
max_sessions = 9
capabilities = setuid setgid chown
no_new_privs = yes
hook.x = /bin/echo %u
tmpfs.x = /mnt 1M
hide.x = /usr/games /var/absent
home = own
devices = minimal
[user carol]
pid = no
time = no
uptime = host
propagation = private
network = host
END_OF_POLICY
for user in alice bob carol; do
	try "$user: open and close" sanitized pamtester pamtest $user open_session close_session
	try "$user: no close" sanitized pamtester pamtest $user open_session
	try "$user: su" sanitized su $user -c true
	is "$(sanitized "$TOOLS/caller" pamtest $user | grep CHANGED | grep -vE 'CapBnd|NoNewPrivs')" "" "$user: a program that looks at itself"
done
try "a program with threads" sanitized "$TOOLS/caller" pamtest carol threads thread
logins=()
for _ in 1 2 3 4 5 6; do sanitized su bob -c 'sleep 0.2' & logins+=($!); done
wait "${logins[@]}"
ok $? "six join one instance"
deny "a process killed while it opens" sanitized timeout -s KILL 0.02 su alice -c 'sleep 1000'
for text in $'[default]\nnetwrok = off\n[user alice]\nisolate = maybe' $'[default]\nsysctl.net.a.b = 1' $'[default]\nhook.x = /bin/false' \
	$'[default]\nhook.x = /bin/sleep 9\ntimeout = 1' $'[default]\ntmpfs.x = /tmp'; do
	policy <<<"$text"
	deny "denied: ${text##*$'\n'}" sanitized pamtester pamtest alice open_session
done
policy </dev/null
mv $HELPER $HELPER.gone
deny "denied: no helper" sanitized pamtester pamtest alice open_session
mv $HELPER.gone $HELPER
is "$(reports)" "" "no sanitizer had anything to say of the module"
policy <<<$'[default]\nscope = user\nhide.x = /usr/games'
is "$(timeout 20 "$SRC/build/asan/pam_nsctl" run alice -- id -un)" alice "a sanitized pam_nsctl: run"
sanitized su alice -c 'exec sleep 1234' >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1234'
is "$(timeout 20 "$SRC/build/asan/pam_nsctl" enter alice -- id -un)" root "... enter"
for verb in list 'list --json' 'status alice' 'show alice' 'show alice --steps' check keys 'end alice'; do
	# shellcheck disable=SC2086 # words
	try "... $verb" timeout 20 "$SRC/build/asan/pam_nsctl" $verb
done
wait $!
is "$(reports)" "" "no sanitizer had anything to say of pam_nsctl"
unset ASAN_OPTIONS UBSAN_OPTIONS
install_module pam_ns.so
policy </dev/null
clean "the module sanitized"

# ---- the module, under valgrind ----
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
