#!/bin/bash
# SPDX-License-Identifier: MIT
# scope = user: whatever program a user comes through, it is the same session; and who may not join.
. "$(dirname "$0")/lib.sh"

inits() { pgrep -cf '^pam_ns: alice '; }
run_cron() { # JOB: at once, as cron does at a reboot
	mkdir -p /var/spool/cron/crontabs
	rm -f /run/crond.reboot /var/run/crond.reboot /etc/crontab /etc/cron.d/*
	echo "@reboot $1" >/var/spool/cron/crontabs/alice
	chown alice:crontab /var/spool/cron/crontabs/alice
	chmod 600 /var/spool/cron/crontabs/alice
	cron -f -L 15 &
	CRON=$!
}
# What makes a session what it is; the time namespace by its clocks, see time_namespaces(7).
# shellcheck disable=SC2016
NS='readlink /proc/self/ns/{mnt,ipc,uts,pid,net,cgroup}; cat /proc/self/timens_offsets; grep -E "CapBnd|NoNewPrivs" /proc/self/status
	cut -d" " -f3- /proc/self/mountinfo; hostname; cat /run/pam_ns/session'
start_sshd
policy <<<'[default]
scope = user
uptime = session
hostname = %u-box'
mkfifo /run/bed/go /run/bed/go2
base

# ---- three programs, one session ----

stay_in() { # FIFO FILE: a login that stays until it can read a line
	rm -f "$2"
	ssh "${SSH_OPTIONS[@]}" alice@127.0.0.1 "$NS; echo end; read -r x" <>"$1" >"$2" 2>&1 &
	poll_until grep -q '^end' "$2"
}
stay_in /run/bed/go /run/bed/first
first=$(grep -v '^end' /run/bed/first)
as alice 'echo of-ssh >/tmp/x; nohup perl -MIO::Socket::INET -e '"'"'$l = IO::Socket::INET->new(LocalAddr =>
	"127.0.0.1", LocalPort => 8080, Listen => 9, ReuseAddr => 1); while ($c = $l->accept) { print $c "served\n"; close $c }'"'"' >/dev/null 2>&1 &
	until (: </dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 0.05; done'
ok $? "a second ssh login"
seen=$(su alice -s /bin/bash -c "$NS")
is "$seen" "$first" "su after ssh: same namespaces, mounts, clocks, bounding set, no_new_privs, name"
like "$seen" '2001\.1$' "... one instance"
is "$(su alice -c 'cat /tmp/x')" of-ssh "su sees the /tmp of ssh"
is "$(su alice -s /bin/bash -c 'head -1 </dev/tcp/127.0.0.1/8080')" served "... and its server on port 8080"
deny "... which the host does not" bash -c '</dev/tcp/127.0.0.1/8080'
like "$(su alice -c 'ps -e -o args=')" 'LocalPort => 8080' "... and its processes"
uptime=$(su alice -c 'cut -d. -f1 /proc/uptime')
[ "$uptime" -lt 300 ]
ok $? "... and its clocks" || diag "$uptime"
run_cron '(cat /tmp/x; readlink /proc/self/ns/net; cat /run/pam_ns/session; echo end) >job'
poll_until grep -q end /home/alice/job
is "$(sed -n 1p /home/alice/job)" of-ssh "cron's job sees the /tmp of ssh"
like "$first" "$(sed -n 2p /home/alice/job | sed 's/[][]/\\&/g')" "... and is in its network"
kill $CRON
wait $CRON 2>/dev/null
is "$(inits)" 1 "one init for all of them"
is "$(find /run/pam_ns/2001 -type f)" /run/pam_ns/2001/1 "... and one entry"
seen=$(su bob -s /bin/bash -c 'ls /tmp; ps -e -o args=; readlink /proc/self/ns/net')
unlike "$seen" '^x|8080' "bob has his own"
unlike "$seen" "$(grep ^net: <<<"$first" | sed 's/[][]/\\&/g')" "... with a network of his own"
is "$(log_new | grep 'pam_ns(')" "" "nothing of that is worth a line in the log"

# ---- ends ----

stay_in /run/bed/go2 /run/bed/second
echo >/run/bed/go
poll_until bash -c '[ "$(pgrep -cf "^sshd: [a]lice@")" = 1 ]'
is "$(su alice -c 'cat /tmp/x')" of-ssh "the login that opened it ends: the session goes on"
is "$(su alice -s /bin/bash -c 'head -1 </dev/tcp/127.0.0.1/8080')" served "... with what it left running"
su alice -s /bin/bash -c 'sleep 1000' >/dev/null 2>&1 &
su=$!
poll_until pgrep -f '^sleep 1000'
kill -KILL $su
wait $su 2>/dev/null
is "$(su alice -c 'cat /tmp/x')" of-ssh "SIGKILL to a login program that joined: the others go on"
echo >/run/bed/go2
poll_until no_sessions
ok $? "the last login ends: so does the instance, with all that ran in it"
! pgrep -f '8080|^sleep 1000'
ok $? "... background jobs of any login"
clean "ends"

# The creator killed while another is in.
su alice -s /bin/bash -c 'echo x >/tmp/x; sleep 1000' >/dev/null 2>&1 &
creator=$!
poll_until pgrep -f '^sleep 1000'
su alice -s /bin/bash -c 'read -r x; cat /tmp/x' <>/run/bed/go >/run/bed/out 2>&1 &
poll_until pgrep -f '^bash -c read'
kill -KILL $creator
wait $creator 2>/dev/null
echo >/run/bed/go
wait $!
is "$(cat /run/bed/out)" x "SIGKILL to the login program that opened it: the second goes on"
clean "creator killed"

# ---- the login program that joins ----

hosts=$(for n in mnt ipc uts pid net time; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')
su alice -s /bin/bash -c 'readlink /proc/self/ns/net; read -r x' <>/run/bed/go >/run/bed/first 2>&1 &
first=$!
poll_until grep -q '^net:' /run/bed/first
for threads in '' 'threads'; do
	[ -z "$threads" ] || policy <<<'[default]
scope = user
uptime = session
hostname = %u-box
[service none]
pid = no'
	log_mark
	# shellcheck disable=SC2086
	seen=$(timeout -s KILL 60 "$TOOLS/caller" pamtest alice $threads 2>&1)
	is "$(grep CHANGED <<<"$seen" | head -5)" "" "joins${threads:+ with two threads}: nothing is changed that is not meant"
	if [ -n "$threads" ] && ! threads_have_clocks; then
		like "$seen" 'open: System error' "... a kernel that would let it start no more threads: denied"
		like "$(log_new)" 'pamtest has threads, .* that it joins .*: write scope = session and time = no under \[service pamtest\], or time = no for all' "... with a word of what to do"
		policy <<<'[default]
scope = user
[service pamtest]
scope = session
time = no'
		seen=$(timeout -s KILL 60 "$TOOLS/caller" pamtest alice threads 2>&1)
		like "$seen" $'close: Success\nclose again: Success' "... which helps"
		continue
	fi
	[ "$(grep -c same <<<"$seen")" -ge 35 ]
	ok $? "... of all that was looked at"
	like "$seen" "inside $(grep ^net: /run/bed/first | sed 's/[][]/\\&/g')" "... a child is in the instance"
	unlike "$(grep '^inside' <<<"$seen")" "$hosts" "... and in nothing of the host's"
	like "$seen" 'inside fds 0' "... without an fd of the caller's"
	like "$seen" $'close: Success\nclose again: Success' "... closes, and closes again"
	[ -n "$threads" ] || is "$(grep -cE "^outside ($hosts)" <<<"$seen")" 6 "... and is back on the host"
done
echo >/run/bed/go
wait $first
clean "a login program that joins"

# ---- a policy that has changed ----

hold() { # opens an instance that stays until a line comes
	rm -f /run/bed/first
	su alice -s /bin/bash -c 'hostname; read -r x' <>/run/bed/go >/run/bed/first 2>&1 &
	HOLDER=$!
	poll_until test -s /run/bed/first
}
release() { echo >/run/bed/go; wait $HOLDER; poll_until no_sessions; }
policy <<<'[default]
scope = user
hostname = before
sysctl.net.ipv4.ip_default_ttl = 33'
hold
log_mark
policy <<<'[default]
scope = user
hostname = after
network = host'
seen=$(su alice -s /bin/bash -c 'hostname; readlink /proc/self/ns/net; cat /proc/sys/net/ipv4/ip_default_ttl')
like "$seen" $'^before\nnet:.*\n33$' "policy changed: the login joins what there is"
unlike "$seen" "$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')" "... all of it"
is "$(log_new | grep -c 'pam_ns(su:session): session for alice: policy changed since instance 2001.1 was opened: it takes effect with the next instance')" 1 \
	"... and the log says so, once"
policy <<<'[default]
scope = user
hostname = before
sysctl.net.ipv4.ip_default_ttl = 33
max_sessions = 5
timeout = 7'
log_mark
su alice -c true
is "$(log_new | grep 'pam_ns(')" "" "keys of the login itself are no change of the instance"
policy <<<'[default]
scope = user
hostname = before
sysctl.net.ipv4.ip_default_ttl = 33
[service pamtest]
scope = session'
seen=$(timeout -s KILL 60 "$TOOLS/caller" pamtest alice 2>&1)
unlike "$(grep '^inside net' <<<"$seen")" "$(su alice -c 'readlink /proc/self/ns/net' | sed 's/[][]/\\&/g')" \
	"a service with scope = session has its own"
release
clean "policy changed"

# ---- max_sessions ----

policy <<<'[default]
scope = user
max_sessions = 3
[service pamtest]
scope = session'
hold
stay_in /run/bed/go2 /run/bed/second
try "max_sessions = 3: a third login" su alice -c true
log_mark
"$TOOLS/crowd" pamtest alice 1 <>/run/bed/go >/run/bed/crowd &
crowd=$!
poll_until grep -q '^opened 1' /run/bed/crowd
ok $? "... of any program, shared or not"
deny "a fourth is denied" su alice -c true
denied_like 'the user has 3 logins already: end one, or raise max_sessions' "max_sessions"
is "$(as alice 'echo in' 2>/dev/null)" "" "... through ssh too"
denied_like 'the user has 3 logins already' "max_sessions: ssh"
try "another user has his own count" su bob -c true
echo >/run/bed/go2
poll_until bash -c '! pgrep -f "^sshd: [a]lice"'
poll_until su alice -c true
ok $? "one ends: another gets in"
for _ in 1 2; do echo >/run/bed/go; done
wait $crowd $HOLDER
poll_until no_sessions
policy <<<'[default]
scope = user
max_sessions = 10'
seen=$("$TOOLS/crowd" pamtest alice 40 together <<<go)
is "$seen" $'opened 10 denied 30 namespaces 1 host 0\nclosed 10' "forty at once with max_sessions = 10: ten"
poll_until no_sessions
clean "max_sessions"

# ---- many ----

policy <<<'[default]
scope = user
timeout = 60'
log_mark
seen=$("$TOOLS/crowd" pamtest alice 100 together <<<go)
is "$seen" $'opened 100 denied 0 namespaces 1 host 0\nclosed 100' "a hundred first logins at once: one instance, a hundred sessions"
clean "a hundred"
seen=$("$TOOLS/crowd" pamtest alice 514 <<<go)
is "$seen" $'opened 512 denied 2 namespaces 1 host 0\nclosed 512' "one instance takes 512 logins"
poll_until bash -c "[ \"\$(grep -c 'has as many logins as it can take' $LOG)\" = 2 ]"
ok $? "... and the log says so of the next"
clean "512"
# 64 files, less what init needs for itself and for who asks it something.
mkfifo -m 666 /run/few
cp /etc/pam.d/su /run/bed/su && sed -i /pam_limits/d /etc/pam.d/su
prlimit --nofile=64:64 capsh --drop=cap_sys_resource -- -c "su alice -c 'read -r x </run/few'" &
exec 7<>/run/few
poll_until pgrep -f 'pam_ns: alice'
seen=$("$TOOLS/crowd" pamtest alice 40 <<<go)
echo >&7
wait $!
exec 7>&-
cp /run/bed/su /etc/pam.d/su
poll_until no_sessions
is "$seen" $'opened 29 denied 11 namespaces 1 host 0\nclosed 29' "one that was opened under a limit of 64 files takes 30"
rm /run/few
clean "64 files"

# ---- what cannot be joined ----

# An init that is stopped: the login waits no longer than its timeout.
policy <<<'[default]
scope = user
timeout = 2'
hold
log_mark
pkill -STOP -f '^pam_ns: alice '
deny "init stopped: denied" timeout 20 su alice -c true
denied_like 'the init of instance 2001.1 does not answer: if it is stopped, continue it, or pam_nsctl end 2001.1 --now' "init stopped"
pkill -CONT -f '^pam_ns: alice '
poll_until su alice -c true
ok $? "init continued: joined"
pkill -KILL -f '^pam_ns: alice '
wait $HOLDER
seen=$(su alice -c 'readlink /proc/self/ns/net; cat /run/pam_ns/session')
like "$seen" '^net:.*2001\.1$' "init killed: a fresh instance in place of the stale one"
unlike "$seen" "$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')" "... isolated"
clean "init killed"

# A helper that hangs: who waits for it waits no longer than his own timeout.
cp -p /usr/libexec/pam_ns_helper /run/bed/helper
cp --remove-destination "$(command -v yes)" /usr/libexec/pam_ns_helper
policy <<<'[default]
scope = user
timeout = 60
[service pamtest]
timeout = 1'
su alice -c true 2>/dev/null &
su=$!
poll_until bash -c 'exec 9</run/pam_ns/2001 && ! flock -n 9' # flock(1) would make a file of that name
log_mark
is "$("$TOOLS/crowd" pamtest alice 1 <<<go)" $'opened 0 denied 1 namespaces 0 host 0\nclosed 0' "a login behind one that hangs: denied"
poll_until log_has 'pam_ns(pamtest'
like "$(log_new | grep 'pam_ns(pamtest')" 'another login of this user has been opening its session for 1 seconds: look for what hangs' "... and told why"
kill -KILL $su
wait $su 2>/dev/null
pkill -KILL -f '^pam_ns: alice ' # what took the helper's place knows nothing of a login program that ends
poll_until bash -c '! pgrep -f "^pam_ns: alice "' # while it lives, the entry does
cp --remove-destination -p /run/bed/helper /usr/libexec/pam_ns_helper
try "... afterwards it works" su alice -c true
clean "a helper that hangs"

# What only looks like an instance: a user's own namespaces, processes and names.
policy <<<'[default]
scope = user'
cat >/run/forge <<-'END'
	exec unshare -r -p -f -n bash -c 'exec -a "pam_ns: alice (su) 2001.1" sleep 1000'
END
chmod 644 /run/forge
setpriv --reuid 2001 --regid 2001 --clear-groups bash /run/forge 2>/dev/null &
forged=$!
poll_until pgrep -f '^pam_ns: alice'
seen=$(su alice -c 'readlink /proc/self/ns/net; ps -e -o args=')
unlike "$seen" 'sleep|unshare' "an instance that a user forged is not joined"
pkill -KILL -f '^pam_ns: alice .* 1000$'
wait $forged 2>/dev/null
clean "forged"
# From within an instance whose mounts are the host's, that instance is joined again.
policy <<<$'[default]\nscope = user\nmount = no\npid = no\nipc = no\nprivate_tmp = no'
su alice -s /bin/bash -c 'readlink /proc/self/ns/net; read -r x' <>/run/bed/go >/run/bed/first 2>&1 &
HOLDER=$!
poll_until grep -q net: /run/bed/first
is "$(nsenter -n -t "$(pgrep -o -u alice bash)" su alice -c 'readlink /proc/self/ns/net' 2>&1)" "$(cat /run/bed/first)" \
	"a login from within the instance that it joins"
release
clean "from within"
policy <<<$'[default]\nscope = user'
# Of another version: left alone until it ends.
hold
printf 0 | dd of=/run/pam_ns/2001/1 bs=1 seek=12 conv=notrunc status=none # "pam_ns-plan 2"
like "$(su alice -c 'cat /run/pam_ns/session')" '2001\.2' "an instance of another version of pam_ns is not joined"
release
clean "another version"
done_testing
