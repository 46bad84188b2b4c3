#!/bin/bash
# SPDX-License-Identifier: MIT
# tmpfs, bind, readonly, hide: what a user sees of them in a real session, and what is refused.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { { echo '[default]'; printf '%s\n' "$@"; } | policy; }
# Root in alice's session, in all but a capability: what a policy's bounding set leaves.
root_inside() {
	mkfifo -m 666 /run/bed/go.$$
	su alice -s /bin/bash -c 'read -r x' <>/run/bed/go.$$ >/dev/null 2>&1 &
	poll_until pgrep -u 2001 # so the helper is gone
	IN=$(pgrep -n -f 'pam_ns: alice')
	nsenter -m -t "$IN" setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin bash -c "$1" 2>&1
	echo >/run/bed/go.$$
	wait $!
	rm /run/bed/go.$$
}
refused() { # NAME REGEX: the policy is on stdin
	policy
	log_mark
	deny "$1: denied" inside true
	denied_like "$2" "$1"
}

mkdir -p /var/t/data/sub /var/t/mnt /var/t/empty '/var/t/a b'
chmod 755 /var/t
echo of-the-host >/var/t/data/file
chown alice /var/t/data/file '/var/t/a b'
chmod 750 '/var/t/a b'
mount -t tmpfs below /var/t/data/sub
chmod 777 /var/t/data/sub
echo below >/var/t/data/sub/file
mkdir -m 1777 /tmp/.X11-unix
echo display >/tmp/.X11-unix/X0
base

# ---- tmpfs ----
with 'tmpfs.one = /var/t/data 1M' 'tmpfs.two = /var/t/a\040b'
seen=$(inside 'stat -f -c %T /var/t/data; ls -A /var/t/data; stat -c "%a %U" /var/t/data "/var/t/a b"; findmnt -nbo SIZE,OPTIONS /var/t/data')
like "$seen" '^tmpfs'$'\n''755 root'$'\n''750 alice'$'\n''1048576 .*nosuid,nodev' "tmpfs: empty, of its size, nosuid nodev, as the directory that it covers"
like "$(inside 'echo x >"/var/t/a b/x" && ls "/var/t/a b"')" '^x$' "... and the user's, where that is the user's"
[ ! -e '/var/t/a b/x' ] && [ -e /var/t/data/file ]
ok $? "... the host does not see it"
with 'tmpfs = /var/t/mnt 5%'
total=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
size=$(inside 'findmnt -nbo SIZE /var/t/mnt')
[ $((size * 100 / 1024 / total)) -ge 4 ] && [ $((size * 100 / 1024 / total)) -le 5 ]
ok $? "tmpfs of a part of memory" || diag "$size"
with 'tmpfs = /tmp/deep/er 64K'
like "$(inside 'stat -c "%a %U" /tmp/deep/er; head -c 300000 /dev/zero >/tmp/deep/er/x; stat -c %s /tmp/deep/er/x')" \
	'^700 alice'$'\n''.*No space left.*65536$' "tmpfs in the session's own /tmp: made there, the user's; an entry without a label"
printf '[default]\ntmpfs.one = /var/t/data\n[user alice]\ntmpfs.one =\n' | policy
like "$(inside 'cat /var/t/data/file')" '^of-the-host$' "a label is taken back by an empty value"
with 'tmpfs.u = /var/t/%u-%U-%g-%s-%h-%%'
mkdir /var/t/alice-2001-2001-su-bed-%
is "$(inside 'stat -f -c %T /var/t/alice-2001-2001-su-bed-%')" tmpfs "templates in a path"
rmdir /var/t/alice-2001-2001-su-bed-%

# ---- bind ----
with 'bind.x11 = /tmp/.X11-unix optional' 'bind.up = /var/t/data/file /proc/uptime' 'bind.ro = /var/t/data /var/t/mnt ro'
is "$(inside 'cat /tmp/.X11-unix/X0; ls -A /tmp')" $'display\n.X11-unix' "bind: back into a private /tmp, as the host has it"
is "$(inside 'cat /proc/uptime')" of-the-host "bind: a file over one of /proc, as lxcfs needs it"
is "$(inside 'cat /var/t/mnt/sub/file')" below "bind: with what is mounted below"
for path in file sub/file sub/new; do
	like "$(inside "echo x >/var/t/mnt/$path")" 'Read-only file system' "bind ro: /$path cannot be written"
