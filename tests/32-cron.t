#!/bin/bash
# SPDX-License-Identifier: MIT
# cron runs its jobs in namespaces, and goes on as if it knew nothing of them.
. "$(dirname "$0")/lib.sh"

run_cron() { # JOB: at once, as cron does at a reboot
	rm -f /run/crond.reboot /var/run/crond.reboot
	rm -f /var/spool/cron/crontabs/alice # not even root may write to it (fs.protected_regular)
	echo "@reboot $1" >/var/spool/cron/crontabs/alice
	chown alice:crontab /var/spool/cron/crontabs/alice
	chmod 600 /var/spool/cron/crontabs/alice
	cron -f -L 15 &
	CRON=$!
}
stop_cron() {
	kill $CRON
	wait $CRON 2>/dev/null
}
cat >/usr/sbin/sendmail <<-'END'
	#!/bin/sh
	{ readlink /proc/self/ns/net; cat; } >/home/alice/mail.new
	mv /home/alice/mail.new /home/alice/mail
END
chmod 755 /usr/sbin/sendmail
mkdir -p /var/spool/cron/crontabs
rm -f /var/spool/cron/crontabs/* /etc/crontab /etc/cron.d/*
base

run_cron 'readlink /proc/self/ns/* >job; cat /run/pam_ns/session >>job; echo x >/tmp/x; sleep 0.2; echo end >>job; echo said'
poll_until grep -q end /home/alice/job
ok $? "the job runs to its end" || diag "$(cat "$LOG")"
seen=$(cat /home/alice/job)
for n in mnt ipc uts pid time net; do
	unlike "$seen" "$(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')" "the job's $n namespace is its own"
done
like "$seen" '2001\.1' "the job is in a session"
[ ! -e /tmp/x ]
ok $? "the job's /tmp is its own"
poll_until test -e /home/alice/mail
ok $? "its mail is sent"
seen=$(cat /home/alice/mail)
like "$seen" $'\n\nsaid' "... with what it said"
unlike "$seen" "$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')" "... from inside"
poll_until no_sessions
ok $? "the session ends with the job"
is "$(pgrep -P "$CRON")" "" "no child is left with cron"
clean "a job"
stop_cron

policy <<<'isolate = yes'
rm -f /home/alice/job
log_mark
run_cron 'echo ran >job'
denied_like 'pam_ns\(cron:session\): session for alice denied: /etc/security/pam_ns.conf:1' "broken policy"
poll_until bash -c "[ -z \"\$(ps -o pid= --ppid $CRON)\" ]"
[ ! -e /home/alice/job ]
ok $? "broken policy: the job is not run"
stop_cron
clean "a denied job"
done_testing
