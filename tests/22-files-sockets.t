#!/bin/bash
# SPDX-License-Identifier: MIT
# Files and sockets that people need: forwarded agents and displays, ticket caches, who is logged in and
# was, and mounts that come later.
. "$(dirname "$0")/lib.sh"

mount --make-rshared /
mkdir -p /run/user /media /var/log
touch /run/utmp /var/log/wtmp /var/log/lastlog
start_sshd X11Forwarding=yes
base

# A forwarded agent's socket lies in the session's /tmp.
eval "$(ssh-agent -a /run/bed/agent)" >/dev/null
ssh-add -q /run/bed/key
ssh "${SSH_OPTIONS[@]}" -A alice@127.0.0.1 'ssh-add -l; echo "sock=$SSH_AUTH_SOCK"
	stat -c "%a %U" "$(dirname "$SSH_AUTH_SOCK")"; echo done; exec sleep 1000' </dev/null >/run/bed/agent.out 2>&1 &
client=$!
poll_until grep -q '^done' /run/bed/agent.out
seen=$(cat /run/bed/agent.out)
like "$seen" ED25519 "ssh -A: the agent answers inside"
like "$seen" $'sock=/tmp/ssh-[^\n]*\n700 alice' "ssh -A: its socket is in /tmp, the user's own"
is "$(compgen -G '/tmp/ssh-*')" "" "ssh -A: ... not in the host's"
is "$(as alice 'ls -d /tmp/ssh-* 2>/dev/null')" "" "ssh -A: ... and no other session's, not of the same user"
kill $client
wait $client 2>/dev/null
ssh-agent -k >/dev/null
unset SSH_AUTH_SOCK SSH_AGENT_PID
poll_until no_sessions
clean "agent"

# X11: a server outside, and inside a client that connects to the forwarded display with the cookie that
# sshd had xauth(1) keep.
cat >/run/bed/xserver <<-'END'
	use IO::Socket::UNIX;
	$l = IO::Socket::UNIX->new(Local => "/tmp/.X11-unix/X77", Listen => 9) or die $!;
	while ($c = $l->accept) { sysread $c, $setup, 12; print $c "the server outside\n"; close $c }
END
cat >/run/xclient <<-'END'
	use IO::Socket::INET;
	my ($n) = $ENV{DISPLAY} =~ /:(\d+)/;
	my ($cookie) = `xauth list` =~ /unix:$n\s+MIT-MAGIC-COOKIE-1\s+(\w+)/ or die "no cookie for $ENV{DISPLAY}\n";
	my $s = IO::Socket::INET->new("127.0.0.1:" . (6000 + $n)) or die "display: $!\n";
	syswrite $s, pack("axvvvvv a18 xx a16", "l", 11, 0, 18, 16, 0, "MIT-MAGIC-COOKIE-1", pack "H*", $cookie);
	print "DISPLAY=$ENV{DISPLAY} ", scalar <$s>;
END
mkdir /tmp/.X11-unix
chmod 1777 /tmp/.X11-unix
perl /run/bed/xserver &
xserver=$!
poll_until test -S /tmp/.X11-unix/X77
base
seen=$(DISPLAY=:77 as alice -Y 'perl /run/xclient; stat -c "%a %U" .Xauthority; readlink /proc/self/ns/net' 2>&1)
like "$seen" 'DISPLAY=localhost:10.* the server outside' "ssh -X: a client inside reaches the server outside" ||
	diag "$(cat /run/bed/sshd.log)"
like "$seen" $'\n600 alice' "ssh -X: the cookie is the user's own"
DISPLAY=:77 ssh "${SSH_OPTIONS[@]}" -Y alice@127.0.0.1 'echo in; exec sleep 1000' </dev/null >/run/bed/x.out 2>&1 &
client=$!
poll_until grep -q '^in' /run/bed/x.out
deny "ssh -X: the display is not on the host" bash -c '</dev/tcp/127.0.0.1/6010' 2>/dev/null
kill $client
like "$(DISPLAY=:77 as alice -Y 'echo $DISPLAY')$(DISPLAY=:77 as bob -Y 'echo $DISPLAY')" \
	'localhost:10.*localhost:10' "ssh -X: the numbers of displays are each session's own"
kill $xserver
wait $xserver 2>/dev/null
poll_until no_sessions
rm -rf /tmp/.X11-unix
clean "X11"

