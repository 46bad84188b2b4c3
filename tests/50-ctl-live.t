#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl list, status, end: of real sessions, and of a registry that is not as pam_ns left it.
# shellcheck disable=SC2001 # sed on one line of several
. "$(dirname "$0")/lib.sh"

R=/run/pam_ns
SINK=$(jobs -p)
settle() { # waits for all that was started in the background
	local pid
	for pid in $(jobs -p); do [ "$pid" = "$SINK" ] || wait "$pid"; done 2>/dev/null
}
# open_session USER COMMAND: in the background; its own login program is $!.
open_session() { su "$1" -s /bin/bash -c "$2" </dev/null >/dev/null 2>&1 & }
# field KEYS: of the JSON on stdin, by perl's own reader of it.
field() { perl -MJSON::PP -e 'undef $/; binmode STDOUT, q(:utf8); my $d = decode_json(<STDIN>); print join(",", map { my $i = $_; map { my $v = $i->{$_}; ref $v ? "[@$v]" : defined $v ? $v : "null" } @ARGV } @$d), "\n"' "$@"; }
list_has() { pam_nsctl list | grep -qE "$1"; }

policy <<'END'
[default]
hostname = %u-box
[user bob]
uts = no
network = host
pid = no
END
is "$(pam_nsctl list)" "ID  USER  SERVICE  LEADERS  PROCS  MEM  AGE  HOSTNAME  NETWORK  LINGER" "no session: a heading alone"
is "$(pam_nsctl list --json | tr -d ' \n')" '[]' "... and an empty array"
open_session alice 'sleep 1000 & (trap "" HUP TERM; exec -a deaf sleep 1001) & wait'
alice=$!
open_session bob 'exec sleep 1002'
bob=$!
poll_until pgrep -f '^sleep 1002'
poll_until pgrep -f '^deaf'

# ---- list ----
seen=$(pam_nsctl list 2>&1)
is $? 0 "list"
like "$seen" $'\n2001.1 +alice +su +1 +3 +[0-9.]+[KM] +[0-9]+[sm] +alice-box +loopback +' "alice's: id, user, service, leaders, processes, memory, age, hostname, network"
like "$seen" $'\n2002.1 +bob +su +1 +[0-9]+ +[0-9.]+[KM] +[0-9]+[sm] +- +host +' "bob's, without a hostname of its own"
is "$(wc -l <<<"$seen")" 3 "... and no other"
json=$(pam_nsctl list --json)
is "$(field id uid user services state leaders hostname network <<<"$json")" \
	'2001.1,2001,alice,[su],running,1,alice-box,loopback,2002.1,2002,bob,[su],running,1,null,host' "list --json"
init=$(pgrep -f 'pam_ns: alice')
is "$(field init <<<"$json" | cut -d, -f1)" "$init" "... init's pid"
is "$(field processes <<<"$json" | cut -d, -f1)" 3 "... processes"
[ "$(field memory <<<"$json" | cut -d, -f1)" -gt 100000 ]
ok $? "... memory in bytes"
is "$(perl -MJSON::PP -e 'undef $/; print join ",", sort keys %{decode_json(<STDIN>)->[0]}' <<<"$json")" \
	"age,hostname,id,init,leaders,linger,memory,network,processes,services,state,uid,user" "... and nothing else: the format is stable"

# ---- status ----
seen=$(pam_nsctl status 2001.1 2>&1)
is $? 0 "status"
is "$(pam_nsctl status alice | grep -v 'running for\|^  [0-9. ]*leader')" "$(grep -v 'running for\|^  [0-9. ]*leader' <<<"$seen")" "... by name"
is "$(pam_nsctl status 2001 | head -3 | tail -1)" Namespaces "... by uid"
like "$seen" '^2001.1  alice \(2001\) through su, running for [0-9]+ (s|min)'$'\n''  1 leader, .*, hostname alice-box'$'\n' "what it is"
for ns in mnt ipc uts pid time net cgroup; do
	like "$seen" $'\n'"  $ns +$(readlink "/proc/$init/ns/$ns" | tr -dc 0-9) +" "namespace $ns by its inode"
