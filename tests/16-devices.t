#!/bin/bash
# SPDX-License-Identifier: MIT
# devices, proc and buses: what of the machine's insides a session reaches.
. "$(dirname "$0")/lib.sh"

inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { { echo '[default]'; printf '%s\n' "$@"; } | policy; }
base

# ---- devices ----
mkdir /dev/secret
: >/dev/secret/disk
with 'devices = minimal'
is "$(inside 'ls /dev | sort | paste -sd" "')" "fd full log mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" \
	"devices = minimal: these alone"
is "$(inside 'for n in null zero full random urandom; do stat -c "%t:%T %a" -L /dev/$n; done | paste -sd" "')" \
	"1:3 666 1:5 666 1:7 666 1:8 666 1:9 666" "... each the device that it should be"
seen=$(inside 'echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo x >/dev/full; (echo fd >/dev/stdout) | cat /dev/fd/0; cat /dev/stdin <<<in; echo x >/dev/shm/x && ls /dev/shm; stat -f -c %T /dev/shm; ls -A /dev/mqueue')
like "$seen" $'^3\n3\n.*No space left[^\n]*\nfd\nin\nx\ntmpfs$' "... and usable"
like "$(inside 'touch /dev/x; mknod /dev/y c 1 3; rm /dev/null')" 'touch: .*Permission denied.*mknod: .*(Permission denied|not permitted).*rm: .*(Permission denied|busy)' "... nothing can be made there"
log_mark
inside 'logger from-inside'
poll_until log_has from-inside
ok $? "... syslog arrives"
start_sshd
seen=$(script -qec "ssh -tt ${SSH_OPTIONS[*]} alice@127.0.0.1 'tty; ls -l \$(tty); echo by-tty >/dev/tty; script -qec tty /dev/null'" /dev/null | tr -d '\r')
like "$seen" '/dev/pts/[0-9]+'$'\n''crw--w---- 1 alice[^'$'\n'']*/dev/pts/[0-9]+'$'\n''by-tty'$'\n''[^/]*/dev/pts/[0-9]+' "... a terminal over ssh, /dev/tty, and a terminal made inside"
stop_sshd
with 'devices = minimal' 'ipc = no' 'bind.dri = /dev/secret'
like "$(inside 'ls /dev/secret; ls -d /dev/shm /dev/mqueue; stat -f -c %T /dev/shm')" $'^disk\n/dev/mqueue\n/dev/shm\ntmpfs' "devices = minimal with ipc = no, and a device more"
with 'devices = host'
like "$(inside 'ls /dev/secret')" '^disk$' "devices = host: all of them"
rm -r /dev/secret
with 'devices = minimal'
umount /dev/full
log_mark
deny "a file in the place of a device: denied" inside true
denied_like 'devices: /dev/full is not the device of that name: see what put it there' "a file in a device's place"
mount --bind /dev/null /dev/full
log_mark
deny "another device in its place: denied" inside true
denied_like 'devices: /dev/full is not the device of that name' "another device in its place"
umount /dev/full
rm /dev/full
is "$(inside 'ls /dev/full')" "ls: cannot access '/dev/full': No such file or directory" "a device that the host has not"
mknod -m 666 /dev/full c 1 7 2>/dev/null || mount --bind /dev/null /dev/full 2>/dev/null
with 'devices = minimal' 'mount = no' 'pid = no' 'ipc = no' 'private_tmp = no'
log_mark
deny "devices without mounts: denied" inside true
denied_like 'pam_ns.conf:2: devices = minimal needs mounts of its own: write mount = yes or devices = host' "devices without mounts"
base
clean "devices"

# ---- proc ----
mkfifo -m 666 /run/bed/hold
hold() {
	su alice -s /bin/bash -c 'sleep 1000 & read -r x' <>/run/bed/hold >/dev/null 2>&1 &
	HELD=$!
	poll_until pgrep -u 2001 # so the helper is gone
	IN=$(pgrep -n -f 'pam_ns: alice')
}
release() {
	echo >/run/bed/hold
	wait $HELD
	poll_until no_sessions
}
# What bob sees in alice's session: another user's processes in the same instance.
others() { nsenter -m -p -t "$IN" setpriv --reuid 2002 --regid 2002 --clear-groups bash -c "$1" 2>&1; }
with 'proc = own'
hold
seen=$(others 'ps -e -o args=; ls -d /proc/1; cat /proc/1/cmdline; ls /proc/self/status /proc/cpuinfo')
unlike "$seen" 'sleep 1000|pam_ns: alice' "proc = own: another user in the instance sees none of hers"
like "$seen" '/proc/cpuinfo' "... and the rest of /proc"
like "$(nsenter -m -p -t "$IN" setpriv --reuid 2001 --regid 2001 --clear-groups ps -e -o args=)" 'sleep 1000' "... she herself does"
release
with 'proc = all'
hold
like "$(others 'ps -e -o args=')" 'pam_ns: alice.*sleep 1000' "proc = all: everybody in the instance sees all of it"
release
with 'proc = own' 'pid = no'
like "$(inside 'ps -e -o args=')" logsink "without process numbers of its own it hides nothing"
like "$(ps -e -o args= | head -1)" . "the host's /proc is as it was"
clean "proc"