done
try "... while the source can be" inside 'echo of-the-host >/var/t/data/file && touch /var/t/data/sub/new && rm -f /var/t/data/sub/new'
mv /tmp/.X11-unix /tmp/.X11-gone
is "$(inside 'ls -A /tmp; cat /proc/uptime')" of-the-host "bind optional: left out when the source is not there"
mv /tmp/.X11-gone /tmp/.X11-unix
with 'bind.a = /var/t/data /var/t/mnt' 'tmpfs.a = /var/t/data' 'bind.b = /var/t/data/file /var/t/mnt/sub/file' 'readonly.a = /var/t/mnt/sub'
like "$(inside 'ls -A /var/t/data | wc -l; cat /var/t/mnt/file /var/t/mnt/sub/file; echo >>/var/t/mnt/file && echo written; echo >>/var/t/mnt/sub/new')" \
	$'^0\nof-the-host\nof-the-host\nwritten\n.*Read-only' "entries that overlap: parents first, the more special one wins"
echo of-the-host >/var/t/data/file
with 'bind = /var/run/sshd /var/t/mnt'
chmod 711 /var/t
try "a link of root's on the way (/var/run) and a parent of mode 0711" inside 'stat /var/t/mnt/. && test -d /var/t/mnt'
is "$(inside 'stat -c %i /var/t/mnt')" "$(stat -c %i /run/sshd)" "... lead where they say"
chmod 755 /var/t
mkdir -p /home/alice/priv/deep
chmod 700 /home/alice/priv /home/alice/priv/deep
chown -R alice: /home/alice/priv
with 'bind.h = /home/alice/priv/deep /var/t/mnt' 'bind.g = /var/t/data %d/priv/deep'
is "$(inside 'stat -c %U /var/t/mnt; cat /home/alice/priv/deep/file')" $'alice\nof-the-host' "source and target below what the user alone may enter"
clean "tmpfs and bind"

# ---- readonly ----
with 'readonly.a = /var/t/data /home/alice'
for path in /var/t/data/file /var/t/data/sub/new /home/alice/new; do
	like "$(inside "echo x >$path")" 'Read-only file system' "readonly: $path"
done
try "... beside it nothing is" inside 'touch /tmp/x'
seen=$(root_inside 'for d in /var/t/data /var/t/data/sub; do mount -o remount,bind,rw $d; umount $d; umount -l $d; echo x >$d/x; done; ls /var/t/data/x')
is "$(grep -c 'Read-only file system' <<<"$seen")" 2 "... also for root without CAP_SYS_ADMIN"
like "$seen" 'ls: cannot access' "... nothing was written"
with 'readonly = /'
seen=$(inside 'echo x >/var/t/data/sub/new; touch ~/x; touch /var/tmp/x && touch /tmp/x && echo y >/dev/null && echo tmp')
like "$seen" $'/var/t/data/sub/new: Read-only.*\n.*Read-only.*\ntmp$' "readonly = /: all but what the session has of its own"
start_sshd
like "$(script -qec "ssh -tt ${SSH_OPTIONS[*]} alice@127.0.0.1 tty" /dev/null | tr -d '\r')" '/dev/pts/[0-9]+' "... and a terminal over ssh"
stop_sshd
with 'readonly = /' 'bind.home = %d'
like "$(inside 'touch ~/x && rm ~/x && echo home; touch /var/t/data/sub/x')" $'^home\n.*Read-only' "... and what is bound back"
mount --make-shared /var/t/data/sub
with 'readonly = /var/t/data'
mkdir /var/t/data/sub/later
root_inside 'sleep 0' >/dev/null
mkfifo -m 666 /run/bed/hold
su alice -s /bin/bash -c 'read -r x' <>/run/bed/hold >/dev/null 2>&1 &
poll_until pgrep -u 2001 # so the helper is gone
IN=$(pgrep -n -f 'pam_ns: alice')
mount -t tmpfs later /var/t/data/sub/later
deny "... what the host mounts there later does not come in, writable" nsenter -m -t "$IN" touch /var/t/data/sub/later/x
umount /var/t/data/sub/later
echo >/run/bed/hold
wait $!
rm /run/bed/hold
rmdir /var/t/data/sub/later
mount --make-private /var/t/data/sub
clean "readonly"

