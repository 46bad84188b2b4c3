#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that exec the user's program in the process that opened the session: refused with what to
# do, or left alone when the policy says so; never half isolated.
. "$(dirname "$0")/lib.sh"

mkdir /run/bin
base
HOSTS=$(for n in mnt ipc uts pid net time; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')
run() { timeout -s KILL 60 "$@" 2>&1; }
# A stand-in under the name of the program: systemd's own process runs the PAM stack of a PAMName= unit.
for name in systemd systemd-executor pkexec; do
	cp "$TOOLS/caller" /run/bin/$name
	policy </dev/null
	log_mark
	seen=$(run /run/bin/$name pamtest alice)
	isnt $? 0 "$name: refused"
	like "$(log_new)" "pam_ns\\(pamtest:session\\): session for alice denied: pamtest \\((a systemd unit with PAMName=|pkexec)\\) cannot be isolated: write isolate = no under \\[service pamtest\\], or" \
		"$name: the log says what to do"
	is "$(grep CHANGED <<<"$seen")" "" "$name: nothing is changed"
	policy <<<'[service pamtest]
isolate = no'
	seen=$(run /run/bin/$name pamtest alice)
	ok $? "$name: left alone when the policy says so"
	is "$(grep -cE "^inside ($HOSTS)" <<<"$seen")" 6 "$name: ... with everything the host's"
done

policy </dev/null
PAUSE=1 run /run/bin/systemd-executor pamtest root </dev/null >/run/bed/out
ok $? "root's units are exempt" || diag "$(cat /run/bed/out)"
# After an upgrade the running systemd is a file without a name.
perl -e 'open F, "<", "/run/bin/systemd"; fcntl F, 2, 0; unlink "/run/bin/systemd"; exec { "/proc/self/fd/" . fileno F } qw(systemd pamtest alice)' \
	>/run/bed/out 2>&1
isnt $? 0 "systemd replaced by an upgrade: refused"

# A user who calls something else so shuts out himself alone, and su is no systemd by its name in argv.
like "$(bash -c 'exec -a systemd su alice -c "readlink /proc/self/ns/net"')" 'net:' "a name in argv means nothing"

for service in systemd-user polkit-1; do
	pam_file $service 'session required pam_ns.so' ''
	policy </dev/null
	log_mark
	deny "$service: refused" pamtester $service alice open_session
	denied_like "$service .* cannot be isolated: write isolate = no under \\[service $service\\], or take pam_ns out" "$service"
	policy <<<"[service $service]
isolate = no"
	try "$service: left alone when the policy says so" pamtester $service alice open_session
done

# Where a program goes on after a denial, the argument fatal ends it.
policy <<<'isolate = yes'
seen=$(run "$TOOLS/caller" pamtest alice)
like "$seen" 'outside' "without fatal: a denied program goes on"
stack pamtest fatal
log_mark
seen=$(run "$TOOLS/caller" pamtest alice)
is $? 137 "fatal: it does not"
denied_like 'pam_ns.conf:1' "fatal"
unlike "$seen" 'outside' "fatal: ... and runs nothing"
stack xrdp-sesman
log_mark
seen=$(run "$TOOLS/caller" xrdp-sesman alice)
is $? 137 "xrdp, that once went on (CVE-2023-40184): nor does it, without an argument"
denied_like 'pam_ns.conf:1' "xrdp"
run "$TOOLS/caller" pamtest root >/run/bed/out
is $? 0 "fatal: root gets in"
policy </dev/null
run "$TOOLS/caller" pamtest alice >/run/bed/out
is $? 0 "fatal: without a mistake, as without it"
clean "unfit"
done_testing