done
like "$seen" $'\n''  net +[0-9]+ +its own' "... the session's own"
like "$seen" $'\n''  cgroup +[0-9]+ +the host.s' "... the host's"
like "$seen" $'\n'" +$init +1 +root +pam_ns: alice \(su\) 2001.1"$'\n' "the process tree: init"
like "$seen" $'\n'" +$(pgrep -f '^deaf') +[0-9]+ +alice +deaf 1001"$'\n' "... a job, by both its numbers"
shell=$(grep -n ' alice *bash -c' <<<"$seen" | cut -d: -f1)
like "$(sed -n "$((shell + 1))p" <<<"$seen")" '^ +[0-9]+ +[0-9]+ +alice +  (sleep|deaf)' "... below the shell that began it"
for target in /tmp /var/tmp /proc /dev/shm /run/pam_ns; do
	like "$seen" $'\n'"  $target +[a-z]+ +r[wo]," "a mount that the host has not: $target"
done
unlike "$seen" $'\n''  /run +' "... and none that it has"
for value in hostname=alice-box network=loopback kill_grace=1; do
	like "$seen" "  $value" "the plan: $value"
done
like "$seen" $'Policy\n  the same as when it was opened$' "the policy is the same"
is "$(awk 'length > 80' <<<"$seen" | grep -v '^  [^ ]' | head -1)" "" "... in 80 columns"
policy <<<$'[default]\nhostname = %u-new\n[user alice]\nkill_grace = 2'
seen=$(pam_nsctl status alice)
like "$seen" "hostname: was alice-box, is now alice-new \(/etc/security/pam_ns.conf:2\)" "a policy that has changed: what, and where"
like "$seen" "kill_grace: was 1, is now 2 \(/etc/security/pam_ns.conf:4\)" "... each key"
unlike "$seen" 'network: was' "... and no other"
policy <<<'nonsense'
like "$(pam_nsctl status alice 2>&1)" 'pam_ns.conf:1: .*Policy.*cannot be read now|cannot be read now' "a policy that is broken now"
policy <<<$'[default]\nhostname = %u-box'

# What listens inside.
listen='my $t = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:8080") or die; my $u = IO::Socket::UNIX->new(Listen => 1, Local => "/tmp/in.side") or die; print "x"; sleep 1000'
su alice -s /bin/bash -c "perl -MIO::Socket::INET -MIO::Socket::UNIX -e '\$| = 1; $listen'" </dev/null >/run/bed/listening 2>&1 &
poll_until test -s /run/bed/listening
seen=$(pam_nsctl status 2001.2)
like "$seen" $'\n  tcp +127.0.0.1:8080\n' "a listening socket"
like "$seen" $'\n  unix +/tmp/in.side\n' "... by path"
unlike "$(pam_nsctl status 2001.1)" '8080|in.side' "... in that session alone"
like "$(pam_nsctl status bob)" "network = host: the host's" "network = host: not told as the session's"
is "$(pam_nsctl status alice | grep -c '^2001\.[12]  alice')" 2 "status of a user: all sessions"

