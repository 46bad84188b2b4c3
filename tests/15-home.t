#!/bin/bash
# SPDX-License-Identifier: MIT
# home and private_tmp = disk: what a user finds of the homes, and in a /tmp that stays.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
DISK=/var/lib/pam_ns
inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { { echo '[default]'; printf '%s\n' "$@"; } | policy; }
denied_now() { # NAME REGEX
	log_mark
	deny "$1: denied" inside true
	denied_like "$2" "$1"
}
echo hers >/home/alice/file
chown alice /home/alice/file
chmod 755 /home/bob
base

# ---- home ----
with 'home = own'
seen=$(inside 'ls -A /home; cat ~/file; echo new >~/new; stat -c "%a %U" /home /home/alice; ls /root; mkdir /home/bob; ls /home/bob')
like "$seen" $'^alice\nhers\n755 root\n700 alice\n' "home = own: one's own is there, as it is"
like "$seen" $'/root.: Permission denied\n.*/home/bob.: Permission denied\n.*/home/bob.: No such file' "... nobody else's, nor root's"
is "$(cat /home/alice/new)" new "... what is written there stays"
start_sshd
is "$(as alice 'pwd; cat file')" $'/home/alice\nhers' "... over ssh it is the working directory"
stop_sshd
clean "home = own"
mkdir -p /var/homes/s1/alice /var/homes/s1/eve /home/link-parent
cp -a /home/alice/file /var/homes/s1/alice
chown alice /var/homes/s1/alice
sed -i 's|:/home/alice:|:/var/homes/s1/alice:|' /etc/passwd
is "$(inside 'ls -A /var/homes/s1 /home; cat ~/file')" $'/home:\n\n/var/homes/s1:\nalice\nhers' "home = own elsewhere: its neighbours and /home are empty"
ln -s /var/homes /homes-link 2>/dev/null
mkdir -p /var/base && ln -s ../homes/s1 /var/base/h
sed -i 's|:/var/homes/s1/alice:|:/var/base/h/alice:|' /etc/passwd
is "$(inside 'ls -A /var/homes/s1; cat ~/file; cd; pwd')" $'alice\nhers\n/var/base/h/alice' "home = own below a link of root's"
rm -f /homes-link
for home in / /usr/games /var/lib/x /etc /run/x /srv /tmp/x relative /home/../x; do
	sed -i "s|^\(alice:[^:]*:[^:]*:[^:]*:[^:]*\):[^:]*:|\1:$home:|" /etc/passwd
	denied_now "a home of '$home'" "$CONF:2: the home directory of alice is '$home', .*: write home = host for this user"
done
printf '[default]\nhome = own\n[user alice]\nhome = host\n' | policy
try "... which then lets them in" inside true
sed -i "s|^\(alice:[^:]*:[^:]*:[^:]*:[^:]*\):[^:]*:|\1:/home/alice:|" /etc/passwd
rmdir /home/link-parent
with 'home = own'
mv /home/alice /home/gone
is "$(inside 'ls -A /home')" "" "home = own of a home that is not there"
mv /home/gone /home/alice
with 'home = own' 'bind.shared = /var/homes /home/shared' 'tmpfs.cache = %d/cache'
mkdir /home/alice/cache
chown alice /home/alice/cache
is "$(inside 'ls /home; ls /home/shared; echo x >~/cache/x && stat -f -c %T ~/cache; cat ~/file')" $'alice\nshared\ns1\ntmpfs\nhers' "home = own, with more bound beside and into it"
[ ! -e /home/shared ] && [ ! -e /home/alice/cache/x ]
ok $? "... the host has nothing of it"
rmdir /home/alice/cache

with 'home = memory' 'tmp_size = 1M' 'bind.data = /var/homes %d/a/b'
seen=$(inside 'ls -A ~; stat -c "%a %U %G" ~ ~/a ~/a/b; touch ~/a/x && echo x >~/x && cat ~/x; ls ~/a/b; findmnt -nbo SIZE,OPTIONS ~')
like "$seen" $'^a\n700 alice alice\n755 alice alice\n755 root root\nx\ns1\n1048576 .*nosuid,nodev' "home = memory: an empty one of the user's, of tmp_size, with what is bound into it"
[ ! -e /home/alice/x ] && [ -e /home/alice/file ]
ok $? "... the host's is as it was"
with 'home = readonly'
like "$(inside 'cat ~/file; echo x >~/x')" $'^hers\n.*Read-only' "home = readonly"
with 'home = host'
like "$(inside 'ls -d /home/bob')" '^/home/bob$' "home = host: all of them"
with 'home = memory' 'mount = no' 'pid = no' 'ipc = no' 'private_tmp = no'
denied_now "home without mounts" "$CONF:2: home other than host needs mounts of its own: write mount = yes or home = host"

# A home that root may not look into, as over NFS with root_squash: root is but another user there.
with 'home = own'
chown alice /home/alice
chmod 700 /home/alice
seen=$(HOME=/ setpriv --inh-caps=-dac_override,-dac_read_search --bounding-set=-dac_override,-dac_read_search \
	su alice -s /bin/bash -c 'cat ~/file' 2>&1)
like "$seen" hers "home = own of a home that root cannot enter" ||
	diag "$(log_new)"
clean "home"

