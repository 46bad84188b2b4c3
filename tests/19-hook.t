#!/bin/bash
# SPDX-License-Identifier: MIT
# hook: programs of the admin's, run as root in the session before the login goes on.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
H=/etc/security/pam_ns.hooks
mkdir $H
inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { printf '[default]\n%b\n' "$1" | policy; }
script() { # NAME [INTERPRETER]: its text on stdin
	{ echo "#!${2:-/bin/bash}"; cat; } >"$H/$1"
	chmod 755 "$H/$1"
}
# shellcheck disable=SC2317 # by poll_until
said() { log_new | grep -aq -e "pam_ns(.*: session for alice: $1"; }

# ---- what it finds ----
script look <<'END'
echo "args:$#:$*"
echo "id:$(id -u):$(id -g):$(id -G)"
echo "env:$(env | sed 's/=.*//' | grep -vE '^(_|PWD|SHLVL)$' | sort | paste -sd' ')"
echo "values:$PATH:$PAM_NS_USER:$PAM_NS_UID:$PAM_NS_SERVICE:$PAM_NS_SESSION:$PAM_NS_HOME:$PAM_NS_RHOST:$PAM_NS_TTY"
echo "cwd:$(pwd):$(umask)"
echo "stdin:$(readlink /proc/self/fd/0)"
echo "fds:$(for n in $(ls /proc/$$/fd); do readlink /proc/$$/fd/$n; done | grep -v '^pipe:' | sort | uniq -c | sed 's/ *//' | paste -sd' ')"
echo "script:$(readlink /proc/$$/fd/3)"
echo "sig:$(awk '/^Sig(Blk|Ign)/ { printf "%s ", $2 }' /proc/self/status)"
echo "caps:$(awk '/^Cap(Eff|Bnd)/ { print $2 }' /proc/self/status | sort -u | wc -l)"
read -r _ _ _ _ pgrp session _ </proc/$$/stat
echo "group:$((pgrp == $$)):$((session == $$))"
echo "ns:$(readlink /proc/self/ns/net):$(cat /proc/1/comm):$(hostname):$(ls -A /tmp | wc -l):$(ip -br link | awk '{ print $1, $2 }')"
echo to-stderr >&2
touch /tmp/of-the-hook
chmod 644 /tmp/of-the-hook
END
with "hostname = hooked\nhook.look = $H/look a\\\\040b %u-%U %h%% %d"
base
log_mark
seen=$(PATH=/evil:$PATH LD_PRELOAD=/evil.so BASH_ENV=/evil IFS=x su alice -s /bin/bash -c 'readlink /proc/self/ns/net; ls /tmp' 2>/dev/null)
net=$(grep net: <<<"$seen")
like "$seen" of-the-hook "what a hook makes, the user finds"
poll_until said 'hook.look: to-stderr'
ok $? "its output is in the log, stderr too"
log=$(log_new | grep -a 'hook\.look: ' | sed 's/.*pam_ns(su:session): session for alice: hook.look: //')
line() { grep -a "^$1:" <<<"$log"; }
is "$(line args)" 'args:4:a b alice-2001 bed% /home/alice' "arguments: words, escapes, templates"
is "$(line id)" id:0:0:0 "it is root, in no other group"
is "$(line env)" 'env:PAM_NS_HOME PAM_NS_RHOST PAM_NS_SERVICE PAM_NS_SESSION PAM_NS_TTY PAM_NS_UID PAM_NS_USER PATH' "its environment is fixed"
like "$(line values)" 'values:/usr/sbin:/usr/bin:/sbin:/bin:alice:2001:su:2001.1:/home/alice::' "... and says whose session it is"
is "$(line cwd)" cwd:/:0022 "working directory and umask"
is "$(line stdin)" stdin:/dev/null "standard input"
is "$(line fds)" "fds:1 /dev/null 2 $H/look" "no fd is inherited but the script itself"
is "$(line script)" "script:$H/look" "... as number 3"
is "$(line sig)" 'sig:0000000000000000 0000000000000000 ' "no signal is blocked or ignored"
is "$(line caps)" caps:1 "all capabilities that there are"
is "$(line group)" group:1:1 "a process group and session of its own"
is "$(line ns)" "ns:$net:pam_ns:hooked:0:lo UNKNOWN" "the namespaces are the session's, and finished"
clean "what it finds"
start_sshd
base
log_mark
as alice true
poll_until said 'hook.look: to-stderr'
like "$(log_new)" 'values:.*:sshd:2001.1:/home/alice:127.0.0.1:ssh' "over ssh: the remote host and PAM's tty"
poll_until no_sessions
stop_sshd
base

