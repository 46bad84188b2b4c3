#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl run and enter: a session without a login, and a shell in one that lives; with su's
# terminal, signals, exit status and working directory.
. "$(dirname "$0")/lib.sh"

SINK=$(jobs -p)
settle() {
	local pid
	for pid in $(jobs -p); do [ "$pid" = "$SINK" ] || wait "$pid"; done 2>/dev/null
}
policy <<'END'
[default]
hostname = %u-%s
END
own_net=$(readlink /proc/self/ns/net)

# ---- run: as su ----
seen=$(pam_nsctl run alice -- sh -c 'id; hostname; echo "$HOME $USER $LOGNAME $SHELL $PATH"; echo $PAM_NS_SESSION; readlink /proc/self/ns/net; cat /run/pam_ns/session')
is "$(sed -n 1p <<<"$seen")" "uid=2001(alice) gid=2001(alice) groups=2001(alice),2901(students)" "run: the user, with all groups"
is "$(sed -n 2p <<<"$seen")" alice-sshd "... in a session by the policy"
is "$(sed -n 3p <<<"$seen")" "/home/alice alice alice /bin/bash /usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games" "... the user's environment"
is "$(sed -n 4p <<<"$seen")" 2001.1 "... PAM_NS_SESSION"
isnt "$(sed -n 5p <<<"$seen")" "$own_net" "... in namespaces of its own"
is "$(sed -n 6p <<<"$seen")" 2001.1 "... which know whose they are"
is "$(pam_nsctl run alice --service cron -- hostname)" alice-cron "--service"
echo $'[default]\nhostname = other' >/etc/other.conf
is "$(pam_nsctl run alice --conf /etc/other.conf -- hostname)" other "--conf"
is "$(cd /usr/share && pam_nsctl run alice -- pwd)" /usr/share "the working directory is kept"
seen=$(FOO=bar LD_PRELOAD='' BASH_ENV=/etc/passwd pam_nsctl run alice -- env)
unlike "$seen" 'FOO|LD_PRELOAD|BASH_ENV' "the caller's environment is not handed on"
is "$(pam_nsctl run alice -- bash -c 'echo /proc/self/fd/*' 3</etc 4</root)" "$(pam_nsctl run alice -- bash -c 'echo /proc/self/fd/*')" "... nor its open files"
pam_nsctl run alice -- sh -c 'exit 42'
is $? 42 "the exit status"
pam_nsctl run alice -- bash -c 'kill -TERM $$'
is $? 143 "a signal's exit status"
pam_nsctl run alice -- nosuchcommand 2>/run/bed/err
is $? 127 "no such command: 127"
is "$(cat /run/bed/err)" "pam_nsctl: run: nosuchcommand: No such file or directory" "... and a line"
pam_nsctl run alice -- /etc/passwd 2>/dev/null
is $? 126 "no program: 126"
is "$(echo 'through a pipe' | pam_nsctl run alice -- cat)" 'through a pipe' "standard input and output"
is "$(echo 'echo $0; shopt -q login_shell && echo login; exit 9' | pam_nsctl run alice)" $'-bash\nlogin' "without a command: a login shell"
is "$(pam_nsctl run alice -- sh -c 'nohup sleep 1001 >/dev/null 2>&1 & echo $!' | wc -l)" 1 "a job left behind"
poll_until bash -c '! pgrep -f "^sleep 1001"'
ok $? "... ends with the session"
clean "run"

# What a login would be denied for.
policy <<<$'[default]\nuts = maybe'
log_mark
seen=$(pam_nsctl run alice -- true 2>&1)
is "$?/$seen" "2/pam_nsctl: /etc/security/pam_ns.conf:2: uts: 'maybe' is not a value of this key: write yes or no" "a broken policy: 2 and the mistake"
policy <<<$'[default]\nmax_sessions = 1\n[user bob]\nisolate = no'
pam_nsctl run alice -- sleep 1000 &
poll_until pgrep -f '^sleep 1000'
seen=$(pam_nsctl run alice -- true 2>&1)
is $? 2 "denied: 2"
like "$seen" '^pam_nsctl: run: session for alice denied: the user has 1 logins already' "... and why"
pam_nsctl end alice >/dev/null
settle
seen=$(pam_nsctl run bob -- readlink /proc/self/ns/net 2>/run/bed/err)
is "$seen" "$own_net" "isolate = no: left alone"
like "$(cat /run/bed/err)" 'note: isolate = no: bob is left alone' "... and says so"
mv /usr/libexec/pam_ns_helper /usr/libexec/away
deny "no helper: denied" pam_nsctl run alice -- true
mv /usr/libexec/away /usr/libexec/pam_ns_helper
policy </dev/null
clean "denied"

