#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever fails, a login is isolated or denied: never the host's, never half.
. "$(dirname "$0")/lib.sh"

HELPER=/usr/libexec/pam_ns_helper
HOST=$(for n in mnt pid net; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')
exec 9<"$LOG" # to be read when /run is covered, too
LOG=/proc/$$/fd/9
base
fails() { # NAME REGEX: the login must be denied, root's not
	log_mark
	SECONDS=0
	is "$(timeout 20 su alice -c 'echo in' 2>/dev/null)" "" "$1: denied"
	within 4
	ok $? "$1: in good time"
	denied_like "$2" "$1"
	is "$(su root -c 'echo in')" in "$1: root gets in"
}
mended() {
	local out
	log_mark
	out=$(su alice -c 'echo in' 2>&1)
	[ "$out" = in ]
	ok $? "$1: the next login works" || {
		poll_until log_has denied
		diag "$out"$'\n'"$(log_new)"
	}
	clean "$1"
}

# ---- the helper ----
cp -a $HELPER /run/bed/helper
mv $HELPER $HELPER.gone
fails "no helper" "the helper $HELPER is missing: install pam_ns again"
stand_in() { # what stands in its place: a script cannot, so a small program
	rm -f $HELPER
	cc -o $HELPER -x c - <<<"#include <fcntl.h>
#include <unistd.h>
#include <string.h>
#include <sys/socket.h>
int main(void) { static char b[70000]; (void)b; $1 }" && chmod 755 $HELPER
}
stand_in 'return 0;'
fails "a helper that ends at once" "$HELPER ended without a word"
stand_in 'return recv(3, b, sizeof b, 0) < 0;'
fails "a helper that ends after the plan" "$HELPER ended without a word"
stand_in '*(volatile int *)0 = 1; return 0;'
fails "a helper that crashes" "$HELPER ended without a word"
policy <<<$'[default]\ntimeout = 1'
stand_in 'recv(3, b, sizeof b, 0); for (;;) pause();'
fails "a helper that hangs" 'not ready within 1 seconds: raise timeout'
policy </dev/null
stand_in 'recv(3, b, sizeof b, 0); send(3, "garbage", 7, 0); pause();'
fails "a helper that talks nonsense" 'denied: '
stand_in 'recv(3, b, sizeof b, 0); memset(b, 0, 1024); b[0] = 3; send(3, b, 1024, 0); pause();'
fails "READY of one that has made nothing" 'the session has no net namespace of its own: install pam_ns again'
stand_in 'recv(3, b, sizeof b, 0); memset(b, 0, 1024); b[0] = 99; send(3, b, 1024, 0); pause();'
fails "an unknown message" 'denied: '
stand_in 'recv(3, b, sizeof b, 0); memset(b, 0, 1024); b[0] = 4; strcpy(b + 12, "a\nb\033c"); send(3, b, 1024, 0);'
fails "an ERROR without a code, with control characters in it" 'denied: a\?b\?c'
stand_in 'int n = recv(3, b, sizeof b, 0); return write(open("/run/bed/plan", O_WRONLY | O_CREAT, 0600), b, n) < 0;'
su alice -c true 2>/dev/null # the plan, for below
stand_in 'static char *argv[] = {"sleep", "1000", 0}; recv(3, b, sizeof b, 0); execv("/bin/sleep", argv); return 9;'
policy <<<$'[default]\ntimeout = 1'
fails "another program in its place" 'not ready within 1 seconds: raise timeout'
policy </dev/null
# shellcheck disable=SC2317 # by poll_until
no_stand_ins() { ! pgrep -f 'pam_ns: alice|^sleep 1000'; }
poll_until no_stand_ins
ok $? "no stand-in is left running" || diag "$(pgrep -af 'pam_ns: alice|^sleep 1000')"
pkill -KILL -f 'pam_ns: alice' # what fails above must not fail all below
rm $HELPER
printf '#!/bin/sh\nexit 0\n' >$HELPER
chmod 755 $HELPER
fails "a script in its place" 'executing the helper|ended without a word'
rm $HELPER
cp -a /run/bed/helper $HELPER
chown alice $HELPER
fails "a helper that is not root's" "$HELPER belongs to uid 2001: chown root it"
chown root $HELPER
chmod 775 $HELPER
fails "a helper that its group can write" "$HELPER can be written by others than root: chmod go-w it"
chmod 755 $HELPER
chmod o+w /usr/libexec
fails "... or its directory" "/usr/libexec can be written by others than root"
chmod o-w /usr/libexec
mended "the helper back"

# By a hand that gives it all, but no namespaces: not one mount of the machine is touched.
cc -o /run/bed/by_hand -x c - <<-END
	#define _GNU_SOURCE
	#include <fcntl.h>
	#include <stdio.h>
	#include <string.h>
	#include <sys/socket.h>
	#include <sys/syscall.h>
	#include <unistd.h>
	int main(void)
	{
		static char plan[70000], answer[1024], control[CMSG_SPACE(3 * sizeof(int))];
		int fds[3], sock[2];
		struct iovec iov = {plan, read(open("/run/bed/plan", O_RDONLY), plan, sizeof(plan))};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		fds[0] = syscall(SYS_pidfd_open, getpid(), 0);
		fds[1] = open("/run/bed", O_RDONLY | O_DIRECTORY);
		fds[2] = open("/run/bed/entry", O_RDWR | O_CREAT, 0600);
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock);
		cmsg->cmsg_level = SOL_SOCKET, cmsg->cmsg_type = SCM_RIGHTS, cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
		if (sendmsg(sock[0], &msg, 0) < 0) return 1;
		if (fork() == 0) {
			dup2(sock[1], 3);
			syscall(SYS_close_range, 4, ~0U, 0);
			execl("$HELPER", "by hand", (char *)NULL);
		}
		close(sock[1]);
		if (recv(sock[0], answer, sizeof(answer), 0) < 13) return 2;
		puts(answer + 12);
		return 0;
	}
