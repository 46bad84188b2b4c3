#!/bin/bash
# SPDX-License-Identifier: MIT
# linger: what outlives the last login of an instance, and what ends it then.
. "$(dirname "$0")/lib.sh"

inits() { pgrep -cf '^pam_ns: alice '; }
# shellcheck disable=SC2317 # by poll_until
one_init() { [ "$(inits)" = 1 ]; }
start_sshd
mkfifo /run/bed/go
base

# ---- until-empty ----

policy <<<'[default]
scope = user
linger = until-empty'
su alice -c true
poll_until no_sessions
ok $? "until-empty: a login that leaves nothing behind ends the instance"
as alice 'echo x >/tmp/x; nohup sleep 1001 >/dev/null 2>&1 &'
poll_until bash -c '! pgrep -f "^sshd: [a]lice"'
try "nohup: it runs on after the last logout" pgrep -f '^sleep 1001'
seen=$(su alice -c 'cat /tmp/x; ps -e -o args=; cat /run/pam_ns/session')
like "$seen" $'^x\n' "... a later login, through another program, finds the instance"
like "$seen" $'\nsleep 1001\n' "... with the process in it"
like "$seen" '2001\.1$' "... which is still the first"
one_init
ok $? "... and stays after that login too"
su alice -c 'pkill -f "^sleep 1001"'
poll_until no_sessions
ok $? "its last process ends: so does it"
clean "nohup"

# The last process has its parent outside, whose SIGCHLD init never gets.
su alice -c 'exec sleep 1002' >/dev/null 2>&1 &
su=$!
poll_until pgrep -f '^sleep 1002'
kill -KILL $su
wait $su 2>/dev/null
su alice -c true
try "login program killed: its process runs on" pgrep -f '^sleep 1002'
one_init
ok $? "... and so does the instance"
pkill -f '^sleep 1002'
poll_until no_sessions || poll_until no_sessions
ok $? "... and ends with it"
clean "an orphan"

# tmux over ssh: detached, the connection gone, attached again from a new one.
type_in() { timeout 60 "$TOOLS/ptyrun" 30 "$@" 2>&1 | tr -d '\r'; }
ssh_tty() { # what ptyrun runs
	printf '%s\n' ssh -tt "${SSH_OPTIONS[@]}" alice@127.0.0.1
}
mapfile -t SSH < <(ssh_tty)
export TERM=xterm
type_in '$ ' 'cd /tmp; echo first-$((6*7)) >in-tmux' '$ ' 'tmux detach' -- "${SSH[@]}" 'tmux -f /dev/null new -s work "PS1=\"$ \" bash --norc"' >/run/bed/out
poll_until bash -c '! pgrep -f "^sshd: [a]lice"'
try "tmux: detached, the server runs on" pgrep -f '^tmux '
seen=$(type_in '$ ' 'cat in-tmux; echo second-$((6*8))' 'second-48' 'exit' -- "${SSH[@]}" 'tmux attach -t work')
like "$seen" 'first-42' "... attached again from a new connection: the shell is where it was"
like "$seen" 'second-48' "... and works"
poll_until no_sessions || poll_until no_sessions
ok $? "... its end ends the instance"
clean "tmux"

# mosh: the connection that starts its server ends at once, and the client comes by UDP.
policy <<<'[default]
scope = user
linger = until-empty
network = host'
connect=$(as alice 'LC_ALL=C.UTF-8 mosh-server new -i 127.0.0.1 -p 60001:60999 -- bash --norc' 2>/dev/null)
read -r _ _ port key <<<"$(grep '^MOSH CONNECT' <<<"$connect")"
poll_until bash -c '! pgrep -f "^sshd: [a]lice"'
try "mosh: its server runs on after ssh has ended" pgrep -f '^mosh-server '
seen=$(MOSH_KEY=${key%$'\r'} type_in '$ ' 'readlink /proc/self/ns/pid' 'pid:' 'exit' -- bash -c "stty rows 24 cols 80; exec mosh-client 127.0.0.1 ${port:-0}")
like "$seen" 'pid:\[[0-9]+\]' "... the client reaches it"
unlike "$seen" "$(readlink /proc/self/ns/pid | sed 's/[][]/\\&/g')" "... in the session"
poll_until no_sessions || poll_until no_sessions
ok $? "... its end ends the instance"
policy <<<'[default]
scope = user
linger = until-empty'
clean "mosh"

