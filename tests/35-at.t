#!/bin/bash
# SPDX-License-Identifier: MIT
# atd runs its jobs in namespaces, from their start to their end, and sends their mail from outside.
. "$(dirname "$0")/lib.sh"

cat >/usr/sbin/sendmail <<-'END'
	#!/bin/sh
	{ readlink /proc/self/ns/net; cat; } >"/home/alice/mail.new"
	mv /home/alice/mail.new /home/alice/mail
END
chmod 755 /usr/sbin/sendmail
mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
rm -f /var/spool/cron/at*/[a-z=]* /etc/at.allow
touch /etc/at.deny
chown daemon:daemon /var/spool/cron/atjobs /var/spool/cron/atspool
chmod 1770 /var/spool/cron/atjobs /var/spool/cron/atspool
stack atd
atd -f -b 0 &
ATD=$!
poll_until test -s /run/atd.pid
base
at_job() { # COMMAND: as alice, now
	rm -f /home/alice/mail /home/alice/job
	(cd /home/alice && runuser -u alice -- at now <<<"$1" 2>/dev/null)
	kill -HUP $ATD
}
# shellcheck disable=SC2317 # by poll_until
no_jobs() { [ -z "$(atq)" ] && [ -z "$(pgrep -P "$ATD")" ]; }

at_job 'readlink /proc/self/ns/* >job; cat /run/pam_ns/session >>job; echo x >/tmp/x; pwd >>job; echo said; sleep 0.3; echo end >>job'
poll_until grep -q end /home/alice/job
ok $? "the job runs to its end" || diag "$(cat "$LOG")"
poll_until test -e /home/alice/mail
seen=$(cat /home/alice/job)
for n in mnt ipc uts pid time net; do
	unlike "$seen" "$(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')" "the job's $n namespace is its own"
done
like "$seen" '2001\.1'$'\n/home/alice' "the job is in a session, in the directory that it was made in"
[ ! -e /tmp/x ]
ok $? "the job's /tmp is its own"
like "$(cat /home/alice/mail)" "^$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')" "its mail is sent from outside"
like "$(cat /home/alice/mail)" $'\nsaid' "... and holds what the job said"
poll_until no_jobs
clean "a job"

policy <<<'isolate = yes'
log_mark
at_job 'echo ran >job'
denied_like 'pam_ns\(atd:session\): session for alice denied: /etc/security/pam_ns.conf:1' "broken policy"
poll_until bash -c "! pgrep -P $ATD"
[ ! -e /home/alice/job ]
ok $? "broken policy: the job is not run"
kill $ATD
wait $ATD 2>/dev/null
clean "a denied job"
done_testing
