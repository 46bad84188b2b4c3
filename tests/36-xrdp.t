#!/bin/bash
# SPDX-License-Identifier: MIT
# xrdp's session manager, with an X server and a desktop that are scripts: both run in the session.
. "$(dirname "$0")/lib.sh"

cat >/run/xserver <<-'END'
	#!/bin/sh
	mkdir -p /tmp/.X11-unix
	touch /tmp/.X11-unix/X${1#:}
	readlink /proc/self/ns/* >/home/alice/x.new
	mv /home/alice/x.new /home/alice/x
	sleep 1000
END
cat >/run/desktop <<-'END'
	#!/bin/sh
	{ readlink /proc/self/ns/*; cat /run/pam_ns/session; id -un; ls -A /tmp; } >/home/alice/desktop.new 2>&1
	mv /home/alice/desktop.new /home/alice/desktop
	while [ -e /home/alice/stay ]; do sleep 0.1; done
END
chmod 755 /run/xserver /run/desktop
cat >/run/sesman.ini <<-'END'
	[Globals]
	ListenAddress=127.0.0.1
	ListenPort=3350
	EnableUserWindowManager=false
	DefaultWindowManager=/run/desktop
	[Security]
	AllowRootLogin=false
	[Sessions]
	X11DisplayOffset=10
	MaxSessions=5
	[Logging]
	LogFile=/run/bed/sesman.log
	LogLevel=INFO
	EnableSyslog=false
	[Xvnc]
	param=/run/xserver
	[Chansrv]
	FuseMountName=none
END
stack xrdp-sesman
mkdir -p /run/xrdp
xrdp-sesman -n -c /run/sesman.ini >/dev/null 2>&1 &
SESMAN=$!
poll_until bash -c '</dev/tcp/127.0.0.1/3350'
base
connect() {
	rm -f /home/alice/x /home/alice/desktop
	timeout 20 xrdp-sesrun -c /run/sesman.ini -s 127.0.0.1 -t Xvnc -p secret alice >/run/bed/sesrun 2>&1
}
# shellcheck disable=SC2317 # by poll_until
nothing_runs() { [ -z "$(pgrep -P "$SESMAN")" ] && ! pgrep -f '/run/xserver'; }

touch /home/alice/stay
chown alice /home/alice/stay
connect
poll_until test -e /home/alice/desktop
ok $? "the desktop starts" || diag "$(cat /run/bed/sesman.log /run/bed/sesrun "$LOG")"
seen=$(cat /home/alice/desktop)
for n in mnt ipc uts pid net time; do
	unlike "$seen" "$(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')" "its $n namespace is its own"
done
like "$seen" $'\n2001\.1\nalice\n' "it is alice's, in a session"
like "$seen" $'\n.X11-unix' "with the X server's socket in its /tmp"
poll_until test -e /home/alice/x
is "$(cat /home/alice/x)" "$(grep '^[a-z_]*:\[' <<<"$seen")" "the X server is in the same session"
[ ! -e /tmp/.X11-unix/X10 ]
ok $? "... and its socket not on the host"
rm -f /home/alice/stay
poll_until nothing_runs
clean "the desktop's end is the session's"

policy <<<'isolate = yes'
log_mark
connect
denied_like 'pam_ns\(xrdp-sesman:session\): session for alice denied: .*pam_ns.conf:1' "broken policy"
poll_until nothing_runs
ok $? "broken policy: xrdp's process of this login is gone"
[ ! -e /home/alice/x ] && [ ! -e /home/alice/desktop ]
ok $? "... and started neither X server nor desktop"
kill -0 $SESMAN
ok $? "... and xrdp-sesman lives"
policy </dev/null
connect
poll_until test -e /home/alice/desktop
ok $? "mended: the next login works"
poll_until nothing_runs
kill $SESMAN
wait $SESMAN 2>/dev/null
clean "denials"
done_testing
