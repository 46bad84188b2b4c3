#!/bin/bash
# SPDX-License-Identifier: MIT
# A user who attacks from outside: while a session opens, with what root may walk over, with forgeries.
. "$(dirname "$0")/lib.sh"

cp "$TOOLS/attack" /usr/local/bin/
HOST=$(readlink /proc/self/ns/net)
ROUNDS=${PAM_NS_ROUNDS:-60} # of the races; 10,000 in make attacks
type_in() { timeout 30 "$TOOLS/ptyrun" 20 "$@" 2>&1 | tr -d '\r'; }
as_user() { # UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
# su that a user calls: its real uid is theirs until it is the other's.
by_bob() { # COMMAND [VARIABLE=VALUE...]
	as_user 2002 env "${@:2}" "$TOOLS/ptyrun" 20 'Password: ' secret -- su alice -s /bin/bash -c "$1" 2>&1 | tr -d '\r'
}
base

# ---- in the window ----
like "$(by_bob 'echo "in $PAM_NS_SESSION"')" 'in 2001.1' "bob's su to alice works"
for who in 2001 2002; do
	as_user $who attack helpers 4 >/run/bed/window 2>&1 &
	watcher=$!
	for ((i = 0; i < 20; i++)); do
		su alice -c true
		[ $((i % 5)) = 0 ] && by_bob true >/dev/null
	done
	wait $watcher
	is "$(grep '^worked' /run/bed/window | sort | uniq -c)" "" "uid $who against helper and init while they start: nothing works"
	[ "$(sed -n 's/^tried //p' /run/bed/window)" -ge 300 ]
	ok $? "... of at least 300 tries" || diag "$(cat /run/bed/window)"
done
clean "the window"

# Stopped by the user whose real uid su has: late is denied, and nothing is left over.
policy <<<$'[default]\ntimeout = 1'
as_user 2002 attack stop 4 >/run/bed/window 2>&1 &
watcher=$!
seen=
while kill -0 $watcher 2>/dev/null; do seen+=$(timeout 5 "$TOOLS/ptyrun" 2 'Password: ' secret -- runuser -u bob -- \
	su alice -s /bin/sh -c 'readlink /proc/self/ns/net' 2>&1); done
wait $watcher
isnt "$(cat /run/bed/window)" 'tried 0' "SIGSTOP while su opens: some come through"
unlike "$seen" "${HOST//[\[\]]/.}" "... isolated or denied"
pkill -CONT -U bob 2>/dev/null # by the real uid
pkill -KILL -U bob 2>/dev/null # su that never got on is bob's own
poll_until no_sessions
policy </dev/null
try "... the next login works" su alice -c true
clean "SIGSTOP while su opens"

# ---- the environment ----
cat >/run/bed/evil.c <<-'END'
	#include <fcntl.h>
	#include <stdio.h>
	#include <unistd.h>
	__attribute__((constructor)) static void evil(void) { char path[64];
		sprintf(path, "/run/evil/was-%u", geteuid()); open(path, O_CREAT, 0666); }
END
mkdir -m 777 /run/evil
cc -shared -fPIC -o /run/evil/lib.so /run/bed/evil.c
printf '#!/bin/sh\n: >/run/evil/was-$(/usr/bin/id -u)\n' | tee /run/evil/sh /run/evil/pam_ns_helper /run/evil/bash /run/evil/mount >/dev/null
chmod 755 /run/evil/*
as_user 2002 env LD_PRELOAD=/run/evil/lib.so true
[ -e /run/evil/was-2002 ]
ok $? "the trap is a trap"
seen=$(by_bob 'tr "\0" "\n" </proc/1/environ; echo in' PATH=/run/evil:"$PATH" LD_PRELOAD=/run/evil/lib.so \
	LD_LIBRARY_PATH=/run/evil LD_AUDIT=/run/evil/lib.so BASH_ENV=/run/evil/sh ENV=/run/evil/sh IFS=/ \
	GCONV_PATH=/run/evil TMPDIR=/run/evil PAM_NS_SESSION=1.1 LOCPATH=/run/evil MALLOC_CHECK_=3 \
	"BASH_FUNC_true%%=() { :; }")
like "$seen" 'in' "su with a hostile environment works"
poll_until no_sessions
mkfifo -m 666 /run/go
type_in 'Password: ' secret -- runuser -u bob -- env LD_BIND_NOW=1 EVIL=1 PAM_NS_SESSION=7.7 su alice -s /bin/sh -c \
	'read -r x </run/go; echo "$PAM_NS_SESSION"' >/run/bed/out &
poll_until pgrep -f 'pam_ns: alice'
is "$(tr '\0' '\n' </proc/"$(pgrep -f 'pam_ns: alice')"/environ)" "" "init's environment is empty"
exec 8<>/run/go
echo >&8
wait $!
exec 8>&-
rm /run/go
like "$(cat /run/bed/out)" $'\n2001.[0-9]' "... and PAM_NS_SESSION is what pam_ns says"
[ ! -e /run/evil/was-0 ]
ok $? "no root's program ran the user's code" || diag "$(stat /run/evil/*)"
rm -rf /run/evil
clean "the environment"

# ---- what the caller of su has set for itself ----
while read -r what; do
	# shellcheck disable=SC2086 # words
	seen=$(as_user 2002 $what "$TOOLS/ptyrun" 10 'Password: ' secret -- su alice -s /bin/sh -c 'readlink /proc/self/ns/net' 2>&1)
	status=$?
	! [[ $seen = *"$HOST"* ]] && [ $status -lt 124 ]
	ok $? "su under $what: isolated or denied" || diag "$status $seen"
done <<-END
	prlimit --nofile=10
	prlimit --fsize=0
	prlimit --as=20000000
	prlimit --stack=65536
	prlimit --core=0 --memlock=0 --sigpending=0 --msgqueue=0
	nice -n 19
	setsid
	env --ignore-signal
	env --block-signal
	setpriv --no-new-privs
	unshare -Ur
	unshare -Urm
	unshare -Urpf --mount-proc
END
# Not even root's programs may write what this umask makes, if they have no capability for it.
for mask in 0777 0277 0; do
	seen=$(umask $mask; by_bob 'readlink /proc/self/ns/net; stat -c "%a %U" /tmp /run/user/2001')
	like "$seen" $'net:.*\n1777 root\n700 alice' "su under a umask of $mask works, and is the same" || diag "$(log_new)"
	unlike "$seen" "${HOST//[\[\]]/.}" "... isolated"
	clean "a umask of $mask"
done
# An init whose end nobody waits for but its new parent, who never does.
seen=$(as_user 2002 perl -e 'syscall(157, 36, 1, 0, 0, 0); # PR_SET_CHILD_SUBREAPER
	for (1 .. 3) { if (!(my $su = fork)) { exec @ARGV } else { waitpid $su, 0 } } print "done\n"; sleep 1' \
	"$TOOLS/ptyrun" 10 'Password: ' secret -- su alice -s /bin/sh -c 'readlink /proc/self/ns/net' 2>&1 | tr -d '\r')
is "$(grep -c '^net:' <<<"$seen")" 3 "su below a subreaper that reaps nothing" || diag "$seen"
unlike "$seen" "${HOST//[\[\]]/.}" "... isolated"
clean "what the caller has set"

# ---- paths that root walks ----
# The working directory is the only one that a user chooses: it is swapped with a symlink to /root.
mkdir -m 711 /home/bob/a
chown bob /home/bob/a
mkdir -m 700 /root/secret
ln -s /root/secret /home/bob/b
chmod 711 /home/bob
as_user 2002 attack swap /home/bob/a /home/bob/b &
swapper=$!
touch /run/bed/before
sum=$(find /etc /root /usr/libexec -xdev -newer /run/bed/before -printf '%p %T@\n' | sort)
# Where this shell's own cd was led to /root, root was there by its own doing: left out.
for ((i = 0; i < ROUNDS; i++)); do
	(cd /home/bob/a 2>/dev/null && [[ $(readlink /proc/$BASHPID/cwd) = /home/bob/* ]] && exec su alice -s /bin/sh -c 'stat -c %i .; pwd' 2>/dev/null)
done >/run/bed/where
kill $swapper
wait $swapper 2>/dev/null
rm -f /home/bob/a /home/bob/b 2>/dev/null
[ -s /run/bed/where ]
ok $? "$ROUNDS logins from a directory that is swapped with a symlink"
unlike "$(sort -u /run/bed/where)" '/root' "... none in root's"
is "$(find /etc /root /usr/libexec -xdev -newer /run/bed/before -printf '%p %T@\n' | sort)" "$sum" "... and nothing of root's was changed"
rm -rf /home/bob/a /home/bob/b /root/secret
chmod 700 /home/bob
# A FIFO wherever somebody might look.
mkfifo -m 666 /home/alice/.pam_environment /home/alice/.pam_ns /home/alice/.bashrc /home/alice/.profile /home/alice/.hushlogin
mkfifo -m 666 /tmp/.X11-unix /tmp/pam_ns /var/tmp/pam_ns 2>/dev/null
SECONDS=0
try "FIFOs in the home and in /tmp" timeout 5 su alice -s /bin/sh -c true
within 3
ok $? "... hold nobody up"
rm -f /home/alice/.[a-z]* /tmp/.X11-unix /tmp/pam_ns /var/tmp/pam_ns
clean "paths"

# ---- root does not write, or read, in the home ----
mkdir /run/trap
chmod 777 /run/trap
for name in .profile .bashrc .bash_profile .bash_logout .hushlogin .pam_environment .Xauthority .pam_ns .config .cache .local \
	.ssh .k5login .bash_history .tmux.conf .gnupg .viminfo .wgetrc .netrc .forward; do
	ln -s /run/trap/"$name" /home/alice/"$name"
done
chown -h alice /home/alice/.[a-z]*
log_mark
seen=$(strace -f -qq -e trace=%file,fchdir,mount,move_mount,open_tree -o /run/bed/trace su - alice -s /bin/true 2>&1)
is "$?:$seen" 0: "a login under strace"
# What the login program itself does there, by another session without pam_ns, is no doing of ours.
unstack su-l
strace -f -qq -e trace=%file,fchdir,mount,move_mount,open_tree -o /run/bed/trace0 su - alice -s /bin/true
stack su-l
in_home() { grep -o '"/home/alice[^"]*"' "$1" | sort -u; }
is "$(in_home /run/bed/trace)" "$(in_home /run/bed/trace0)" "with pam_ns no path of the home is touched that was not without"
is "$(ls -A /run/trap)" "" "... and nothing came of the symlinks"
rm -rf /run/trap
rm -f /home/alice/.[a-z]*
clean "the home"

# ---- forgeries ----
cat >/home/alice/forge <<-'END'
	mount -t tmpfs none /run
	mkdir -p /run/pam_ns/2001
	echo 2001.1 >/run/pam_ns/session
	: >/run/pam_ns/2001/1
	exec 9>/run/pam_ns/2001/1
	flock -x 9
	exec perl -MIO::Socket::UNIX -MSocket -e '$0 = "pam_ns: alice (su) 2001.1"; $s = IO::Socket::UNIX->new(
		Type => SOCK_SEQPACKET, Local => "/run/pam_ns/2001/1.socket", Listen => 9); $| = 1; print "ready\n"; sleep 1000'
END
policy <<<$'[default]\nproc = all' # to see whose init it is
as_user 2001 env PAM_NS_SESSION=2001.1 unshare -Urmpfinu --mount-proc bash /home/alice/forge >/run/bed/forged &
poll_until grep -q ready /run/bed/forged
forged=$(pgrep -f 'pam_ns: alice')
stat -c %i /proc/"$forged"/ns/net >/run/bed/inode
seen=$(su alice -c 'readlink /proc/self/ns/net; cat /run/pam_ns/session; stat -c %U /proc/1; ps -e -o args=')
unlike "$seen" "net:.$(readlink /proc/"$forged"/ns/net | tr -dc 0-9)" "a forged instance is not joined"
like "$seen" $'\n2001.1\nroot\n' "... the session is one of root's"
seen=$(nsenter -U -m -p -t "$forged" --preserve-credentials bash -c 'su alice -c "id -u; cat /proc/1/cmdline"' 2>&1 </dev/null)
unlike "$seen" '^0' "... and a su in there is no su of root's"
# The mark alone, without /run/pam_ns being root's, in the environment, by another's process.
seen=$(as_user 2001 env PAM_NS_SESSION=2001.1 true; PAM_NS_SESSION=2001.1 su alice -c 'readlink /proc/self/ns/net')
isnt "$seen" "$HOST" "PAM_NS_SESSION in the environment makes nobody be inside"
deny "a user cannot make the mark on the host" as_user 2001 sh -c 'mkdir -p /run/pam_ns && echo x >/run/pam_ns/session'
install -d -m 700 /run/pam_ns
echo x >/run/pam_ns/session
chown alice /run/pam_ns/session
isnt "$(su alice -c 'readlink /proc/self/ns/net')" "$HOST" "a mark that is not root's counts for nothing"
rm -f /run/pam_ns/session
kill -KILL "$forged" # PID 1 of its namespace
wait $! 2>/dev/null
# shellcheck disable=SC2317 # by poll_until
no_forgery() { ! pgrep -f 'pam_ns: alice'; }
poll_until no_forgery
rm /home/alice/forge
clean "forgeries"

# ---- names ----
number=2050
while IFS= read -r name; do
	number=$((number + 1))
	add_user "$name" $number
	sed -i "s|^\(.*\):x:$number:$number:[^:]*:|\1:x:$number:$number:\$(touch /run/bed/gecos);--x,%n%s:|" /etc/passwd
	log_mark
	seen=$(timeout 10 pamtester pamtest "$name" open_session close_session 2>&1)
	like "$seen" 'successfully opened' "a user called ${name:0:24}" || diag "$(log_new)"
	is "$(find /run/pam_ns /etc/security -newer /run/bed/inode -mindepth 1 -printf '%f\n' | grep -v '^20[0-9][0-9]$')" "" "... leaves nothing"
done <<-END
	./x
	x--help
	a;reboot
	a\$(id)
	%n%s%u
	$(printf 'n%.0s' {1..255})
END
log_mark
pamtester pamtest $'x\nJan  1 00:00:00 bed sshd[1]: Accepted publickey for root' open_session >/dev/null 2>&1
poll_until log_has denied
is "$(log_new | grep -c '^Jan  1 00:00:00.*denied')" 0 "a name with a newline makes no second line in the log"
[ ! -e /run/bed/gecos ]
ok $? "GECOS is no command"
clean "names"
done_testing