# What comes from directories and from far away is data, and one word.
script data <<'END'
printf '%s:' "$#" "$1" "$2" "$PAM_NS_USER" "$PAM_NS_SERVICE"
echo "${#PAM_NS_RHOST}:${#PAM_NS_TTY}"
[ "$PAM_NS_RHOST" != $'evil\n; rm -rf /' ] || echo rhost-as-it-was
END
with "hook.data = $H/data %u a%ub"
n=3100
for name in 'sp ace' 'a--x' 'a;$(b)' '\040'; do
	echo "$name:x:$((++n)):$n::/:/bin/sh" >>/etc/passwd
	echo "$name:*:19000::::::" >>/etc/shadow
	log_mark
	"$TOOLS/caller" pamtest "$name" >/dev/null 2>&1
	poll_until log_has "hook.data: 2:"
	is "$(log_new | grep -ao 'hook\.data: .*' | head -1)" "hook.data: 2:$name:a${name}b:$name:pamtest:0:0" "a user called $name"
done
log_mark
pamtester -I "rhost=$(printf 'r%.0s' {1..600})" -I "tty=$(printf 't%.0s' {1..600})" pamtest alice open_session close_session >/dev/null 2>&1
poll_until log_has 'hook.data: .*:255:63$'
ok $? "a long remote host and terminal are cut"
log_mark
pamtester -I $'rhost=evil\n; rm -rf /' pamtest alice open_session close_session >/dev/null 2>&1
poll_until log_has 'hook.data: rhost-as-it-was'
ok $? "a strange remote host arrives as it is"
echo "..:x:$((++n)):$n::/:/bin/sh" >>/etc/passwd
echo "..:*:19000::::::" >>/etc/shadow
log_mark
ONCE=1 "$TOOLS/caller" pamtest .. >/dev/null 2>&1
denied_like "$CONF:2: hook.data: %u: '..' cannot be part of a path" "a user called .."
clean "names as data"

# ---- which, in which order, from where ----
script say <<'END'
echo "$1 at $(ls /tmp/order 2>/dev/null | wc -l)"
mkdir -p /tmp/order && touch "/tmp/order/$1" && chmod 755 /tmp/order
END
printf '[default]\nhook.zz = %s one\nhook.aa = %s two\nhook = %s bare\nhook.gone = %s gone\n[user alice]\nhook.gone =\nhook.zz = %s three\n' \
	$H/say $H/say $H/say $H/say $H/say | policy