# ---- end ----
pam_nsctl enter alice -- true >/run/bed/out 2>&1
is $? 2 "a user with two sessions: enter wants one of them named"
like "$(cat /run/bed/out)" 'alice has 2 sessions: name one of them: 2001.1 to 2001.2' "... and says which"
seen=$(pam_nsctl end 2001.2 2>&1)
is $? 0 "end"
like "$seen" '^2001.2 \(alice, su\) has ended: [12] process' "it says what has ended"
like "$seen" '  ended +[0-9]+ +[0-9]+ s +perl ' "... and the processes"
! list_has '^2001\.2'
ok $? "... and it is gone"
list_has '^2001\.1 '
ok $? "... the other is not"
deaf=$(pgrep -f '^deaf')
seen=$(pam_nsctl end alice 2>&1)
is $? 0 "end of a user's, with a job that does not obey"
like "$seen" "  killed +$deaf +[0-9]+ s +deaf 1001" "... it is killed, by kill_grace"
like "$seen" "  ended +[0-9]+ +[0-9]+ s +sleep 1000" "... what obeys has ended"
wait $alice
isnt $? 0 "... the login program sees its shell end"
seen=$(pam_nsctl end bob 2>&1)
is $? 0 "end without a pid namespace"
like "$seen" '  ended +[0-9]+ +[0-9]+ s +sleep 1002' "... ends the user's processes"
wait $bob 2>/dev/null
clean "end"
policy <<<$'[default]\nkill_grace = 600'
open_session alice '(trap "" HUP TERM; exec -a deaf sleep 1001) & wait'
open_session alice 'exec sleep 1003'
poll_until pgrep -f '^deaf'
poll_until pgrep -f '^sleep 1003'
seen=$(timeout 60 pam_nsctl end alice --now 2>&1)
is $? 0 "end --now does not wait for kill_grace"
like "$seen" '  killed +[0-9]+ +[0-9]+ s +deaf 1001' "... everything is killed"
is "$(grep -c 'has ended' <<<"$seen")" 2 "... in all the user's sessions"
settle
clean "end --now"

# An init that is stopped cannot be asked.
for keys in 'pid = yes' 'pid = no'; do
	policy <<<"[default]
$keys"
	open_session bob 'exec sleep 1005'
	open_session alice 'exec sleep 1004'
	poll_until pgrep -f '^sleep 1004'
	poll_until pgrep -f '^sleep 1005'
	open_session alice "$(printf '#%.0s' {1..50})
		exec -a 'pam_ns: alice (su) 2001.1' sleep 1006" # looks like one
	poll_until pgrep -f 'su. 2001.1 1006'
	init=$(pam_nsctl list --json | perl -MJSON::PP -e 'undef $/; print map { $_->{init} } grep { $_->{id} eq "2001.1" } @{decode_json(<STDIN>)}')
	kill -STOP "$init"
	like "$(timeout 20 pam_nsctl end 2001.1 2>&1)" '2001.1: its init does not answer: try again, or end it with pam_nsctl end --now' "$keys, init stopped: end says what to do"
	seen=$(timeout 20 pam_nsctl end 2001.1 --now 2>&1)
	is $? 0 "... end --now ends it" || diag "$seen"
	like "$seen" '^2001.1 .alice, su. has ended: [12] process.*  killed +[0-9]+ +[0-9]+ s +sleep 1004' "... and says what went"
	! pgrep -f '^sleep 1004' >/dev/null && pgrep -f '^sleep 1005' >/dev/null && pgrep -f 'su. 2001.1 1006' >/dev/null
	ok $? "... and nothing else"
	[ ! -e $R/2001/1 ] && [ ! -e $R/2001/1.socket ] && [ -e $R/2001/2.socket ]
	ok $? "... its entry is gone, the other's is there" || diag "$(find $R)"
	is "$(pam_nsctl list | sed 1d | cut -d' ' -f1)" $'2001.2\n2002.1' "... those live"
	is "$(su alice -c 'cat /run/pam_ns/session')" 2001.3 "... and the next login is a fresh one"
	pam_nsctl end alice --now >/dev/null
	pam_nsctl end bob --now >/dev/null
	settle
	clean "init stopped, $keys"
done
policy <<<$'[default]\nkill_grace = 600'
clean "end --now"
policy </dev/null

