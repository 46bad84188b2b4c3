#!/bin/bash
# SPDX-License-Identifier: MIT
# su: the working directory, the terminal, exit status, and what the invoking user could do.
. "$(dirname "$0")/lib.sh"

type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
base
cd /usr/share || exit 1
is "$(su alice -c pwd)" /usr/share "su: the working directory is kept"
is "$(su - alice -c pwd)" /home/alice "su -: the home"
mkdir -p /tmp/only-here
cd /tmp/only-here || exit 1
is "$(su alice -c pwd)" / "a directory that the session has not: /"
cd /tmp && rmdir /tmp/only-here
is "$(su alice -c pwd)" /tmp "/tmp is /tmp"
cd /
su alice -c 'exit 42'
is $? 42 "the exit status"
su alice -c 'kill -TERM $$' 2>/dev/null
is $? 143 "a signal's exit status"
is "$(echo 'through a pipe' | su alice -c cat)" 'through a pipe' "standard input and output"
try "runuser" runuser -u bob -- true
mv /home/alice /home/gone
is "$(su - alice -c pwd 2>/dev/null)" / "home missing: in /"
mv /home/gone /home/alice
clean "plain su"

# The script that called su goes on using its terminal.
cat >/run/script <<-'END'
	su alice -c "echo in-su; read -r x; echo said:\$x" || echo failed
	su - bob -s /bin/bash -c 'set -m; sleep 0.01 & wait; echo jobs-work'
	su alice -s /bin/bash
	echo after </dev/tty >/dev/tty || echo EIO
	read -r x </dev/tty && echo "got:$x"
END
seen=$(type_in in-su one '$ ' 'echo $((6*7)); exit' after two -- bash /run/script)
for word in in-su 'said:one' jobs-work 42 $'\nafter' got:two; do
	like "$seen" "$word" "terminal: $word"
done
unlike "$seen" 'EIO|Input/output|failed' "terminal: no EIO"
clean "su on a terminal"

# An interactive shell inside has job control.
seen=$(type_in '$ ' 'sleep 1000 & jobs; kill %1; wait; echo $((6*7)); exit' -- su - alice)
like "$seen" 'Running' "job control inside"
like "$seen" 42 "... and on it goes"
clean "job control"

# su by a user, whose real uid is his own: nothing of root's may become his to kill.
cat >/run/by-bob <<-'END'
	pid=$(pgrep -f 'pam_ns: alice')
	kill -KILL $pid && echo killed
	kill -STOP $pid && echo stopped
	grep Uid: /proc/$pid/status
END
chmod 644 /run/by-bob
type_in 'Password: ' secret '$ ' 'sleep 1.5; echo alive; exit' -- runuser -u bob -- su alice -s /bin/sh >/run/bed/out &
poll_until pgrep -f 'pam_ns: alice'
seen=$(setpriv --reuid 2002 --clear-groups --regid 2002 bash /run/by-bob 2>&1)
unlike "$seen" 'killed|stopped' "the invoking user cannot signal init"
like "$seen" $'Uid:\t0\t0\t0\t0' "init is root's in all its uids"
wait $!
like "$(cat /run/bed/out)" alive "the session lives on"
clean "su by a user"

# Nor may it be to end or stop what starts the helper, for it runs on su's own memory. Each clone() is
# held up, that which it makes the helper with too.
# shellcheck disable=SC2317 # by way of poll_until
child_of_su() { MIDDLE=$(pgrep -P "$(pgrep -xo su)"); }
if strace -qq -o /dev/null true 2>/dev/null; then
	echo secret | strace -u bob -f -qq -o /dev/null -e inject=clone:delay_enter=1000000 \
		su alice -c 'echo in' >/run/bed/out 2>/dev/null &
	poll_until child_of_su
	seen=$(grep -E 'Uid|SigBlk' "/proc/$MIDDLE/status"
		for s in STOP KILL; do setpriv --reuid 2002 --clear-groups --regid 2002 kill -$s "$MIDDLE" 2>&1; done)
	is "$(grep -c 'not permitted' <<<"$seen")" 2 "the invoking user cannot signal what starts the helper" || diag "$seen"
	like "$seen" $'SigBlk:\tfffffffffffbfeff' "no handler runs in it, of the C library's own signals neither"
	wait $!
	is "$(cat /run/bed/out)" in "... and gets the session"
	clean "su by a user, held up"
else
	skip 4 "strace cannot trace here"
fi

# Ctrl-C at every moment of opening leaves nothing.
for ((i = 0; i < 20; i++)); do
	timeout -s INT "0.0$((i % 10))$((i < 10 ? 0 : 5))" su alice -c 'sleep 0.05' >/dev/null 2>&1
done
poll_until no_sessions
su alice -c true
clean "SIGINT at any moment"

policy <<<'isolate = yes'
log_mark
deny "broken policy: denied" su alice -c true
denied_like 'pam_ns.conf:1' "broken policy"
is "$(su root -c 'echo in')" in "broken policy: root gets in"
stack su exempt_group=rescue
is "$(su carol -c 'echo in')" in "broken policy: the exempt group gets in"
done_testing
