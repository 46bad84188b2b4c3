#!/bin/bash
# SPDX-License-Identifier: MIT
# greetd without a terminal of its own starts a session that its greeter asks for.
. "$(dirname "$0")/lib.sh"

# The greeter: asks over greetd's socket for alice and her password, then for a command. Each message is
# its length as four bytes of the machine's order, and JSON (greetd-ipc(7)).
cat >/run/greeter <<-'END'
	#!/usr/bin/perl
	use IO::Socket::UNIX;
	my $s = IO::Socket::UNIX->new($ENV{GREETD_SOCK}) or die "$ENV{GREETD_SOCK}: $!";
	sub ask {
		my ($text, $head) = @_;
		syswrite $s, pack("L", length $text) . $text;
		sysread($s, $head, 4) == 4 or die "greetd went away\n";
		sysread $s, $text, unpack("L", $head);
		open my $log, ">>", "/tmp/greeter.log";
		print $log "$text\n";
		return $text;
	}
	my $r = ask '{"type":"create_session","username":"alice"}';
	$r = ask '{"type":"post_auth_message_response","response":"secret"}' while $r =~ /auth_message/;
	$r = ask '{"type":"start_session","cmd":["/run/session"],"env":[]}' if $r =~ /success/;
END
cat >/run/session <<-'END'
	#!/bin/sh
	{
		for n in mnt ipc uts pid net time; do readlink /proc/self/ns/$n; done
		cat /run/pam_ns/session
		ps -e -o args= | head -1
		ls -l /proc/self/fd | grep -cE '(mnt|ipc|uts|pid|net|time):.[0-9]|pidfd'
		echo x >/tmp/x
		[ -e /home/alice/stay ] && sleep 1000
		echo end
	} >/home/alice/seen 2>&1
END
chmod 755 /run/greeter /run/session
cat >/run/greetd.toml <<-'END'
	[terminal]
	vt = "none"
	[general]
	source_profile = false
	[default_session]
	command = "/run/greeter"
	user = "bob"
END
stack greetd
unstack greetd-greeter
base
run_greetd() { # until it has greeted and run a session, or not
	rm -f /home/alice/seen /tmp/greeter.log
	greetd --config /run/greetd.toml >/run/bed/greetd.log 2>&1 </dev/null &
	GREETD=$!
}
stop_greetd() {
	pkill -P $GREETD
	kill $GREETD
	wait $GREETD
	rm -f /run/greetd*.sock /run/greetd.run
} 2>/dev/null

policy <<<$'[default]\nproc = all' # so that init shows
run_greetd
poll_until grep -q '^end' /home/alice/seen
ok $? "the session runs to its end" || diag "$(cat /run/bed/greetd.log /tmp/greeter.log "$LOG")"
seen=$(cat /home/alice/seen)
is "$(grep -c '^[a-z]*:\[' <<<"$seen")" 6 "it has namespaces"
for n in mnt ipc uts pid net time; do
	unlike "$seen" "$(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')" "its $n namespace is its own"
done
like "$seen" $'\n2001\.[0-9]+\npam_ns: alice \(greetd\) 2001\.' "its init is PID 1"
like "$seen" $'\n0\nend' "it has no fd of the login program's"
[ ! -e /tmp/x ]
ok $? "its /tmp is its own"
stop_greetd
poll_until no_sessions
clean "a session"

# greetd ends its workers without a word when it is ended itself.
touch /home/alice/stay
run_greetd
poll_until pgrep -f '^sleep 1000'
{
	kill -KILL $GREETD
	wait $GREETD
} 2>/dev/null
pkill -KILL -f 'greetd --session-worker'
poll_until no_sessions
ok $? "greetd and its worker killed: the session ends"
! pgrep -f '^sleep 1000'
ok $? "... with all that ran in it"
rm -f /home/alice/stay /run/greetd*.sock /run/greetd.run
clean "killed"

policy <<<'isolate = yes'
log_mark
run_greetd
denied_like 'pam_ns\(greetd:session\): session for alice denied: .*pam_ns.conf:1' "broken policy"
[ ! -e /home/alice/seen ]
ok $? "broken policy: no session"
stop_greetd
rm -f /tmp/greeter.log
clean "denials"
done_testing