# ---- hide ----
echo secret >/var/t/secret
with 'hide.a = /var/t/secret /var/t/data'
seen=$(inside 'cat /var/t/secret; ls /var/t/data; stat -c %a /var/t/secret /var/t/data; echo x >/var/t/secret; mkdir /var/t/data/x')
is "$(grep -c 'Permission denied\|Read-only' <<<"$seen")" 4 "hide: unreadable, a file and a directory" || diag "$seen"
like "$seen" $'\n0\n0\n' "... of mode 000"
seen=$(root_inside 'cat /var/t/secret; ls -A /var/t/data; umount /var/t/data; chmod 700 /var/t/data; mkdir /var/t/data/x; rmdir /var/t/data; cat /var/t/data/file')
unlike "$seen" "secret$|of-the-host" "... and empty for root without CAP_SYS_ADMIN"
is "$(grep -c 'Read-only file system' <<<"$seen")" 3 "... who can change nothing of it" || diag "$seen"
is "$(cat /var/t/secret /var/t/data/file)" $'secret\nof-the-host' "the host has all of it"
with 'hide.a = /var/t/later /var/t/more/than/one'
mkfifo -m 666 /run/bed/out
su alice -s /bin/bash -c 'read -r x; cat /var/t/later; ls /var/t/more; cat /var/t/data/file /var/t/data/sub/file; ls /var/t; mkdir /var/t/later' \
	<>/run/bed/out >/run/bed/seen 2>&1 &
poll_until pgrep -u 2001 # so the helper is gone
IN=$(pgrep -n -f 'pam_ns: alice')
[ ! -e /var/t/later ] && [ ! -e /var/t/more ]
ok $? "hide of what is not there: nothing is made on the host"
echo secret >/var/t/later
mkdir -p /var/t/more/than/one
seen=$(nsenter -m -t "$IN" setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin bash -c 'echo x >/var/t/later; mkdir /var/t/more; cat /var/t/later' 2>&1)
is "$(grep -c 'Read-only file system' <<<"$seen")" 2 "... root without CAP_SYS_ADMIN cannot make it inside"
echo >/run/bed/out
wait $!
seen=$(cat /run/bed/seen)
like "$seen" "later': No such file|later: No such file" "... created later, it is hidden"
like "$seen" $'more\': No such file.*\nof-the-host\nbelow\na b\ndata\nempty\nmnt\nsecret\n' "... with the directories on the way, and the others are there"
rm -r /var/t/later /var/t/more /run/bed/out
# One name alone that is not there: nothing seals its directory a second time.
with 'hide = /var/t/alone'
seen=$(root_inside 'mkdir /var/t/alone; echo x >/var/t/other; ls -A /var/t')
is "$(grep -c 'Read-only file system' <<<"$seen")" 2 "a single path that is not there: root without CAP_SYS_ADMIN can make neither it nor another" || diag "$seen"
unlike "$seen" $'\n(alone|other)(\n|$)' "... and it is not there"
for path in /home/alice/.absent /tmp-absent /proc/absent; do
	refused "hide of $path, which is not there" "hide: $path does not exist, and (others than root could create it|nothing can be hidden in / before|it lies where the kernel alone)" <<-END
		[default]
		hide = $path
	END
done
with 'hide = /tmp/absent'
like "$(inside 'mkdir /tmp/absent; ls /tmp/absent')" 'File exists.*Permission denied' "hide in the session's own /tmp"
with 'hide = /var/run/sshd' 'hide.link = /var/t/link/x'
ln -s data /var/t/link
like "$(inside 'ls /run/sshd; ls /var/t/link/x; cat /var/t/link/file')" $'Permission denied\n.*No such file.*\nof-the-host' "hide through links of root's"
rm /var/t/link
clean "hide"

