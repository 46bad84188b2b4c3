#!/bin/bash
# SPDX-License-Identifier: MIT
# What the host removes, replaces and makes anew while a session is open: the kernel takes a mount away
# with what it lies on, in every namespace, and what is hidden or read-only must stay so.
. "$(dirname "$0")/lib.sh"

mount --make-rshared / # as systemd does
mkdir -p /var/t/dir/sub /var/t/log /run/daemon/sub /run/other /run/free
chmod 755 /var/t
base

# A session of alice's that stays open; NSENTER is root in it.
open_session() { # LINE...
	{ echo '[default]'; printf '%s\n' "$@"; } | policy
	mkfifo -m 666 /run/bed/hold
	su alice -s /bin/bash -c 'read -r x' <>/run/bed/hold >/run/bed/session.out 2>&1 &
	poll_until pgrep -u 2001 # so the helper is gone
	IN=$(pgrep -n -f 'pam_ns: alice')
	[ -n "$IN" ]
	ok $? "$1: a session" || diag "$(cat /run/bed/session.out; log_new)"
}
close_session() {
	echo 1<>/run/bed/hold
	wait $!
	rm /run/bed/hold
	poll_until no_sessions
}
inside() { nsenter -m -t "$IN" "$@" 2>&1; }
listen() { # PATH: as a daemon that starts
	perl -e 'use IO::Socket::UNIX; unlink $ARGV[0]; IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die $!' "$1"
}
replace() { # PATH: as editors, logrotate and package managers do
	echo new >"$1.new"
	mv "$1.new" "$1"
}
hidden() { # NAME PATH
	local seen
	seen=$(inside cat "$2")
	like "$seen" '^(|cat: .*(No such file or directory|Is a directory|No such device or address))$' "$1"
}

# ---- hide ----
for path in /run/daemon/absent /var/run/daemon/absent /run/daemon/sub/absent /run/daemon/none/absent; do
	mkdir -p /run/daemon/sub
	open_session "hide = $path"
	rm -r /run/daemon
	mkdir -p "$(dirname "$path")"
	echo new >"$path"
	hidden "hide of $path, which was not there: its directory is made anew" "$path"
	close_session
	rm -r /run/daemon
done
mkdir -p /run/daemon/sub
open_session "hide.a = /run/other" "hide.b = /run/daemon/sub/absent"
rm -r /run/daemon/sub
mkdir /run/daemon/sub
echo new >/run/daemon/sub/absent
hidden "... also where another hidden path has /run covered already" /run/daemon/sub/absent
close_session
rm -r /run/daemon/sub
mkdir /run/daemon/sub
open_session "hide = /var/run/daemon/sub/absent"
mkdir /var/t/later
try "... through a link of root's, no more than /run is covered" inside test -d /var/t/later
rmdir /var/t/later
close_session

listen /run/daemon/socket
open_session "hide = /run/daemon"
rm -r /run/daemon
mkdir /run/daemon
echo new >/run/daemon/file
hidden "hide of a directory in /run that is made anew" /run/daemon/file
close_session
listen /run/daemon/socket
open_session "hide = /run/daemon/socket"
rm -r /run/daemon
mkdir /run/daemon
echo new >/run/daemon/socket
hidden "hide of a socket in one" /run/daemon/socket
close_session
rm /run/daemon/socket