log_mark
is "$(inside 'ls /tmp/order' | paste -sd' ')" 'bare three two' "hooks: overridden, emptied, without a label"
poll_until said 'hook: bare'
is "$(log_new | grep -ao 'hook[.a-z]*: .* at [0-9]' | paste -sd,)" 'hook.zz: three at 0,hook.aa: two at 1,hook: bare at 2' "... in the order of first mention"
is "$(su bob -s /bin/bash -c 'ls /tmp/order' | paste -sd' ')" 'bare gone one two' "... another user's are others"
mkdir -m 700 /root/hooks
printf '#!/bin/sh\necho from-root >/tmp/seen\n' >/root/hooks/h
chmod 700 /root/hooks/h
with 'hook.x = /root/hooks/h'
is "$(inside 'cat /tmp/seen')" from-root "a program where only root can look"
mkdir -m 755 /var/hooks
cp /usr/bin/touch /var/hooks/touch
with 'hook.x = /var/hooks/touch /tmp/by-elf'
is "$(inside 'ls /tmp')" by-elf "a program of the machine's own"
script pl /usr/bin/perl <<<'open(my $f, ">", "/tmp/by-perl"); print $f "@ARGV";'
with "hook.x = $H/pl 1 2"
is "$(inside 'cat /tmp/by-perl')" '1 2' "a script of another interpreter"
with 'hook.x = /bin/ls /proc/self/fd'
log_mark
inside true
poll_until said 'hook.x: 3'
is "$(log_new | grep -ao 'hook\.x: .*' | paste -sd' ')" 'hook.x: 0 hook.x: 1 hook.x: 2 hook.x: 3' "... has no fd but 0, 1, 2, and ls' own"
ln -s look $H/link
with "hook.x = $H/link"
try "a symlink of root's" inside true
with "mount = no\npid = no\nipc = no\nprivate_tmp = no\nhook.x = /usr/bin/touch /tmp/of-mount-no"
try "mount = no" inside true
[ -e /tmp/of-mount-no ]
ok $? "... the hook is run, in the host's mounts"
rm -f /tmp/of-mount-no
clean "order, place"

# ---- failures: denied, with the hook named, and nothing left ----
fails() { # NAME HOOK-VALUE REGEX [MORE POLICY]
	with "hook.bad = $2\n${4-}"
	log_mark
	SECONDS=0
	is "$(timeout 20 su alice -c 'echo in' 2>/dev/null)" "" "$1: denied"
	denied_like "denied: $3" "$1"
	is "$(su root -c 'echo in')" in "$1: root gets in"
	clean "$1"
}
fails "exit 1" /bin/false 'hook.bad: /bin/false ended with exit status 1: see what it said in the log'
script die <<<'kill -SEGV $$'
fails "killed" $H/die "hook.bad: $H/die was killed by signal 11 \(Segmentation fault\): mend it"
fails "missing" $H/none "hook.bad: $H/none does not exist: install it, or take it out of the policy"
fails "a directory" $H "hook.bad: $H is not a regular file"
mkfifo $H/fifo
fails "a FIFO" $H/fifo "hook.bad: $H/fifo is not a regular file"
cp /bin/true /home/alice/true
fails "in a home" /home/alice/true 'hook.bad: /home/alice belongs to uid 2001: chown root it'
cp /bin/true $H/hers
chown alice $H/hers
fails "a user's" $H/hers "hook.bad: $H/hers belongs to uid 2001: chown root it"
chown root $H/hers
chmod 775 $H/hers
fails "one that others can write" $H/hers "hook.bad: $H/hers can be written by others than root: chmod go-w it"
chmod 755 $H/hers
chmod 777 $H
fails "... or its directory" $H/hers "hook.bad: $H can be written by others"
chmod 755 $H
chmod 644 $H/hers
fails "not executable" $H/hers "hook.bad: $H/hers may not be executed: chmod 755 it"
echo 'echo no interpreter' >$H/plain
chmod 755 $H/plain
fails "a script without an interpreter" $H/plain "hook.bad: $H/plain is no program: a script begins with #! and its interpreter"
script lost /no/such/interpreter <<<:
fails "an interpreter that is not there" $H/lost "hook.bad: $H/lost: its interpreter does not exist: install it"
: >$H/empty
chmod 755 $H/empty
fails "an empty file" $H/empty "hook.bad: $H/empty is no program"