# Ticket caches are written before the session: into the host's /tmp, or where krb5.conf's
# default_ccache_name says.
cat >/run/kinit <<-'END'
	#!/bin/sh
	[ "$PAM_TYPE" = open_session ] || exit 0
	echo ticket >/tmp/krb5cc_2001
	mkdir -p -m 711 /run/krb5 && mkdir -p -m 700 /run/krb5/2001 && echo ticket >/run/krb5/2001/tkt
	chown -R alice /run/krb5/2001 /tmp/krb5cc_2001
END
chmod 755 /run/kinit
pam_file su "session required pam_ns.so close"$'\n'"session required pam_exec.so /run/kinit" "session required pam_ns.so open"
is "$(su alice -c 'cat /tmp/krb5cc_2001' 2>/dev/null)" "" "a ticket cache in /tmp stays outside"
is "$(su alice -c 'cat /run/krb5/2001/tkt')" ticket "... in /run it is there"
policy <<<'[service su]
private_tmp = no'
is "$(su alice -c 'cat /tmp/krb5cc_2001')" ticket "private_tmp = no: the one in /tmp too"
policy </dev/null
rm -rf /tmp/krb5cc_2001 /run/krb5
stack su
clean "ticket caches"

# utmp, wtmp, lastlog: on the host, with a process of the host's, and in order after logout.
printf 'echo in\nsleep 1000\n' | ssh -tt "${SSH_OPTIONS[@]}" alice@127.0.0.1 >/run/bed/tty.out 2>&1 &
client=$!
poll_until bash -c 'who -u /run/utmp | grep alice'
seen=$(who -u /run/utmp)
like "$seen" 'alice +pts/[0-9]+ .*\(127.0.0.1\)' "sshd: utmp has the login"
pid=$(awk '$1 == "alice" { print $(NF - 1) }' <<<"$seen")
like "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'sshd: alice' "sshd: ... with its process number on the host"
like "$(as alice 'who -u /run/utmp')" "alice .* $pid " "sshd: who(1) inside says the same"
kill $client
wait $client 2>/dev/null
poll_until no_sessions
poll_until bash -c '! utmpdump /run/utmp 2>/dev/null | grep alice' # sshd writes it after the PAM session
ok $? "sshd: after logout it is out of utmp" || diag "$(utmpdump /run/utmp)"
poll_until bash -c "last -f /var/log/wtmp alice | grep ' - '"
like "$(last -f /var/log/wtmp alice)" 'alice +pts/[0-9]+ +127.0.0.1 .* - ' "sshd: ... and ended in wtmp"
like "$(lastlog -u alice)" 'pts/[0-9]+ +127.0.0.1' "sshd: lastlog has it"
rm -f /etc/securetty
pam_file login "session required pam_ns.so close"$'\n'"session optional pam_lastlog.so" "session required pam_ns.so open"
timeout 30 "$TOOLS/ptyrun" 20 'Password: ' secret '$ ' 'who -u /run/utmp; exit' -- login bob >/run/bed/tty.out 2>&1
like "$(cat /run/bed/tty.out)" 'bob +pts/[0-9]' "login: utmp has it"
poll_until no_sessions
like "$(last -f /var/log/wtmp bob)" 'bob +pts/[0-9]+' "login: wtmp has it"
like "$(lastlog -u bob)" 'pts/[0-9]' "login: lastlog has it"
: >/run/utmp
clean "utmp"

# Mounts that come later: a runtime directory, a disk that is plugged in, and what is taken away again.
later() { # PROPAGATION: what a session that is open sees of them
	policy <<<"[default]
propagation = $1
buses = show" # or /run/user is the session's own
	rm -f /home/alice/go /home/alice/go2 /run/bed/later
	su alice -c 'echo in; until [ -e go ]; do sleep 0.05; done; cat /run/user/2001/file /media/disk/file
		echo; until [ -e go2 ]; do sleep 0.05; done; ls /media/disk' >/run/bed/later 2>/dev/null &
	poll_until grep -q '^in' /run/bed/later
	mkdir -p /run/user/2001 /media/disk
	mount -t tmpfs later /run/user/2001
	mount -t tmpfs later /media/disk
	echo runtime >/run/user/2001/file
	echo disk >/media/disk/file
	touch /home/alice/go
	poll_until grep -q '^$' /run/bed/later
	umount /media/disk /run/user/2001
	ok $? "$1: the host can take them away while the session is open"
	touch /home/alice/go2
	wait $!
}
cd /home/alice || exit
later slave
is "$(cat /run/bed/later)" $'in\nruntime\ndisk' "slave: later mounts appear, and go"
later private
is "$(cat /run/bed/later)" in "private: they do not appear"
cd /
rm -rf /run/user/2001 /media/disk
clean "later mounts"
stop_sshd
done_testing