echo old >/var/t/log/file
echo other >/var/t/log/other
open_session "hide = /var/t/log/file"
mv /var/t/log/file /var/t/log/file.1
echo new >/var/t/log/file
hidden "hide of a file that is rotated" /var/t/log/file
replace /var/t/log/file
hidden "... and replaced" /var/t/log/file
hidden "... by its new name" /var/t/log/file.1
try "... the others can be written" inside bash -c 'echo more >>/var/t/log/other'
is "$(cat /var/t/log/other)" $'other\nmore' "... on the host"
close_session
rm /var/t/log/file.1
ln -s log /var/t/link
open_session "hide = /var/t/link/file"
replace /var/t/log/file
hidden "... through a link of root's" /var/t/log/file
close_session
rm /var/t/link
echo old >/home/alice/file
open_session "hide = /home/alice/file"
like "$(inside cat /home/alice/file; stat -c %a /home/alice/file)" '^' "hide of a file in a home"
try "... the home can be written" inside setpriv --reuid=2001 --clear-groups touch /home/alice/x
close_session
rm /home/alice/file /home/alice/x
open_session "hide = /proc/version"
like "$(inside cat /proc/version; inside ls /proc/1/status)" "^(|cat: .*)/proc/1/status$" "hide of a file in /proc: the others come and go"
close_session
mkdir /var/t/many
seq -f '/var/t/many/%.0f' 4001 | xargs touch
policy <<<$'[default]\nhide = /var/t/many/1'
log_mark
deny "hide of one of very many: denied" su alice -c true
denied_like 'hide: /var/t/many/1 lies in a directory of more than 4000 entries, which cannot be covered: name that' "very many"
rm /var/t/many/2
open_session "hide = /var/t/many/1"
replace /var/t/many/1
hidden "hide of one of 4000 that is replaced" /var/t/many/1
close_session
rm -r /var/t/many
clean "hide"

# ---- readonly ----
cannot_write() { # NAME PATH
	like "$(inside bash -c "echo inside >>'$2'")" 'Read-only file system|No such file' "$1"
}
mkdir -p /run/daemon/sub
open_session "readonly = /run/daemon/sub /var/t/log/file"
rm -r /run/daemon
mkdir -p /run/daemon/sub
cannot_write "readonly: a directory in /run that is made anew" /run/daemon/sub/x
replace /var/t/log/file
cannot_write "... a file that is replaced" /var/t/log/file
[ "$(cat /var/t/log/file)" = new ] && [ ! -e /run/daemon/sub/x ]
ok $? "... nothing was written"
close_session
open_session "readonly = /run/daemon" "tmpfs.t = /run/free"
try "readonly in /run: the session's own can be written" inside touch /run/free/x
rm -r /run/daemon
mkdir /run/daemon
cannot_write "... a directory right in /run that is made anew" /run/daemon/x
close_session
clean "readonly"

# ---- where the user can write: what was hidden and read-only stays so, the name is theirs ----
cat >/run/rename <<-'END'
	chdir "/home/alice";
	system("mount -t tmpfs n /tmp/n") == 0 && mkdir "/tmp/n/old" or die;
	my ($new, $old, $gone) = ("/tmp/n", "/tmp/n/old", "/old");
	syscall($ARGV[0], $new, $old) == 0 or die "pivot_root: $!";
	syscall($ARGV[1], $gone, 2) == 0 or die "umount: $!"; # no mount lies on them now, for rename(2)
	for ("hidden", "fixed") { rename $_, "$_.was" or die "$_: $!"; mkdir $_ }
END
case $(uname -m) in
x86_64) numbers='155 166' ;;
aarch64) numbers='41 39' ;;
*) numbers= ;;
esac
if [ -n "$numbers" ] && unshare -Urm true 2>/dev/null; then
	mkdir /home/alice/hidden /home/alice/fixed
	echo secret >/home/alice/hidden/file
	echo fixed >/home/alice/fixed/file
	chown -R alice: /home/alice
	open_session "hide = /home/alice/hidden" "readonly = /home/alice/fixed"
	try "a user namespace can rename what lies in the user's own directory" nsenter -m -p -t "$IN" setpriv \
		--reuid=2001 --regid=2001 --clear-groups bash -c "mkdir /tmp/n; unshare -Urm perl /run/rename $numbers"
	cannot_write "... the read-only one stays so under its new name" /home/alice/fixed.was/file
	like "$(inside setpriv --reuid=2001 cat /home/alice/hidden.was/file)" 'Permission denied' "... the hidden one too"
	is "$(inside ls -A /home/alice/hidden /home/alice/fixed)" $'/home/alice/fixed:\n\n/home/alice/hidden:' "... and the new ones are empty"
	close_session
else
	skip 5 "no user namespaces here, or system calls of other numbers"
fi
rm -rf /home/alice/hidden* /home/alice/fixed* /run/rename
clean "renamed inside"
done_testing