END
seen=$(/run/bed/by_hand)
is "$? $seen" "0 the helper is not in a mnt namespace of its own: install pam_ns again" \
	"the helper in no new namespace refuses to work"
mended "... and has done nothing"

# ---- /run ----
mkdir -p /run/bed/keep
full() { # MOUNT-OPTIONS: another /run
	mount -t tmpfs -o "$1" run /run
}
full mode=755,ro
fails "/run read-only" 'cannot make /run/pam_ns \(is /run mounted, writable and not full\?\): Read-only'
umount /run
full mode=755,nr_inodes=1
fails "/run full from the start" 'cannot make /run/pam_ns .*not full'
umount /run
full mode=755,size=4k,nr_inodes=20
mkdir -m 700 /run/pam_ns
head -c 4096 /dev/zero >/run/filler
fails "/run full" '/run full\?\): No space left'
umount /run
full mode=755
mkdir -m 777 /run/pam_ns
fails "a registry that others can write" '/run/pam_ns can be written by others than root: chmod go-w'
rmdir /run/pam_ns
ln -s /home/alice /run/pam_ns
fails "a registry in a user's home" '/home/alice belongs to uid 2001'
umount /run
mended "/run back"

# ---- limits ----
# The limits are per user namespace: in one of the test's own they can be set to 0.
unshare --user sleep 1000 &
child=$!
# shellcheck disable=SC2317 # by poll_until
other_ns() { [ "$(readlink /proc/"$child"/ns/user)" != "$(readlink /proc/self/ns/user)" ]; }
poll_until other_ns
echo '0 0 4294967295' >/proc/$child/uid_map
echo '0 0 4294967295' >/proc/$child/gid_map
cat >/run/bed/inner <<-'END'
	mount -t proc proc /proc
	su alice -c 'readlink /proc/self/ns/net'
	for n in mnt ipc uts pid net time; do
		limit=/proc/sys/user/max_${n}_namespaces
		old=$(cat $limit)
		echo 0 >$limit
		su alice -c "echo in without $n" 2>/dev/null
		echo $old >$limit
	done
	su root -c 'echo root in'
	su alice -c 'echo in again'
END
log_mark
seen=$(nsenter --user=/proc/$child/ns/user -S 0 -G 0 unshare --mount --pid --fork --kill-child \
	bash /run/bed/inner 2>/dev/null)
kill $child
wait $child 2>/dev/null
like "$seen" '^net:' "in a user namespace: works"
unlike "$seen" 'in without' "no namespaces left: denied"
like "$seen" $'root in\nin again' "... root gets in, and later all others"
for n in mnt ipc uts pid net time; do
	like "$(log_new)" "no more $n namespaces: the limit user.max_${n}_namespaces is 0: raise it with sysctl" \
		"no $n namespaces left: the log names the limit"
