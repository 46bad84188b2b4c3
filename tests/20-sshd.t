#!/bin/bash
# SPDX-License-Identifier: MIT
# OpenSSH's sshd, all that people do with it: shell, exec, files, forwarding, many channels.
. "$(dirname "$0")/lib.sh"

NS='readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net'
start_sshd
base
sftp_as() { # USER: commands on stdin
	sftp -q -b - "${SSH_OPTIONS[@]}" "$1@127.0.0.1"
}

# exec and shell.
policy <<<$'[default]\nproc = all' # init is to be seen
seen=$(as alice "$NS; hostname; echo \$PAM_NS_SESSION; ps -e -o args= | head -1")
unlike "$seen" "$(readlink /proc/self/ns/mnt)|$(readlink /proc/self/ns/net)" "exec: namespaces of its own"
like "$seen" $'\n2001.1\npam_ns: alice \(sshd\) 2001.1' "exec: the environment and init name the session"
policy </dev/null
as alice 'exit 7'
is $? 7 "exec: the exit status arrives"
head -c 1048576 /dev/urandom >/run/bed/mib
is "$(ssh "${SSH_OPTIONS[@]}" alice@127.0.0.1 cat </run/bed/mib | sha256sum)" "$(sha256sum </run/bed/mib)" \
	"exec: a MiB in and out"
seen=$(printf 'tty\nstty size\necho $((6*7)); hostname; exit 3\n' |
	script -qec "stty rows 33 cols 77; ssh -tt ${SSH_OPTIONS[*]} alice@127.0.0.1" /dev/null)
is $? 3 "shell on a pty: the exit status arrives"
like "$seen" '/dev/pts/[0-9]+' "shell on a pty: has a tty"
like "$seen" '33 77' "shell on a pty: the size of the window"
like "$seen" 42 "shell on a pty: works"
clean "exec and shell"

# Files.
echo 'put /run/bed/mib /tmp/of-sftp
put /run/bed/mib in-home
ls -l /tmp' | sftp_as alice >/run/bed/out 2>&1
ok $? "sftp: internal-sftp works" || diag "$(cat /run/bed/out)"
like "$(cat /run/bed/out)" of-sftp "sftp: sees its own /tmp"
[ ! -e /tmp/of-sftp ] && cmp -s /run/bed/mib /home/alice/in-home
ok $? "sftp: /tmp is the session's, the home is the home"
try "scp to" scp -q "${SSH_OPTIONS[@]}" /run/bed/mib alice@127.0.0.1:copy
try "scp from" scp -q "${SSH_OPTIONS[@]}" alice@127.0.0.1:copy /run/bed/back
try "scp: the same" cmp /run/bed/mib /run/bed/back
clean "files"

# Forwarding: what a session reaches is its own loopback.
perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7001,
	Listen => 9, ReuseAddr => 1); while ($c = $l->accept) { print $c "host\n"; close $c }' &
poll_until bash -c '</dev/tcp/127.0.0.1/7001'
base
serve() { # PORT WORD: a server of the session's own
	printf '%s' "perl -MIO::Socket::INET -e '\$l = IO::Socket::INET->new(LocalAddr => q(127.0.0.1), LocalPort => $1, Listen => 9, ReuseAddr => 1); while (\$c = \$l->accept) { print \$c qq($2\\n); close \$c }'"
}
ask() { # PORT
	timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 && head -1 <&3" 2>/dev/null
}
# shellcheck disable=SC2317 # by poll_until
asks() { [ "$(ask "$1")" = "$2" ]; }
ssh "${SSH_OPTIONS[@]}" -L 7101:127.0.0.1:7002 -L 7102:127.0.0.1:7001 alice@127.0.0.1 \
	"$(serve 7002 session)" </dev/null >/dev/null 2>&1 &
client=$!
poll_until asks 7101 session
is "$(ask 7101)" session "-L reaches the session's own loopback"
is "$(ask 7102)" "" "-L does not reach the host's"
kill $client
is "$(as alice -R 7103:127.0.0.1:7001 'exec 3<>/dev/tcp/127.0.0.1/7103 && head -1 <&3')" host \
	"-R listens in the session, and reaches the client's side"
ssh "${SSH_OPTIONS[@]}" -N -R 7104:127.0.0.1:7001 alice@127.0.0.1 </dev/null >/dev/null 2>&1 &
client=$!
poll_until pgrep -f 'pam_ns: alice'
is "$(ask 7104)" "" "-R does not listen on the host"
kill $client
poll_until no_sessions
clean "forwarding"

eval "$(ssh-agent -a /run/bed/agent)" >/dev/null
ssh-add -q /run/bed/key
like "$(as alice -A 'ssh-add -l')" ED25519 "agent forwarding"
ssh-agent -k >/dev/null
unset SSH_AUTH_SOCK SSH_AGENT_PID