# ---- private_tmp = disk ----
with 'private_tmp = disk'
: >/tmp/of-the-host
seen=$(inside 'ls -A /tmp /var/tmp; stat -c "%a %U" /tmp /var/tmp; findmnt -no OPTIONS /tmp | tail -1; findmnt -no OPTIONS /var/tmp | tail -1; echo one >/tmp/one; echo two >/var/tmp/two')
like "$seen" $'^/tmp:\n\n/var/tmp:\n1777 root\n1777 root\n[^\n]*nosuid,nodev[^\n]*\n[^\n]*nosuid,nodev' "private_tmp = disk: empty, 1777, nosuid nodev"
is "$(inside 'cat /tmp/one /var/tmp/two')" $'one\ntwo' "... kept across logins"
is "$(cat $DISK/2001/tmp/one; stat -c '%a %U' $DISK $DISK/2001 $DISK/2001/tmp)" $'one\n700 root\n700 root\n1777 root' "... under $DISK, where root alone gets in"
is "$(su bob -c 'ls -A /tmp' 2>&1)" "" "... another user has another"
deny "... and cannot come by" su bob -c "ls $DISK/2001"
mkfifo -m 666 /run/bed/go
su alice -s /bin/bash -c 'read -r x; echo "$x" >/tmp/held; cat /tmp/other' <>/run/bed/go >/run/bed/seen 2>&1 &
poll_until pgrep -f 'pam_ns: alice'
is "$(inside 'echo other >/tmp/other; ls /tmp')" $'one\nother' "... shared by two at a time"
echo go >/run/bed/go
wait $!
is "$(cat /run/bed/seen; inside 'cat /tmp/held')" $'other\ngo' "... in both directions"
rm /run/bed/go
with 'private_tmp = disk' 'bind.x11 = /tmp/.X11-unix optional' 'bind.deep = /var/homes /tmp/a/b'
mkdir -m 1777 /tmp/.X11-unix
rm -rf ${DISK:?}/2001/tmp/*
denied_now "a path of two components to be made in a /tmp that stays" 'bind.deep: /tmp/a/b does not exist: create it'
with 'private_tmp = disk' 'bind.x11 = /tmp/.X11-unix optional'
touch /tmp/.X11-unix/X7
is "$(inside 'ls /tmp/.X11-unix')" X7 "private_tmp = disk with /tmp/.X11-unix"
rm -r $DISK/2001/tmp/.X11-unix
with 'private_tmp = disk'
inside 'ln -s /etc /tmp/.X11-unix'
with 'private_tmp = disk' 'bind.x11 = /tmp/.X11-unix optional'
denied_now "a link of the user's where a bind goes" 'bind.x11: /tmp/.X11-unix|/tmp/.X11-unix: .X11-unix is a symbolic link that others than root could have put there'
rm $DISK/2001/tmp/.X11-unix
rm -r /tmp/.X11-unix

# The cleaner, with everything old; and what is not root's.
with 'private_tmp = disk'
inside 'echo kept >/tmp/kept' >/dev/null
if command -v systemd-tmpfiles >/dev/null; then
	find $DISK -exec touch -d '2001-01-01' {} +
	printf 'q /tmp 1777 root root 1s\nq /var/tmp 1777 root root 1s\n' >/run/bed/tmpfiles.conf
	touch -d 2001-01-01 /tmp/old
	# shellcheck disable=SC2317 # by poll_until
	cleaned() { systemd-tmpfiles --clean /run/bed/tmpfiles.conf; [ ! -e /tmp/old ]; }
	poll_until cleaned
	ok $? "systemd-tmpfiles cleans /tmp"
	is "$(inside 'cat /tmp/kept')" kept "... and leaves the kept ones alone"
else
	skip 2 "no systemd-tmpfiles here"
fi
rm -rf $DISK
is "$(inside 'ls -A /tmp; echo again >/tmp/x; cat /tmp/x')" again "all of it removed: made again"
rm -rf $DISK/2001/tmp
is "$(inside 'ls -A /tmp; stat -c "%a %U" /tmp')" "1777 root" "one of it removed: made again"
chmod 755 $DISK/2001/tmp
is "$(inside 'stat -c "%a %U" /tmp')" "1777 root" "another mode: set right"
chown alice $DISK/2001/tmp
denied_now "a directory of the user's" "$DISK/2001/tmp belongs to uid 2001 or others can write it: chown root"
chown root $DISK/2001/tmp
chown alice $DISK/2001
denied_now "its parent" "$DISK/2001 belongs to uid 2001"
chown root $DISK/2001
chmod 777 $DISK
denied_now "a parent that all can write" "$DISK belongs to uid 0 or others can write it: chown root and chmod go-w it"
chmod 700 $DISK
for kind in link file fifo; do
	rm -rf $DISK/2001/var-tmp
	case $kind in
	link) ln -s /home/alice $DISK/2001/var-tmp ;;
	file) : >$DISK/2001/var-tmp ;;
	fifo) mkfifo $DISK/2001/var-tmp ;;
	esac
	SECONDS=0
	denied_now "a $kind in its place" "$DISK/2001/var-tmp, which must be a directory of root's: remove what lies there: Not a directory"
	within 3
	ok $? "... at once"
done
rm -rf $DISK
mkdir -p /run/bed/vt
mv /var/tmp /var/tmp.kept
ln -s /tmp /var/tmp
for kind in disk memory; do
	with "private_tmp = $kind"
	is "$(inside 'echo x >/var/tmp/x; ls -A /tmp')" x "private_tmp = $kind where /var/tmp is a link to /tmp: one of them"
done
rm /var/tmp
mv /var/tmp.kept /var/tmp
rm -rf $DISK /tmp/of-the-host
clean "private_tmp = disk"
done_testing
