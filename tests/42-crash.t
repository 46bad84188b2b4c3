#!/bin/bash
# SPDX-License-Identifier: MIT
# Who is killed, and when, must not matter: what is left ends, and the next login works.
. "$(dirname "$0")/lib.sh"

base
# The login program.
for how in KILL TERM; do
	su alice -s /bin/bash -c 'sleep 1000 & (trap "" TERM HUP; sleep 1001) & wait' >/dev/null 2>&1 &
	poll_until pgrep -f '^sleep 1001'
	kill -$how $!
	wait $! 2>/dev/null
	poll_until no_sessions
	ok $? "SIG$how to the login program: init ends"
	! pgrep -f '^sleep 100'
	ok $? "... with what ran in the session"
	clean "SIG$how"
done

# Init.
su alice -s /bin/bash -c 'sleep 1000' >/run/bed/out 2>&1 &
poll_until pgrep -f '^sleep 1000'
pkill -KILL -f 'pam_ns: alice'
wait $!
isnt $? 0 "SIGKILL to init: the user's shell dies"
! pgrep -f '^sleep 1000'
ok $? "... with all of the session"
find /run/pam_ns -type f | grep -q .
ok $? "... the dead entry stays"
try "... and the next login" su alice -c true
clean "... takes it away"

# A program that sees its session die under it still closes it, and is itself again.
mkfifo /run/bed/go
PAUSE=1 "$TOOLS/caller" pamtest alice <>/run/bed/go >/run/bed/out 2>&1 &
poll_until grep -q '^pause' /run/bed/out
pkill -KILL -f 'pam_ns: alice'
poll_until no_sessions
echo >/run/bed/go
wait $!
is $? 0 "SIGKILL to init: the login program lives"
like "$(cat /run/bed/out)" $'close: Success\nclose again: Success' "... closes its session"
is "$(grep CHANGED /run/bed/out)" "" "... and is as before"
like "$(cat /run/bed/out)" "outside $(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')" "... with children on the host"
su alice -c true
clean "SIGKILL to init while open"

su alice -s /bin/bash -c 'trap "" TERM; sleep 1000' >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1000'
pkill -TERM -f 'pam_ns: alice'
poll_until no_sessions
ok $? "SIGTERM to init from outside ends the session by kill_grace"
wait $!
clean "SIGTERM to init"

# The login program, at any moment of opening and closing.
# However slow the machine: from the start to half as long again as all of it takes.
all_ms=$(perl -MTime::HiRes=time -e '$t = time; system qw(su alice -c true); print 1000 * (time - $t)')
for ((i = 0; i < 75; i++)); do
	su alice -c 'readlink /proc/self/ns/net' >>/run/bed/seen 2>&1 &
	pid=$!
	perl -e "select undef, undef, undef, $all_ms * $i / 50000"
	kill -KILL $pid
	wait $pid
	killed[$?]=1
done 2>/dev/null
poll_until no_sessions
ok $? "SIGKILL at 75 moments: no init is left"
is "${!killed[*]}" "0 137" "... some before the end, some after"
is "$(grep -c -F "$(readlink /proc/self/ns/net)" /run/bed/seen)" 0 "... and none on the host"
try "... the next login works" su alice -c true
clean "SIGKILL while opening"

# At once. None ends before all have looked: the kernel gives the number of one that is gone to the next.
policy <<<$'[default]\ntimeout = '$((10 * ${PNS_PACE:-1}))
mkfifo -m 666 /run/go
exec 8<>/run/go
for ((i = 0; i < 50; i++)); do su alice -s /bin/bash -c 'readlink /proc/self/ns/net; read -r x </run/go' & pids[i]=$!; done >/run/bed/many 2>&1
# shellcheck disable=SC2317 # by poll_until
all_looked() { [ "$(wc -l </run/bed/many)" = 50 ]; }
poll_until all_looked
printf '\n%.0s' {1..50} >&8
wait "${pids[@]}"
exec 8>&-
rm /run/go
is "$(sort -u /run/bed/many | grep -c '^net:')" 50 "fifty logins of one user at once"
policy </dev/null
clean "fifty at once"

# A helper that the login program has given up and could not kill, since nobody had told it whom: what it
# was to make has become another's meanwhile.
HELPER=/usr/libexec/pam_ns_helper
cat >/run/bed/late.c <<-END
	#include <stdio.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		FILE *file = fopen("/run/bed/late", "we");

		(void)argc;
		if (!file || fork() > 0)
			return 0;
		fprintf(file, "%d\n", getpid());
		fclose(file);
		while (access("/run/bed/late", F_OK) == 0)
			usleep(20000);
		return execv("$HELPER", argv);
	}
END
cp $HELPER $HELPER.real
cc -o $HELPER.late /run/bed/late.c
for others in '' 1; do
	policy <<<$'[default]\nscope = user\ntimeout = 1'
	mv $HELPER.late $HELPER
	deny "a helper that takes longer than the timeout: denied" su alice -c true
	poll_until test -s /run/bed/late
	late=$(cat /run/bed/late)
	mv $HELPER $HELPER.late
	cp $HELPER.real $HELPER
	policy <<<$'[default]\nscope = user'
	if [ -n "$others" ]; then
		su alice -s /bin/bash -c 'readlink /proc/self/ns/net; read -r x' <>/run/bed/go >/run/bed/out 2>&1 &
		poll_until grep -q net /run/bed/out
	fi
	rm /run/bed/late
	poll_until bash -c "! kill -0 $late"
	ok $? "... and starts later: ends by itself" || diag "$(ps -ef)"
	if [ -n "$others" ]; then
		is "$(su alice -c 'readlink /proc/self/ns/net')" "$(cat /run/bed/out)" "... while the number is another login's: that one is joined as ever"
		echo >/run/bed/go
		wait $!
	fi
	clean "a helper that comes too late"
done
policy </dev/null

# A stale registry, as no clean machine has it, and strange things in it.
mkdir -p /run/pam_ns/2001/9.d
echo stale >/run/pam_ns/2001/7
ln -s /etc/passwd /run/pam_ns/2001/8
touch /run/pam_ns/2001/x /run/pam_ns/2001/7.socket
try "a stale registry: the next login works" su alice -c true
is "$(find /run/pam_ns/2001 -mindepth 1 | sort | paste -sd' ')" "/run/pam_ns/2001/8 /run/pam_ns/2001/9.d /run/pam_ns/2001/x" \
	"... the dead entry is gone, what is not ours is left"
[ -s /etc/passwd ]
ok $? "... and no symlink is followed"
rm -rf /run/pam_ns/2001
mkdir -m 700 /run/pam_ns/2001
touch /run/pam_ns/2001/1.socket
try "a stale socket alone: the next login works" su alice -c true
rm -rf /run/pam_ns/2001
clean "a stale registry"
done_testing