# ---- too slow ----
script slow <<'END'
echo before
(trap "" TERM HUP; sleep 1009) &
setsid sleep 1010 &
trap "" TERM HUP
sleep 1011
END
# shellcheck disable=SC2317 # by poll_until
none_left() { ! pgrep -f '^sleep 10(09|1[0-9])'; }
fails "too slow" $H/slow "hook.bad: $H/slow did not end within the 3 seconds of timeout: raise timeout" 'timeout = 3'
poll_until none_left
ok $? "... and nothing of it is left"
script slow-alone <<'END'
(trap "" TERM HUP; sleep 1009) &
trap "" TERM HUP
sleep 1011
END
NOPID='pid = no\nmount = no\nipc = no\nprivate_tmp = no\n'
fails "too slow, without a pid namespace" $H/slow-alone "hook.bad: $H/slow-alone did not end within" "$NOPID""timeout = 3"
poll_until none_left
ok $? "... its process group is killed" || pkill -KILL -f '^sleep 10(09|1[0-9])'
script flood <<<'exec yes'
fails "a flood without end" $H/flood "hook.bad: $H/flood did not end within" 'timeout = 3'

# The login program gives up while the hook runs.
for more in '' "$NOPID"; do
	with "timeout = 60\nhook.bad = $H/slow-alone\n$more"
	su alice -c true &
	poll_until pgrep -f '^sleep 1011'
	kill -KILL $!
	wait $! 2>/dev/null
	poll_until none_left
	ok $? "the login program is killed: so is the hook${more:+, without a pid namespace}" || pkill -KILL -f '^sleep 10(09|1[0-9])'
	poll_until no_sessions
	with ''
	su alice -c true
	clean "a killed login program"
done

# ---- what it leaves behind ----
script daemon <<'END'
(setsid bash -c 'echo up >/tmp/up; chmod 644 /tmp/up; trap "" HUP; while :; do sleep 1012; done' &)
echo started
END
with "hook.d = $H/daemon"
SECONDS=0
seen=$(inside 'for ((i = 0; i < 500; i++)); do [ -e /tmp/up ] && break; sleep 0.01; done; cat /tmp/up')
is "$seen" up "a daemon lives in the session"
within 8
ok $? "... and does not hold the login up, though it has the hook's output open"
poll_until none_left
ok $? "... and does not outlive it"
clean "a daemon"
script orphans <<<'for i in {1..50}; do (sleep 0.01 &); done; sleep 0.5'
with "kill_grace = 60\nhook.o = $H/orphans"
inside 'sleep 0.2'
poll_until no_sessions
ok $? "orphans of a hook are reaped: the session ends at once"
clean "orphans"

# ---- output ----
script noisy <<'END'
printf 'one\033[2J\007\ttwo\r\n\n'
printf 'pam_ns(su:session): forged\nJan  1 00:00:00 x\n'
head -c 3000 /dev/zero | tr '\0' x; echo
for i in {1..500}; do echo "line $i"; done
printf 'no newline at the end'
END
with "hook.noisy = $H/noisy"
log_mark
try "much output: no reason to deny" inside true
poll_until said 'hook.noisy: .* more lines, not logged'
log=$(log_new | grep -a 'hook\.noisy: ')
like "$log" 'hook.noisy: one\?\[2J\?\?two\?' "control characters are not passed on"
is "$(log_new | grep -ac 'hook\.noisy: ')" 65 "64 lines are, and one says how many more there were"
like "$log" 'hook.noisy: 441 more lines, not logged' "... 441"
like "$log" 'hook.noisy: x{512}$|hook.noisy: x{512}'$'\n' "a long line is cut at 512 bytes"
is "$(log_new | grep -a forged | grep -avc 'hook.noisy: pam_ns(su:session): forged')" 0 "nothing looks like another's line"
script last <<<'printf "no newline"'
with "hook.last = $H/last"
log_mark
inside true
poll_until said 'hook.last: no newline'
ok $? "a last line without its newline"
script why <<<'echo the bridge is down; exit 3'
with "hook.why = $H/why"
log_mark
deny "exit 3" inside true
poll_until said 'hook.why: the bridge is down'
ok $? "a failing hook's output is in the log"
denied_like "hook.why: $H/why ended with exit status 3" "exit 3"
clean "output"

