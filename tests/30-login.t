#!/bin/bash
# SPDX-License-Identifier: MIT
# login(1) on a terminal.
. "$(dirname "$0")/lib.sh"

type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
rm -f /etc/securetty
base
policy <<<$'[default]\nproc = all' # init is to be seen
seen=$(type_in 'Password: ' secret '$ ' 'readlink /proc/self/ns/net /proc/self/ns/mnt; ps -e -o args= | head -1; tty; exit' \
	-- login alice)
like "$seen" 'net:\[' "a login works"
unlike "$seen" "$(readlink /proc/self/ns/net)|$(readlink /proc/self/ns/mnt)" "... in namespaces of its own"
like "$seen" 'pam_ns: alice \(login\) 2001.1' "... whose init is PID 1"
like "$seen" '/dev/pts/[0-9]' "... with its terminal"
policy </dev/null
clean "logout"

seen=$(type_in 'Password: ' wrong 'login: ' '' -- login alice)
unlike "$seen" '\$ ' "a wrong password is no login"
clean "a wrong password"

policy <<<'isolate = yes'
log_mark
seen=$(type_in 'Password: ' secret '$ ' 'echo $((6*7)); exit' -- login alice)
unlike "$seen" 42 "broken policy: no login"
denied_like 'pam_ns\(login:session\).*/etc/security/pam_ns.conf:1: .*\[default\]' "broken policy"
echo "root:$HASH:19000:0:99999:7:::" >/run/bed/shadow
grep -v '^root:' /etc/shadow >>/run/bed/shadow
cat /run/bed/shadow >/etc/shadow
seen=$(type_in 'Password: ' secret '# ' 'echo $((6*7)); exit' -- login root)
like "$seen" 42 "broken policy: root gets in"
clean "denials"
done_testing