# Signals end the session, whatever the command thinks of them.
for sig in TERM HUP INT; do
	pam_nsctl run alice -- bash -c 'echo up; exec sleep 1000' >/run/bed/out &
	poll_until grep -q up /run/bed/out
	kill -$sig $!
	wait $!
	is $? $((128 + $(kill -l $sig))) "SIG$sig to run: passed on"
	: >/run/bed/out
	clean "SIG$sig"
done
pam_nsctl run alice -- bash -c 'trap "" TERM; echo up; while :; do sleep 1000; done' >/run/bed/out &
poll_until grep -q up /run/bed/out
kill -TERM $!
wait $!
is $? 137 "SIGTERM that is not obeyed: SIGKILL follows"
clean "SIGTERM, then SIGKILL"
pam_nsctl run alice -- bash -c 'echo up2; exec sleep 1000' >/run/bed/out &
poll_until grep -q up2 /run/bed/out
kill -KILL $!
wait $! 2>/dev/null
poll_until no_sessions
ok $? "SIGKILL to run: the session ends"
clean "SIGKILL"
for ((i = 0; i < 30; i++)); do
	timeout -s TERM "0.0$((i / 10))$((i % 10))" pam_nsctl run alice -- sleep 0.05 >/dev/null 2>&1
done
poll_until no_sessions
ok $? "SIGTERM at any moment of opening and closing leaves nothing"
clean "SIGTERM at any moment"

# ---- run: on a terminal ----
type_in() { timeout 60 "$TOOLS/ptyrun" 30 "$@" 2>&1 | tr -d '\r'; }
cat >/run/script <<'END'
set -m
stty rows 33 cols 77
pam_nsctl run alice -- bash -c 'trap "echo re-\$((1+1))" CONT; stty size; echo up-$(tty); sleep 1000 & wait; wait'
echo "stopped:$?"
fg
echo "after:$?"
pam_nsctl run alice -- bash -c 'echo piped; exec sleep 1000' </dev/null
echo "plain:$?"
pam_nsctl run alice
echo "shell:$?"
stty -a </dev/tty | grep -qw -- -icanon && echo raw
read -r x </dev/tty && echo "got:$x"
END
seen=$(type_in up- $'\032' re-2 $'\003' piped $'\003' '$ ' 'sleep 1001 & jobs; kill %1; echo $((6*7)); tty; exit 5' shell: mine -- bash /run/script)
like "$seen" 'up-/dev/pts/[0-9]+' "terminal: the command has one"
like $'\n'"$seen" $'\n33 77\n' "... of the size of root's"
like "$seen" 'stopped:(147|148)' "terminal: Ctrl-Z stops run, as a job of the shell"
like "$seen" $'\nre-2\n' "... and fg lets it go on"
like "$seen" 'after:130' "terminal: Ctrl-C"
like "$seen" 'plain:130' "... without a terminal as stdin, too"
like "$seen" 'Running +sleep 1001' "... job control in a shell"
like "$seen" 42 "... which works"
like "$seen" 'shell:5' "... and its exit status"
unlike "$seen" $'\nraw' "the terminal is as it was"
like "$seen" 'got:mine' "... and the script's again"
clean "run on a terminal"

# The terminal inside is not root's: nothing can be typed into that (TIOCSTI).
cat >/run/inject <<'END'
tty
perl -e 'ioctl(STDIN, 0x5412, $_) for split //, "echo injected\n"; open(my $t, "+<", "/dev/tty"); ioctl($t, 0x5412, "x")'
echo done
END
chmod 644 /run/inject
cat >/run/script <<'END'
echo "outer $(tty)"
pam_nsctl run alice -- bash /run/inject
echo next
read -r -t 1 line </dev/tty; echo "read:$line"
END
seen=$(type_in -- bash /run/script)
like "$seen" 'done' "a program that types into its terminal"
like "$seen" $'\nread:$' "... types nothing into root's"
isnt "$(sed -n 's/^outer //p' <<<"$seen")" "$(grep -v outer <<<"$seen" | grep -m1 /dev/pts)" "... which is another"
seen=$(type_in -- pam_nsctl run alice -- bash -c 'ls -l $(tty) | cut -d " " -f 3; echo x >/dev/tty && echo opened')
like "$seen" 'alice' "the terminal is the user's"
like "$seen" opened "... by name, too"
seen=$(type_in -- pam_nsctl run alice -- bash -c 'for ((i = 0; i < 20000; i++)); do echo "line $i"; done; echo last')
is "$(grep -c '^line ' <<<"$seen")$(tail -1 <<<"$seen")" 20000last "all output comes, to the end"
clean "terminals"