# ---- bad values ----
wrong() { # LINE REGEX
	printf '[default]\n%s\n' "$1" | policy
	log_mark
	deny "$1: denied" su alice -c true
	denied_like "$CONF:2: $2" "$1"
}
wrong 'hook.x = bin/true' "hook.x: 'bin/true' is not an absolute path: write one that starts with /"
wrong 'hook.x = /bin/../bin/true' "hook.x: a path with '\.\.' in it: write it without"
wrong 'hook.x = /bin//true' "hook.x: '/bin//true' holds an empty component"
wrong 'hook.x = /bin/' "hook.x: '/bin/' holds an empty component"
wrong 'hook.x = /bin/true a\b' 'hook.x: .* is no escape: write .040 for a blank, .134 for a backslash'
wrong 'hook.x = /bin/true \000' 'hook.x: .* is no escape'
wrong 'hook.x = /bin/true %x' "hook.x: '%x': write %u user, %U uid, .* behind a percent sign"
wrong 'hook.x = /bin/true 100%' "hook.x: '100%': write %u user"
wrong 'hook.a.b = /bin/true' "hook.a.b: 'a.b' is no label: write letters, digits, _ and -"
wrong 'hook. = /bin/true' "hook.: '' is no label"
policy </dev/null
su alice -c true
clean "bad values"

# ---- the worked example: each session a network card on a bridge ----
cp "$SRC/conf/hooks/veth" $H/veth
# Where nobody listens, an answer is a refusal.
cat >/usr/bin/reach <<-'END'
	#!/bin/bash
	timeout 5 bash -c "exec 3<>/dev/tcp/$1/9" 2>&1 | grep -q refused && echo reached
END
chmod 755 /usr/bin/reach
ip netns add hub
ip -n hub link set lo up
ip -n hub link add br0 type bridge
ip -n hub addr add 10.77.0.1/16 dev br0
ip -n hub link set br0 up
base
ports() { ip -n hub -br link show master br0 | sed 's/@.*//' | sort | paste -sd' '; }
with "hook.veth = $H/veth hub br0 10.77"
seen=$(inside 'ip -br -4 a show eth0; ip route; reach 10.77.0.1')
like "$seen" 'eth0@.* UP .*10\.77\.[0-9]+\.[0-9]+/16' "veth: a card with an address"
like "$seen" 'default via 10\.77\.0\.1 dev eth0' "... and a way out"
like "$seen" reached "... which reaches the bridge"
mkfifo -m 666 /run/go
su bob -s /bin/bash -c 'ip -br -4 a show eth0 | grep -o "10.77[0-9.]*"; read -r x </run/go' >/run/bed/bob 2>&1 &
poll_until grep -q 10.77 /run/bed/bob
like "$(ports)" 'v2002\.1' "... its other end is a port of the bridge"
is "$(inside "reach $(cat /run/bed/bob)")" reached "two sessions reach one another"
timeout 10 sh -c "echo >/run/go"
wait $!
rm /run/go
for i in 1 2 3 4 5; do inside 'reach 10.77.0.1'; done >/run/bed/out
is "$(grep -c reached /run/bed/out)" 5 "five logins one after the other"
# shellcheck disable=SC2317 # by poll_until
no_ports() { [ -z "$(ports)" ]; }
poll_until no_ports
ok $? "the cards go with their sessions"
with "hook.veth = $H/veth nowhere br0 10.77"
log_mark
deny "a namespace that is not there: denied" inside true
poll_until said 'hook.veth: .*nowhere'
ok $? "... and the log has what ip said"
denied_like "hook.veth: $H/veth ended with exit status" "veth"
with "hook.veth = $H/veth host br9 10.78"
touch /run/netns/host
mount --bind /proc/self/ns/net /run/netns/host
ip link add br9 type bridge
ip addr add 10.78.0.1/16 dev br9
ip link set br9 up
is "$(inside 'reach 10.78.0.1')" reached "a bridge of the host's own, by a name for its namespace"
ip link del br9
umount /run/netns/host
rm /run/netns/host
ip netns del hub
policy </dev/null
poll_until no_sessions
base
su alice -c true
clean "veth"
done_testing
