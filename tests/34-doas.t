#!/bin/bash
# SPDX-License-Identifier: MIT
# doas runs a command isolated, or not at all.
. "$(dirname "$0")/lib.sh"

type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
printf 'permit nopass root\npermit nopass bob\npermit carol as alice\n' >/etc/doas.conf
stack doas
base
host=$(readlink /proc/self/ns/net)
seen=$(doas -u alice sh -c 'readlink /proc/self/ns/net; cat /run/pam_ns/session; id -un; pwd')
like "$seen" 'net:\[.*'$'\n2001\.1\nalice\n' "the command runs in a session"
unlike "$seen" "net:.${host//[^0-9]/}" "... with a network of its own"
isnt "$(runuser -u bob -- doas -u alice readlink /proc/self/ns/net)" "$host" "from a user"
doas -u alice sh -c 'exit 9'
is $? 9 "the exit status"
is "$(doas readlink /proc/self/ns/net)" "$host" "root is exempt"
is "$(cd /usr/share && doas -u alice pwd)" /usr/share "the working directory is kept"
seen=$(type_in 'password: ' secret in-doas one -- runuser -u carol -- \
	doas -u alice sh -c 'echo in-doas; read -r x; echo "said:$x"; tty')
like "$seen" $'said:one\n/dev/pts/' "a password, and the terminal inside"
clean "commands"

# doas that is told to end kills its command, and closes.
doas -u alice sleep 1000 >/dev/null 2>&1 &
poll_until pgrep -x sleep
kill -TERM $!
wait $! 2>/dev/null
clean "SIGTERM"

policy <<<'isolate = yes'
log_mark
deny "broken policy: denied" doas -u alice touch /home/alice/ran
denied_like 'pam_ns\(doas:session\): .*pam_ns.conf:1' "broken policy"
is "$(doas echo in)" in "broken policy: root gets on"
policy </dev/null
mv /usr/libexec/pam_ns_helper /usr/libexec/gone
deny "no helper: denied" doas -u alice touch /home/alice/ran
mv /usr/libexec/gone /usr/libexec/pam_ns_helper
[ ! -e /home/alice/ran ]
ok $? "... and nothing was run"
clean "denials"
done_testing