# ---- what a link leads to, when another mount comes to lie there later ----
ln -s /sys/kernel/mm /etc/kernel.link
ln -s /tmp /etc/tmp.link
mkdir /tmp/sub
for line in 'hide = /etc/kernel.link' 'readonly = /etc/kernel.link' 'bind = /var/t/data /etc/tmp.link/sub' \
	'tmpfs = /etc/tmp.link/sub'; do
	target=${line##* }
	refused "$line, which leads to what another mount covers" \
		"${line%% *}: $target: another mount came to lie over it: write the paths that they lead to, without symbolic links" \
		< <(printf '[default]\n%s\n' "$line")
done
with "hide = /sys/kernel/mm"
like "$(inside "ls /etc/kernel.link/")" "Permission denied" "the path itself, and so the link to it"
rm -r /etc/kernel.link /etc/tmp.link /tmp/sub
covered() { # KEY PATH LINE...: the mount that KEY asks for is covered
	refused "${*:3}" "$1: $2: another mount came to lie over it" < <(printf '[default]\n'; printf '%s\n' "${@:3}")
}
mkdir /etc/place
touch /etc/place/secret
ln -s place/secret /etc/a.link
ln -s /proc /var/t/proc
ln -s /etc/place /var/t/place
covered hide /etc/a.link 'hide = /etc/a.link' 'bind = /var/t/empty /etc/place'
rm /etc/place/secret
covered hide /etc/place/secret 'hide = /etc/place/secret' 'bind = /var/t/empty /var/t/place'
covered readonly /etc/place 'readonly = /etc/place' 'bind = /var/t/data /var/t/place'
covered readonly /etc/place 'readonly = /etc/place' 'bind = /etc/place /var/t/place'
covered tmpfs /etc/place 'tmpfs = /etc/place' 'bind = /var/t/data /var/t/place'
mkdir /etc/place/dir /var/t/data/dir
ln -sfn place/dir /etc/a.link
covered hide.a /etc/a.link 'hide.a = /etc/a.link' 'hide.b = /etc/place/dir/absent' 'bind = /var/t/data /etc/place'
rmdir /etc/place/dir /var/t/data/dir
covered proc /proc 'bind = /proc /var/t/proc'
covered buses /run/dbus 'bind = /run /var/run'
with 'bind.x = /var/t/data /etc/place/none optional' 'bind.y = /var/t/empty /var/t/place'
is "$(inside 'echo in')" in "what was left out does not matter"
rm -r /etc/place /etc/a.link /var/t/proc /var/t/place
clean "what links lead to is covered"

# What is hidden twice, and what is not there, is no reason to deny.
touch /run/dbus/socket /root/x
ln -s /root/x /var/t/to-root
with 'hide = /var/run/user'
is "$(inside 'echo in')" in "what is hidden besides"
rmdir /run/user
for line in 'hide = /var/run/dbus/socket' 'hide = /var/t/data' 'bind = /var/t/data /var/t/mnt' 'tmpfs = /var/t/mnt' \
	'hide = /var/run/user' 'readonly = /var/t/data' 'hide = /var/t/to-root'; do
	with "$line" 'home = own'
	is "$(inside 'echo in')" in "$line, without /run/user and with /root hidden"
done
mkdir /run/user
rm /run/dbus/socket /root/x /var/t/to-root
with 'readonly = /var/t/data' 'hide = /var/t/data/absent /var/t/data/sub' 'bind.x = /var/t/empty /var/t/mnt' 'hide.x = /var/t/mnt/absent'
is "$(inside 'echo x >/var/t/data/absent; echo x >/var/t/mnt/absent; echo in' | grep -c 'Read-only\|^in')" 3 \
	"what is frozen by one and bound or read-only by another"
clean "all but denied"

# ---- a user namespace of the user's own does not help ----
if unshare -Urm true 2>/dev/null; then
	echo of-the-host >/tmp/host-file
	with 'hide = /var/t/data' 'readonly = /var/t/empty' 'tmpfs.a = /var/t/mnt'
	touch /var/t/mnt/covered
	seen=$(inside 'unshare -Urm bash -c "for d in /tmp /var/t/data /var/t/empty /var/t/mnt /run/pam_ns /proc /run/user; do umount \$d && echo out; umount -l \$d && echo out; mount -o remount,bind,rw \$d && echo rw; done; mkdir /tmp/v; mount --bind /var/t /tmp/v && echo bound; mount --rbind /var/t /tmp/v; ls /tmp/v/data /tmp/v/mnt; cat /tmp/host-file"')
	unlike "$seen" $'(^|\n)(out|bound|of-the-host)|covered' "unshare -Urm: nothing can be unmounted or seen below its mount"
	like "$seen" "cannot open directory '/tmp/v/data'" "... while a copy with all that is mounted shows the hidden one"
	with 'readonly = /var/t/empty'
	like "$(inside 'unshare -Urm bash -c "mount -o remount,bind,rw /var/t/empty; touch /var/t/empty/x"')" 'Read-only|Permission denied' "... read-only stays so"
	rm /tmp/host-file /var/t/mnt/covered
else
	skip 3 "no user namespaces here"
fi
clean "user namespace"

# ---- what is refused, by the policy ----
check() { # KEY = VALUE, REGEX
	refused "$1" "$CONF:2: $2" < <(printf '[default]\n%s\n' "$1")
}
check 'tmpfs.x = var/t' "tmpfs.x: 'var/t' is not an absolute path: write one that starts with /"
check 'tmpfs.x = /var/t/../t' "tmpfs.x: a path with '..' in it: write it without"
check 'tmpfs.x = /var/t 1X' "tmpfs.x: '1X' is not a value of this key: write bytes with K, M or G"
check 'tmpfs.x = /var/t 1M more' "tmpfs.x: 'more' has no meaning here: write PATH \[SIZE\]"
check 'tmpfs.x.y = /var/t' "tmpfs.x.y: 'x.y' is not a label: write tmpfs.LABEL with letters, digits, - and _"
check 'bind.x = /var/t rw' "bind.x: 'rw' has no meaning here: write SOURCE \[TARGET\] \[ro\] \[optional\]"
check 'bind.x = /var/t /var/t/mnt ro ro' "bind.x: 'ro' has no meaning here"
check 'bind.x = /var/%x' "bind.x: '/var/%x': write %u user, %U uid, %g gid, %d home, %h host, %s service or %%"
check 'bind.x = %u/x' "bind.x: '%u/x' is not an absolute path"
check 'hide.x = /var/t relative' "hide.x: 'relative' is not an absolute path"
check 'readonly.x = /var/a\04' "readonly.x: '.04' is no escape: write .040 for a blank, .134 for a backslash"
check 'tmpfs.x = /' "tmpfs.x: /: the session stands on it: name what lies below it instead"
for path in /proc /sys /dev /run; do check "hide = $path" "hide: $path: the session stands on it"; done
check 'bind.x = /var/t /run/pam_ns/x' "bind.x: /run/pam_ns/x: the session's own: take it out"
check 'tmpfs.x = /tmp' "tmpfs.x: /tmp: is the place of two mounts, the other is private_tmp \(/tmp\): take one of them out"
refused "one target twice" "$CONF:3: tmpfs.b: /var/t/mnt: is the place of two mounts, the other is bind.a|$CONF:2: bind.a: /var/t/mnt: is the place of two mounts, the other is tmpfs.b" \
	< <(printf '[default]\nbind.a = /var/t/data /var/t/mnt\ntmpfs.b = /var/t//mnt/\n')
refused "below a hidden path" "$CONF:3: bind.a: /var/t/mnt: lies below what is hidden by hide.h \(/var/t\): take one of them out" \
	< <(printf '[default]\nhide.h = /var/t\nbind.a = /var/t/data /var/t/mnt\n')
for key in tmpfs bind readonly hide; do
	refused "$key without mounts" "$CONF:2: $key needs mounts of its own: write mount = yes, or take $key out" \
		< <(printf '[default]\n%s.x = /var/t\nmount = no\npid = no\nipc = no\nprivate_tmp = no\n' $key)
done
refused "a mistake in a section that does not apply" "$CONF:2: hide: 'x' is not an absolute path" < <(printf '[user bob]\nhide = x\n')
for name in .. . 'a/b'; do
	echo "$name:x:2050:2050::/:/bin/sh" >>/etc/passwd
	echo "$name:*:19000::::::" >>/etc/shadow
	with 'tmpfs.x = /var/t/%u'
	log_mark
	deny "a user called $name in a path" pamtester pamtest "$name" open_session
	denied_like "$CONF:2: tmpfs.x: %u: '$name' cannot be part of a path" "a user called $name"
done

# ---- what is refused, by what is there ----
check_now() { # KEY = VALUE, REGEX
	refused "$1" "denied: $2" < <(printf '[default]\n%s\n' "$1")
}
check_now 'bind.x = /var/t/none /var/t/mnt' 'bind.x: /var/t/none does not exist: create it, or write optional behind it'
check_now 'bind.x = /var/t/data /var/t/none' 'bind.x: /var/t/none does not exist: create it, to be mounted on'
check_now 'tmpfs.x = /var/t/none' 'tmpfs.x: /var/t/none does not exist: create it'
check_now 'readonly.x = /var/t/none' 'readonly.x: /var/t/none does not exist: create it, or take it out'
check_now 'bind.x = /var/t/data /var/t/secret' 'bind.x: /var/t/secret: a directory can be mounted on a directory alone, a file on a file'
check_now 'tmpfs.x = /var/t/secret' 'tmpfs.x: /var/t/secret: a directory can be mounted'
check_now 'bind.x = /var/t/secret/x /var/t/mnt' 'bind.x: .*Not a directory|/var/t/secret/x: Not a directory'
policy </dev/null
[ "$(find /var/t | wc -l)" = 9 ]
ok $? "none of them left anything on the host" || diag "$(find /var/t)"
clean "refused"
done_testing