done
is "$(log_new | grep -c denied)" 6 "... in one line each"
limited() { # prlimit-option: isolated or denied, but su must live to say so
	local out
	out=$(prlimit "$1" su alice -c 'readlink /proc/self/ns/net' 2>&1)
	local status=$?
	[ $status -lt 128 ] && [[ $out != *"$HOST"* ]]
	ok $? "$1: isolated or denied" || diag "$status $out"
}
sed -i /pam_limits/d /etc/pam.d/su # it would raise them again where it may
for limit in --nofile={5,8,10,12,16,20,30} --fsize=0 --nproc=1 --memlock=0 --stack=65536:8388608 --cpu=1; do limited "$limit"; done
log_mark
for n in {9..24}; do prlimit --nofile="$n" su alice -c true; done >/dev/null 2>&1
unlike "$(log_new)" 'Protocol error' "too few file descriptors: no denial calls it a protocol error"
like "$(log_new)" 'Too many open files' "... but what it is"
log_mark
prlimit --nofile=60:60 capsh --drop=cap_sys_resource -- -c 'su alice -c true' >/dev/null 2>&1
denied_like 'raising the limit of open files to 64 .does the login program run without cap_sys_resource, under a hard limit that is lower' "a hard limit of 60 files that cannot be raised"
stack su
mended "limits back"

# The limit of mounts is the machine's and stays: a namespace is filled up to it, by doubling and then
# by ever smaller trees.
cat >/run/bed/inner <<-'END'
	mkdir /run/many
	mount -t tmpfs many /run/many
	mount --make-private /run/many
	for i in {1..24}; do
		mkdir /run/many/$i
		mount --rbind /run/many /run/many/$i || break
	done
	mkdir /run/rest
	mount -t tmpfs rest /run/rest
	mount --make-private /run/rest
	for ((; i > 0; i--)); do
		mkdir /run/rest/$i
		mount --rbind /run/many/$i /run/rest/$i
	done
	for i in a b c d; do
		mkdir /run/rest/$i
		mount --bind /run /run/rest/$i || break
	done
	su alice -c 'readlink /proc/self/ns/net'
	su root -c 'echo root in'
END
if [ "$(cat /proc/sys/fs/mount-max)" -le 200000 ]; then
	policy <<<$'[default]\ntimeout = 60'
	log_mark
	is "$(unshare --mount --propagation private bash /run/bed/inner 2>/dev/null)" 'root in' "no mounts left: denied, and root gets in"
	denied_like 'too many mounts: raise the limit fs.mount-max with sysctl' "no mounts left"
	policy </dev/null
	mended "mounts back"
else
	skip 5 "fs.mount-max is too high to fill"
fi

# ---- /proc ----
seen=$(unshare --mount --propagation private bash -c 'mount -t tmpfs none /proc; su alice -c "echo in"' 2>&1)
unlike "$seen" '^in' "no /proc: denied"
su alice -c true
clean "no /proc"
seen=$(unshare --mount bash -c 'mkdir -p /run/root; mount --rbind / /run/root; mkdir /run/root/run/inner; mount --rbind / /run/root/run/inner; chroot /run/root/usr/.. true; cd /; mkdir -p /tmp/ch/x; mount --bind /tmp/ch /tmp/ch; mount --rbind / /tmp/ch/x; chroot /tmp/ch/x su alice -c "readlink /proc/self/ns/net"' 2>&1)
unlike "$seen" "$HOST" "a login program in a chroot: isolated or denied" || true
rm -rf /tmp/ch

# ---- a home that is not there is no reason ----
mv /home/alice /home/gone
like "$(su - alice -c 'pwd; readlink /proc/self/ns/net' 2>&1)" $'\n/\nnet:' "no home: a session in /"
unlike "$(su - alice -c 'readlink /proc/self/ns/net' 2>&1)" "$HOST" "no home: ... of its own"
mv /home/gone /home/alice
mended "home back"