# ---- enter ----
policy <<<$'[default]\nhostname = %u-%s'
su alice -s /bin/bash -c 'exec sleep 1000' </dev/null >/dev/null 2>&1 &
login=$!
poll_until pgrep -f '^sleep 1000'
inside=$(readlink "/proc/$(pgrep -f '^sleep 1000')/ns/net")
seen=$(pam_nsctl enter alice -- bash -c 'id -u; hostname; pwd; readlink /proc/self/ns/net; ps -e -o args=; echo $HOME $USER $SHELL $PAM_NS_SESSION')
is "$(sed -n 1,4p <<<"$seen")" $'0\nalice-su\n/\n'"$inside" "enter: root, inside"
like "$seen" $'\npam_ns: alice \(su\) 2001.1\nsleep 1000\n' "... sees its processes"
like "$seen" $'\n/root root /bin/[a-z]*sh 2001.1$' "... with root's environment"
for ns in mnt ipc uts pid time net; do
	is "$(pam_nsctl enter 2001.1 -- readlink /proc/self/ns/$ns)" "$(readlink "/proc/$(pgrep -f '^sleep 1000')/ns/$ns")" "enter: the session's $ns"
done
seen=$(pam_nsctl enter alice --user -- bash -c 'id -un; pwd; hostname; echo $HOME')
is "$(sed -n 1,3p <<<"$seen")" $'alice\n/home/alice\nalice-su' "enter --user: the user, at home"
is "$(echo 'shopt -q login_shell && echo login' | pam_nsctl enter alice --user)" login "... without a command: a login shell"
is "$(pam_nsctl enter alice --user -- cat /proc/self/status | grep -E 'Cap(Inh|Prm|Eff|Amb)' | grep -vc 0000000000000000)" 0 "... without capabilities"
pam_nsctl enter alice -- sh -c 'exit 43'
is $? 43 "enter: the exit status"
pam_nsctl enter alice -- nosuchcommand 2>/dev/null
is $? 127 "... no such command"
is "$(pam_nsctl enter alice -- bash -c 'echo /proc/self/fd/*' 3</etc 4</root)" "$(pam_nsctl enter alice -- bash -c 'echo /proc/self/fd/*')" "... no open file of the caller's"
like "$(pam_nsctl list)" $'\n2001.1 +alice +su +1 +1 ' "enter is no login: one leader as before"
seen=$(type_in '# ' 'echo $((6*7)); sleep 1001 & jobs; kill %1; exit 6' -- bash -c 'pam_nsctl enter alice; echo "status:$?"')
like "$seen" 42 "enter: a shell on a terminal"
like "$seen" 'Running' "... with job control"
like "$seen" 'status:6' "... and its exit status"

# Its end is the session's end.
pam_nsctl enter alice -- sh -c 'echo up3; exec sleep 1002' >/run/bed/out 2>&1 &
poll_until grep -q up3 /run/bed/out
entered=$!
kill -KILL $login
wait $entered
like "$?" '^(129|137|143)$' "the session ends: so does what entered it"
like "$(cat /run/bed/out)" 'note: 2001.1 has ended' "... and that is said"
settle
clean "enter"

# Whom the registry and init do not confirm is not joined: processes that look like an instance.
su bob -s /bin/bash -c "exec -a 'pam_ns: alice (su) 2001.1' unshare -Ur sleep 1003" </dev/null >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1003'
seen=$(pam_nsctl enter alice -- true 2>&1)
is "$?/$seen" "2/pam_nsctl: alice has no session: see pam_nsctl list" "a process that looks like alice's init is not joined"
pam_nsctl end bob >/dev/null
settle

# A uid that is another user's by now.
add_user gone 2200
su gone -s /bin/bash -c 'exec sleep 1004' </dev/null >/dev/null 2>&1 &
poll_until pgrep -f '^sleep 1004'
sed -i 's/^gone:x:2200:/gone:x:2201:/' /etc/passwd
seen=$(pam_nsctl enter 2200.1 --user -- id 2>&1)
is $? 2 "enter --user of a user who has another uid by now"
like "$seen" "2200.1 is gone's, who has another uid by now" "... says so"
try "... root may" pam_nsctl enter 2200.1 -- true
pam_nsctl end 2200.1 >/dev/null
settle
sed -i '/^gone:/d' /etc/passwd /etc/shadow /etc/group
rm -rf /home/gone
clean "all"
done_testing