# ---- names are data ----
odd=$'x"\\<\xc3\xa9\xff'
add_user 1.2 2100
add_user "$odd" 2101
su 1.2 -s /bin/bash -c 'exec sleep 1000' >/dev/null 2>&1 &
su "$odd" -s /bin/bash -c $'exec -a \'\e[31m"\\\n\' sleep 1000' >/dev/null 2>&1 &
poll_until test -S $R/2100/1.socket
poll_until test -S $R/2101/1.socket
poll_until bash -c '[ "$(pam_nsctl list | wc -l)" = 3 ]'
is "$(pam_nsctl list --json | field user)" $'1.2,x"\\<\xc3\xa9\xef\xbf\xbd' "odd names in JSON, of which perl's reader takes none amiss"
like "$(pam_nsctl status 2100.1)" '^2100.1  1.2 \(2100\)' "a user called 1.2, by id"
unlike "$(pam_nsctl status 2101.1; pam_nsctl list; pam_nsctl end 2101)" $'\e' "a process's name sends nothing to the terminal"
pam_nsctl end 2100 >/dev/null
settle
sed -i '/^1\.2:/d; /^x"/d' /etc/passwd /etc/shadow /etc/group
rm -rf /home/1.2 "/home/${odd:?}"
clean "odd names"

# A user who is gone from NSS while logged in.
add_user gone 2200
open_session gone 'exec sleep 1000'
poll_until pgrep -f '^sleep 1000'
sed -i '/^gone:/d' /etc/passwd
list_has '^2200.1 +gone '
ok $? "a user who is gone is listed"
seen=$(pam_nsctl status 2200.1 2>&1)
like "$seen" '^2200.1  gone |NSS knows no such user' "... has a status"
like "$seen" 'cannot be read now' "... but no policy any more"
try "... and can be ended by uid" pam_nsctl end 2200
settle
rm -rf /home/gone
clean "a user who is gone"