# One connection, many channels; many connections.
ssh "${SSH_OPTIONS[@]}" -M -S /run/bed/mux -fN alice@127.0.0.1 </dev/null
first=$(as alice -S /run/bed/mux "$NS; echo x >/tmp/shared")
second=$(as alice -S /run/bed/mux "$NS; cat /tmp/shared")
is "$second" "$first"$'\n'x "channels of a ControlMaster share one session"
isnt "$(as alice "$NS")" "$first" "another connection is another session"
ssh -S /run/bed/mux -O exit -F none alice@127.0.0.1 2>/dev/null
# None ends before all have looked: the kernel gives the number of one that is gone to the next.
mkfifo -m 666 /run/go
for i in {1..8}; do as alice 'readlink /proc/self/ns/net; read -r x </run/go' >"/run/bed/many.$i" & pids[i]=$!; done
# shellcheck disable=SC2317 # by poll_until
all_looked() { [ "$(cat /run/bed/many.* | wc -l)" = 8 ]; }
poll_until all_looked
exec 8<>/run/go
printf '\n%.0s' {1..8} >&8
wait "${pids[@]}"
exec 8>&-
rm /run/go
is "$(sort -u /run/bed/many.* | grep -c '^net:')" 8 "eight logins at once, each with a network of its own"
clean "many connections"

# Connections that break.
ssh "${SSH_OPTIONS[@]}" alice@127.0.0.1 'sleep 1000' </dev/null >/dev/null 2>&1 &
client=$!
poll_until pgrep -f '^sleep 1000'
kill -9 $client
poll_until no_sessions
ok $? "a client that vanishes: its session ends"
ssh "${SSH_OPTIONS[@]}" alice@127.0.0.1 'trap "" HUP; sleep 1000' </dev/null >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1000'
pkill -9 -f 'sshd: alice \[priv\]'
poll_until no_sessions
ok $? "sshd killed: the session ends"
! pgrep -f '^sleep 1000'
ok $? "... with all that ran in it"
as bob true
clean "connections that break"

# A session that cannot be isolated is none, in any form.
closed() { # NAME [REGEX of the log line]
	log_mark
	is "$(as alice 'echo in' 2>/dev/null)" "" "$1: no exec"
	denied_like "${2:-:1: }" "$1"
	unlike "$(echo 'echo $((6*7))-in' | ssh -tt "${SSH_OPTIONS[@]}" alice@127.0.0.1 2>/dev/null)" 42-in "$1: no shell"
	deny "$1: no sftp" sftp_as alice <<<'ls /'
	deny "$1: no scp" scp -q "${SSH_OPTIONS[@]}" alice@127.0.0.1:/etc/hostname /run/bed/back
	is "$(timeout 10 ssh "${SSH_OPTIONS[@]}" -W 127.0.0.1:7001 alice@127.0.0.1 </dev/null 2>/dev/null)" "" "$1: no -W"
	timeout 20 ssh "${SSH_OPTIONS[@]}" -N -L 7105:127.0.0.1:7001 -R 7106:127.0.0.1:7001 alice@127.0.0.1 \
		</dev/null >/dev/null 2>&1 &
	client=$!
	if poll_until bash -c '</dev/tcp/127.0.0.1/7105' 2>/dev/null; then
		is "$(ask 7105)" "" "$1: no -L"
	else
		ok 0 "$1: no -L"
	fi
	is "$(ask 7106)" "" "$1: no -R"
	kill $client 2>/dev/null
	is "$(as root 'echo in')" in "$1: root gets in"
}
policy <<<'isolate = yes'
closed "broken policy"
policy </dev/null
mv /usr/libexec/pam_ns_helper /usr/libexec/gone
closed "helper missing" 'helper .* is missing: install'
mv /usr/libexec/gone /usr/libexec/pam_ns_helper
is "$(as alice 'echo in')" in "mended: works again"
log_mark
poll_until no_sessions
clean "denials"
stop_sshd

# The external sftp server, and a password instead of a key.
start_sshd 'Subsystem=sftp /usr/lib/openssh/sftp-server'
base
echo 'put /run/bed/mib /tmp/of-sftp
ls /tmp' | sftp_as bob >/run/bed/out 2>&1
like "$(cat /run/bed/out)" of-sftp "sftp: the external server works"
[ ! -e /tmp/of-sftp ]
ok $? "sftp: ... in the session's /tmp"
printf '#!/bin/sh\necho secret\n' >/run/askpass
chmod 755 /run/askpass
seen=$(SSH_ASKPASS=/run/askpass SSH_ASKPASS_REQUIRE=force setsid ssh -F none -o StrictHostKeyChecking=no \
	-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o PubkeyAuthentication=no \
	alice@127.0.0.1 "$NS" </dev/null)
unlike "$seen" "$(readlink /proc/self/ns/net)" "password login: isolated"
like "$seen" 'net:' "password login: works"
rm -f /run/askpass
poll_until no_sessions
clean "the other sshd"
stop_sshd
kill %perl
done_testing