# A process that ignores SIGHUP and SIGTERM keeps it: that is what it is for.
su alice -s /bin/bash -c '(trap "" HUP TERM; sleep 1003) >/dev/null 2>&1 &'
poll_until pgrep -f '^sleep 1003'
try "ended by its init's SIGTERM" pkill -TERM -f '^pam_ns: alice '
poll_until no_sessions
ok $? "... after kill_grace, whatever it ignores"
clean "SIGTERM"

# Of its own for each login: nobody finds it again, it ends all the same.
policy <<<'[default]
linger = until-empty'
for i in 4 5; do su alice -s /bin/bash -c "nohup sleep 100$i >/dev/null 2>&1 & readlink /proc/self/ns/net"; done >/run/bed/out
is "$(sort -u /run/bed/out | wc -l)" 2 "scope = session: each login lingers for itself"
is "$(inits)" 2 "... with an init each"
pkill -f '^sleep 1004'
poll_until one_init
ok $? "... and ends by itself"
try "... alone" pgrep -f '^sleep 1005'
pkill -f '^sleep 1005'
poll_until no_sessions
clean "scope = session"

# ---- yes ----

policy <<<'[default]
scope = user
linger = yes
max_sessions = 1
kill_grace = 20'
as alice 'echo kept >/tmp/kept'
poll_until bash -c '! pgrep -f "^sshd: [a]lice"'
poll_until one_init
ok $? "yes: it stays without a process"
poll_until su alice -c true
ok $? "... and is no login that max_sessions counts"
is "$(su alice -c 'cat /tmp/kept; cat /run/pam_ns/session')" $'kept\n2001.1' "... a later login finds it"
init=$(pgrep -f '^pam_ns: alice ')
idle() { grep ctxt_switches "/proc/$init/status"; }
before=$(idle)
sleep 0.3
is "$(idle)" "$before" "... it sleeps while nobody needs it"
SECONDS=0
pkill -TERM -f '^pam_ns: alice '
poll_until no_sessions
ok $? "SIGTERM to init ends it"
[ $SECONDS -lt 15 ]
ok $? "... at once: there is nothing to be graceful to"
clean "yes"

# Nobody's logout waits for kill_grace, nor for what lingers.
policy <<<'[default]
kill_grace = 30'
SECONDS=0
su alice -s /bin/bash -c '(trap "" HUP TERM; exec sleep 1006) >/dev/null 2>&1 & until pgrep -f "^sleep 1006" >/dev/null; do :; done'
[ $SECONDS -lt 15 ]
ok $? "logout does not wait for kill_grace"
try "... which goes on" pgrep -f '^sleep 1006'
pkill -KILL -f '^sleep 1006'
poll_until no_sessions
ok $? "... until there is nothing left to wait for"
su alice -s /bin/bash -c '(trap "echo hup >>~/signals" HUP; trap "echo term >>~/signals; exit" TERM; while :; do sleep 0.1; done) >/dev/null 2>&1 &
	until pgrep -f "sleep 0.1" >/dev/null; do :; done'
poll_until no_sessions
is "$(sort /home/alice/signals)" $'hup\nterm' "SIGHUP and SIGTERM come first"
clean "kill_grace"

# ---- what contradicts itself ----

refused() { # REGEX: of the policy on stdin
	policy
	log_mark
	deny "$1: denied" su alice -c true
	denied_like "$1" "$1"
}
refused '/pam_ns.conf:2: linger = yes would keep an instance that no later login finds: write scope = user, or' <<<'[default]
linger = yes'
refused '/pam_ns.conf:3: linger = until-empty needs process numbers of its own' <<<'[default]
pid = no
linger = until-empty'
refused ":2: linger: 'always' is not a value of this key" <<<'[default]
linger = always'
refused ":2: scope: 'users' is not a value of this key: did you mean user" <<<'[default]
scope = users'
clean "mistakes"
done_testing