# ---- a registry that is not as pam_ns left it ----
plan=$(pam_nsctl show alice | sed 's/^id=.*/id=2001.7/')
before() { find $R | sort; }
bad_entry() { # REGEX NAME: of entry 2001.7, made by the caller
	local files
	files=$(before)
	pam_nsctl list >/run/bed/out 2>/run/bed/err </dev/null
	is $? 2 "$2: list: 2"
	is "$(grep -c . /run/bed/err)" 1 "... one line"
	like "$(cat /run/bed/err)" "^pam_nsctl: .*$1" "... that says what to do"
	is "$(wc -l </run/bed/out)" 2 "... and lists what lives"
	for verb in status enter end; do
		timeout 20 pam_nsctl $verb 2001.7 >/run/bed/out 2>&1 </dev/null
		is "$?$(grep -c . /run/bed/out)" 21 "... $verb: 2 and one line"
		like "$(cat /run/bed/out)" "^pam_nsctl: .*$1" "... the same"
	done
	is "$(before)" "$files" "... nothing is changed"
	rm -rf $R/2001/7 $R/2001/7.socket
}
open_session bob 'exec sleep 1000'
poll_until pgrep -f '^sleep 1000'
mkdir -m 700 $R/2001
echo "$plan" >$R/2001/7
bad_entry '2001.7: its init is gone: the next login' "a dead entry"
ln -s /etc/passwd $R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made .*remove it' "a symlink"
mkfifo $R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made' "a FIFO"
mkdir $R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made' "a directory"
mknod $R/2001/7 c 1 5
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made' "a device"
head -c 5000 /dev/urandom >$R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made \(the plan is of another version' "garbage"
head -c 200000 /dev/zero >$R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made \(too long' "too much garbage"
sed '1s/.$/9/' <<<"$plan" >$R/2001/7
bad_entry 'the plan is of another version' "a plan of another version"
sed 's/^uts=.*/uts=maybe/' <<<"$plan" >$R/2001/7
bad_entry '/run/pam_ns/2001/7 is not what pam_ns made' "a plan with an unknown value"
sed 's/^id=.*/id=2001.8/' <<<"$plan" >$R/2001/7
bad_entry 'the plan of another instance' "another instance's plan"
sed 's/^uid=.*/uid=2002/' <<<"$plan" >$R/2001/7
bad_entry 'the plan of another instance' "another user's plan"
echo "$plan" >$R/2001/7
chown bob $R/2001/7
bad_entry 'others than root can write it' "a plan that is not root's"
echo "$plan" >$R/2001/7
ln -s ../2002/1.socket $R/2001/7.socket
bad_entry '/run/pam_ns/2001/7.socket is not an init of pam_ns' "a symlink to another's socket"
echo "$plan" >$R/2001/7
ln $R/2002/1.socket $R/2001/7.socket
bad_entry '/run/pam_ns/2001/7.socket is not an init of pam_ns' "another's socket"
serve() { # CODE: as root, a socket that answers with it
	echo "$plan" >$R/2001/7
	perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die; bind $s, pack_sockaddr_un(shift) or die; listen $s, 5 or die;
		while (accept my $c, $s) { eval shift // "" if 0; '"$1"' }' $R/2001/7.socket &
	server=$!
	poll_until test -S $R/2001/7.socket
}
serve 'sysread $c, my $x, 2000; syswrite $c, "x" x 1024;'
bad_entry '/run/pam_ns/2001/7.socket is not an init of pam_ns' "a socket that says something else"
kill $server
serve 'sysread $c, my $x, 2000; syswrite $c, pack("LLLa1012", 9, 0, 0, "id=2001.7\n");'
bad_entry '/run/pam_ns/2001/7.socket is not an init of pam_ns' "an answer without init's pidfd"
kill $server
serve 'sysread $c, my $x, 2000; push our @keep, $c; undef $c;'
bad_entry '2001.7: its init does not answer' "a socket that says nothing"
kill $server
serve 'close $c;'
bad_entry '2001.7: its init is gone' "a socket that hangs up"
kill $server
wait $server 2>/dev/null
: >$R/2001/7
is "$(pam_nsctl list 2>&1 | wc -l)" 2 "an entry that is just being made: list waits for no one"
like "$(pam_nsctl status 2001.7 2>&1)" '2001.7 is being opened, or was never: try again' "... status says so"
rm -r $R/2001
ln -s 2002 $R/2001
pam_nsctl list >/run/bed/out 2>/run/bed/err
is "$?$(grep -c . /run/bed/err)$(wc -l </run/bed/out)" 212 "a symlink for a user's directory"
like "$(cat /run/bed/err)" '/run/pam_ns/2001 is not a directory that pam_ns made: remove it' "... says so"
like "$(pam_nsctl end 2001.1 2>&1)" '/run/pam_ns/2001 is not a directory' "... and is not followed"
list_has '^2002.1 ' 2>/dev/null
ok $? "... bob's lives"
rm $R/2001
chmod 777 $R
pam_nsctl list >/run/bed/out 2>/run/bed/err
is "$?$(grep -c . /run/bed/err)" 21 "a registry that others can write"
chmod 700 $R
mkdir $R/x $R/01 $R/99999999999
touch $R/2002/x $R/2002/01
is "$(pam_nsctl list 2>&1 | wc -l)" 2 "what is no entry by its name is none"
rm -r $R/x $R/01 $R/99999999999 $R/2002/x $R/2002/01

# ---- an instance that ends while it is looked at ----
for ((i = 0; i < 30; i++)); do su alice -s /bin/bash -c 'sleep 0.0$((RANDOM % 10))' </dev/null & done >/dev/null 2>&1
bad=0
expected='its init is gone|has ended|no session|no such instance|being opened|does not answer'
while kill -0 $! 2>/dev/null; do
	pam_nsctl list --json 2>/run/bed/err | field id >/dev/null || bad=1
	pam_nsctl status alice >/dev/null 2>>/run/bed/err
	grep -vE "$expected" /run/bed/err >&2 && bad=1
done
is $bad 0 "sessions that come and go are listed, or are not, and never broken"
pam_nsctl end bob >/dev/null
settle
no_sessions
ok $? "no session is left"
clean "all"
done_testing