# ---- buses ----
# What a machine with systemd and D-Bus has there; each answers.
ANSWERING=()
answer() { # SOCKET...
	local socket
	for socket; do
		perl -MIO::Socket::UNIX -e 'umask 0; unlink $ARGV[0]; $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
			while ($c = $s->accept) { print $c "answer\n"; close $c }' "$socket" &
		ANSWERING+=($!)
	done
	for socket; do poll_until test -S "$socket"; done
}
silence() {
	kill "${ANSWERING[@]}"
	wait "${ANSWERING[@]}" 2>/dev/null
	ANSWERING=()
}
ASK='perl -MIO::Socket::UNIX -e '\''for (@ARGV) { $s = IO::Socket::UNIX->new($_); print "$_\n" if $s && <$s> }'\'
R=/run/user/2001
hidden=(/run/dbus/system_bus_socket /run/systemd/private /run/systemd/io.systemd.ManagedOOM
	/run/systemd/io.system.ManagedOOM /run/systemd/io.systemd.Manager /run/systemd/machine/io.systemd.Machine
	"$R/bus" "$R/systemd/private" "$R/systemd/notify")
shown=(/run/systemd/notify /run/systemd/journal/socket /run/systemd/userdb/io.systemd.NameServiceSwitch
	/run/nscd/socket)
mkdir -p /run/systemd/{machine,userdb,sessions} /run/nscd
echo state >/run/systemd/sessions/1
make_runtime() {
	mkdir -p $R
	mount -t tmpfs -o mode=700,uid=2001,gid=2001 user $R
	mkdir -p $R/systemd
	chown -R alice: $R
}
mount -t tmpfs -o mode=755 users /run/user
mount --make-shared /run/user
make_runtime
answer "${hidden[@]}" "${shown[@]}"
base
reached() { inside "$ASK $*"; }
with 'buses = show'
is "$(reached "${hidden[@]}" "${shown[@]}")" "$(printf '%s\n' "${hidden[@]}" "${shown[@]}")" "buses = show: all of them answer"
policy </dev/null
is "$(reached "${hidden[@]}" /var/run/dbus/system_bus_socket)" "" "buses = hide, by default: none that starts things outside"
is "$(reached "${shown[@]}")" "$(printf '%s\n' "${shown[@]}")" "... journal, notify and the services of names answer"
is "$(inside 'cat /run/systemd/sessions/1; ls /run/systemd')" $'state\njournal\nnotify\nsessions\nuserdb' "... the rest of /run/systemd can be read"
is "$(inside "stat -c '%a %U' $R; ls -A $R; ls /run/user; echo x >$R/x && cat $R/x")" $'700 alice\n2001\nx' "... /run/user/UID is the session's own"
[ ! -e $R/x ]
ok $? "... the host does not see what is in it"
if command -v dbus-run-session >/dev/null; then
	like "$(inside "XDG_RUNTIME_DIR=$R dbus-run-session -- dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId")" \
		'string "' "... dbus-run-session works"
	like "$(inside 'dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId')" 'Failed to open connection' "... the system bus does not"
else
	skip 2 "no dbus here"
fi
clean "buses"

# Later: by propagation, and by a service that starts when the session runs.
silence
umount $R
rmdir $R
rm -f /run/dbus/* /run/systemd/private
base
hold
make_runtime
answer $R/bus $R/systemd/private /run/dbus/system_bus_socket /run/systemd/private /run/systemd/io.systemd.New
seen=$(nsenter -m -p -t "$IN" setpriv --reuid 2001 --regid 2001 --clear-groups bash -c \
	"$ASK $R/bus $R/systemd/private /run/dbus/system_bus_socket /run/systemd/private /run/systemd/io.systemd.New; ls -A $R" 2>&1)
is "$seen" "" "what comes later does not arrive in a session"
is "$(bash -c "$ASK $R/bus /run/dbus/system_bus_socket")" $R/bus$'\n'/run/dbus/system_bus_socket "... while outside it answers"
silence
umount $R
release

# A machine with none of it, where it may come.
rm -rf /run/dbus /run/systemd
umount /run/user
rmdir /run/user
echo of-the-host >/run/some
base
hold
mkdir /run/dbus
answer /run/dbus/system_bus_socket
seen=$(nsenter -m -p -t "$IN" bash -c "$ASK /run/dbus/system_bus_socket; cat /run/some; ls -d /run/pam_ns/session /run/sshd; echo x >/run/new && rm /run/new && echo root" 2>&1)
silence
is "$seen" $'of-the-host\n/run/pam_ns/session\n/run/sshd\nroot' "a machine without: what comes later is not there, all else is"
release
rm -rf /run/dbus
mkdir -p /run/dbus /run/systemd /run/user
base
clean "buses that come later"
done_testing