# ---- limits of the user, set before us ----
for limit in 'nofile 10' 'fsize 0' 'nproc 1' 'as 100' 'data 0' 'stack 64' 'memlock 0' 'sigpending 0' 'msgqueue 0'; do
	echo "alice hard $limit" >/etc/security/limits.conf
	seen=$(su alice -c 'readlink /proc/self/ns/net' 2>&1)
	status=$?
	[ $status -lt 128 ] && ! [[ $seen =~ $HOST ]]
	ok $? "limits.conf, $limit: isolated or denied" || diag "$status $seen"
done
: >/etc/security/limits.conf
mended "limits.conf back"

# ---- every system call made to fail, or its process killed at it, one at a time ----
if ! strace -qq -o /dev/null true 2>/dev/null; then
	skip 9 "strace cannot trace here"
	done_testing
fi
SEE='readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid; exit 0'
open='' hung='' isolated=0 denied=0 runs=0
# A hang is what takes very much longer than a traced login on this machine does.
hang=$(perl -MTime::HiRes=time -e '$t = time; system qw(strace -f -qq -o /dev/null su alice -c true); printf "%d", 5 + 20 * (time - $t)')
verdict() { # WHAT COMMAND...: the host's, hung, isolated or denied?
	local what=$1 out
	shift
	out=$(timeout -s KILL "$hang" "$@" 2>/dev/null)
	[ $? != 137 ] || [[ $what = *KILL* ]] || hung+=" $what"
	[[ $out =~ $HOST ]] && open+=" $what"
	[[ $out = *pid:* ]] && isolated=$((isolated + 1)) || denied=$((denied + 1))
	runs=$((runs + 1))
}
verdicts() { # NAME
	is "$open" "" "$1: no login is the host's"
	is "$hung" "" "$1: none hangs"
	[ $isolated -gt 0 ] && [ $denied -gt 0 ]
	ok $? "$1: $runs made to fail, $isolated isolated, $denied denied"
	poll_until no_sessions
	ok $? "$1: no init is left" || diag "$(pgrep -a pam_ns)"
	mended "$1"
	open='' hung='' isolated=0 denied=0 runs=0
}
# "SYSCALL:when=N" of each call in a trace: its Nth of that name, in one process. Not of those
# that no kernel fails: blocked signals would stop every shell.
calls() {
	awk '{ name = $2; sub(/\(.*/, "", name) }
		name ~ /^[a-z0-9_]+$/ && name !~ /^(exit|exit_group|rt_sig.*|execve)$/ && $0 !~ /resumed>/ {
			print name ":when=" ++n[$1, name] }' "$1"
}
sample() { # COUNT: of the lines read, evenly
	awk -v want="$1" '{ line[NR] = $0 } END { step = NR > want ? NR / want : 1; for (i = 1; i <= NR; i += step) print line[int(i)] }'
}

# A kernel that is stuck making networks: denied in time all the same, and nothing is left.
policy <<<$'[default]\ntime = no\ntimeout = 1'
log_mark
strace -f -qq -o /dev/null -e inject=unshare:delay_enter=60000000 su alice -c true 2>/dev/null &
stuck=$!
poll_until log_has 'denied: .*not ready within 1 seconds'
ok $? "no network comes: denied in time" || diag "$(log_new)"
kill -KILL $stuck
wait $stuck 2>/dev/null
policy </dev/null
mended "no network comes"

# The login program itself; helper and init: see faults/faults.c. What it calls from reading the policy to the end of its session.
strace -qq -o /run/bed/trace su alice -c true
sed -i 's/^/0 /' /run/bed/trace
calls /run/bed/trace >/run/bed/calls
all=$(grep -vcE '^0 (---|\+\+\+|exit_group|execve|rt_sig)' /run/bed/trace)
is "$(wc -l </run/bed/calls)" "$all" "every call is known by name and number"
before=$(sed '/pam_ns.conf/Q' /run/bed/trace | calls /dev/stdin | wc -l)
mapfile -t points < <(tail -n "+$((before + 1))" /run/bed/calls | sample 90)
for i in "${!points[@]}"; do
	error=(ENOMEM EPERM EMFILE EIO)
	verdict "${points[i]}=${error[i % 4]}" strace -qq -o /dev/null \
		-e "inject=${points[i]%:*}:error=${error[i % 4]}:${points[i]#*:}" su alice -c "$SEE"
done
verdicts "failing calls of the login program"

mended "after all"
done_testing
