#!/bin/bash
# SPDX-License-Identifier: MIT
# Who gets which policy, and what becomes of a policy that cannot be understood.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
D=/etc/security/pam_ns.d
name_of() { su "$1" -s /bin/sh -c hostname 2>&1; } # the value that won, seen from inside
named() { is "$(name_of "${3:-alice}")" "$1" "$2"; }

# ---- layering ----
policy <<'END'
[default]
hostname = default
[user bob]
hostname = bob
[default]
END
log_mark
deny "a doubled [default]: denied" su alice -c true
denied_like "$CONF:5: doubled section default, first in line 1" "a doubled section"

policy <<'END'
# a comment
[default]
hostname = default       ; a comment behind
[user bob]
hostname = "bob"         # quoted
[group students]
hostname = student
[uid 2003]
hostname = carol
[gid 2004]
hostname = dave
[group students service pamtest]
hostname = student-at-pamtest
[user alice service other]
hostname = never
END
named student "[group]: by NSS"
named bob "[user]" bob
named carol "[uid]" carol
named dave "[gid]: the primary group" Dave
printf '[group students user alice]\nhostname = later\n' | policy $D/20-b.conf
printf '[user alice]\nhostname = earlier\n[default]\ntmp_size = 4M\n' | policy $D/10-a.conf
printf 'no [ini at all' | policy $D/ignored.txt
printf 'no [ini at all' | policy $D/.hidden.conf
named later "pam_ns.d: in the order of names, the later value wins"
is "$(su alice -c 'findmnt -nbo SIZE --mountpoint /tmp | tail -1')" 4194304 "... and what it leaves alone stays"
printf '[default]\nhostname = own\n' | policy $D/users/alice.conf
named own "users/NAME.conf comes last"
named bob "... for that user alone" bob
printf '[default]\nhostname = own-%%u-%%U-%%g-%%s\n' | policy $D/users/Dave.conf
named own-Dave-2004-2004-su "users/Dave.conf, and templates" Dave
rm -rf ${D:?}/*.conf $D/users/*.conf
policy <<<'[user dave]
hostname = folded'
named bed "Dave is not [user dave]" Dave
policy <<<'[user Dave]
hostname = folded'
log_mark
deny "[user Dave]: an error" su alice -c true
denied_like "$CONF:1: \[user Dave\]: a name in upper case .*\[uid N\].*users/NAME.conf" "an upper-case name"

mkdir -p /etc/other.d
echo '[default]
hostname = other' | policy /etc/other.conf
echo '[default]
domainname = other.d' | policy /etc/other.d/x.conf
stack su conf=/etc/other.conf
is "$(su alice -s /bin/sh -c 'hostname; cat /proc/sys/kernel/domainname')" $'other\nother.d' "conf=: another file, with its own .d"
stack su
policy <<<'[default]
isolate = no
[user bob]
isolate = yes'
is "$(su alice -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "isolate = no: left alone"
isnt "$(su bob -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "... and bob is not"
clean "layering"

# ---- mistakes: each denies, in one line, with its place; root and the exempt group get in ----
stack su exempt_group=rescue
wrong() { # NAME REGEX: policy on stdin
	policy
	log_mark
	deny "$1: denied" su alice -c true
	denied_like "$2" "$1"
}
wrong "unknown section" "$CONF:1: unknown section \[usr bob\]: did you mean user" <<<'[usr bob]'
is "$(su root -c 'echo in')" in "root gets in"
is "$(su carol -c 'echo in')" in "a member of the exempt group gets in"
wrong "unknown key" "$CONF:2: unknown key isolat: did you mean isolate" <<<$'[default]\nisolat = yes'
wrong "unknown value" "$CONF:2: propagation: 'slav' is not a value.*did you mean slave" <<<$'[default]\npropagation = slav'
wrong "unknown value for somebody else" "$CONF:2: pid: 'maybe'.*yes or no" <<<$'[user bob]\npid = maybe'
wrong "doubled key" "$CONF:3: doubled key pid, first in line 2" <<<$'[default]\npid = no\nPID = no'
wrong "doubled section, another form" "$CONF:2: \[service su user bob\]: doubled section, first in line 1" \
	<<<$'[user bob service su]\n[service su user bob]'
wrong "text before the first section" "$CONF:1: text before the first section: write \[default\]" <<<'pid = no'
wrong "a line of over 1000 bytes" "$CONF:2: a line of over 1000 bytes" < <(printf '[default]\n#%01001d\n' 0)
wrong "a NUL byte" "$CONF:2: a NUL byte" < <(printf '[default]\nhostname = a\0b\n')
wrong "neither section nor value" "$CONF:2: neither" <<<$'[default]\nisolate'
wrong "an open header" "$CONF:1: malformed header" <<<'[default'
wrong "text behind a header" "$CONF:1: malformed header" <<<'[default] # x'
wrong "an open quote" "$CONF:2: a quote is not closed" <<<$'[default]\nhostname = "x'
wrong "an open quote in a header" "$CONF:1: .*quote is not closed" <<<'[user "bob]'
wrong "a name is missing" "$CONF:1: .*a name is missing" <<<'[user]'
wrong "a number that is none" "$CONF:1: .*not a number" <<<'[uid bob]'
wrong "two users at once" "$CONF:1: .*two of a kind" <<<'[user alice user bob]'
wrong "a trailing backslash" "$CONF:2: ends in a backslash" <<<$'[default]\n# comment \\\nisolate = no'
wrong "a contradiction" "$CONF:2: pid = yes needs mounts" <<<$'[default]\nmount = no'
wrong "isolation of nothing" "$CONF:2: isolate = yes with every namespace off" <<<$'[default]\nmount = no\nipc = no\nuts = no\npid = no\ntime = no\nnetwork = host\nprivate_tmp = no\n'
wrong "a sysctl of the whole machine" "$CONF:2: .*kernel.hostname is the whole machine's" <<<$'[default]\nsysctl.kernel.hostname = x'
wrong "a label where none is" "$CONF:2: .*no labels" <<<$'[default]\nhostname.x = x'
wrong "all at once" "$CONF:2: .*; $CONF:3: .*; $CONF:4: " <<<$'[default]\na = b\npid = 1\ntimeout = 0'
policy </dev/null
printf '[default]\nx = y' | policy $D/z.conf
log_mark
deny "a mistake in pam_ns.d: denied" su alice -c true
denied_like "$D/z.conf:2: unknown key x" "a mistake in pam_ns.d"
rm $D/z.conf

# ---- each key of the table has values that it refuses ----
bad=('isolate = maybe' 'scope = users' 'linger = always' 'kill_grace = -1' 'nested = old' 'max_sessions = many'
	'timeout = 0' 'mount = 1' 'ipc = on' 'uts = maybe' 'pid = 2' 'time = never' 'network = a/b' 'cgroup = private'
	'hostname = -x_' 'domainname = a/b' 'uptime = yesterday' 'private_tmp = ram' 'tmp_size = lots' 'tmpfs.x = tmp'
	'bind.x = /tmp ../x' 'readonly.x = usr' 'hide.x = /a/../b' 'home = mine' 'devices = few' 'proc = some'
	'buses = maybe' 'propagation = shared' 'capabilities = root' 'no_new_privs = 1' 'sysctl.vm.swappiness = 1'
	'hook.x = true')
for line in "${bad[@]}"; do
	key=${line%% *}
	wrong "$line" "$CONF:2: ${key//./\\.}: .*: .*(write|did you mean)" <<<$'[default]\n'"$line"
done
is "$(printf '%s\n' "${bad[@]}" | sed 's/[. ].*//')" "$(pam_nsctl keys | sed -n 's/^\([a-z_][a-z_]*\).* = .*/\1/p')" "that was each of them"
policy </dev/null

# ---- files that others could have written ----
bad_file() { # NAME REGEX
	log_mark
	SECONDS=0
	deny "$1: denied" timeout 10 su alice -c true
	within 2
	ok $? "$1: at once"
	denied_like "$2" "$1"
	is "$(su root -c 'echo in')" in "$1: root gets in"
}
chown alice $CONF
bad_file "a file of a user's" "$CONF belongs to uid 2001: chown root"
chown root $CONF
chmod 664 $CONF
bad_file "a file that its group can write" "$CONF can be written by others than root: chmod go-w"
chmod 644 $CONF
chmod 777 $D
bad_file "a directory that all can write" "$D can be written by others"
chmod 755 $D
mkfifo $D/x.conf
bad_file "a FIFO" "$D/x.conf is not a regular file"
rm $D/x.conf
ln -s /home/alice/evil.conf $D/x.conf
mkfifo /home/alice/evil.conf
bad_file "a symlink into a home" "/home/alice belongs to uid 2001"
rm $D/x.conf /home/alice/evil.conf
mv $CONF /etc/security/elsewhere
ln -s elsewhere $CONF
try "a symlink of root's to a file of root's is fine" su alice -c true
rm $CONF
bad_file "no policy at all" "$CONF does not exist: create it"
mv /etc/security/elsewhere $CONF

# ---- the stack's own mistakes ----
pam_file su 'session required pam_ns.so close' 'session required pam_ns.so open exempt_group=rescue isolateroot'
bad_file "an unknown argument" "unknown argument in the PAM stack: isolateroot: write"
is "$(su carol -c 'echo in')" in "an unknown argument: the exempt group gets in"
pam_file su 'session required pam_ns.so close lcose' 'session required pam_ns.so open exempt_group=rescue'
log_mark
isnt "$(su alice -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "an unknown argument behind close: isolated all the same"
poll_until log_has 'unknown argument in the PAM stack: lcose: write'
ok $? "... and the log says so"
is "$(su carol -c 'echo in')" in "... and the exempt group, which the other line names, gets in"
stack su isolate_root
isnt "$(su root -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "isolate_root"
pam_file su 'session required pam_ns.so' ''
isnt "$(su alice -c 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)" "one line alone does both"
stack su debug
log_mark
su alice -c true
poll_until log_has 'session 2001.1 opened for alice'
ok $? "debug: says what it does"
stack su
pam_file systemd-user 'session required pam_ns.so' ''
pam_file pamtest 'session required pam_ns.so' ''
log_mark
deny "systemd-user: cannot be isolated, so refused" pamtester systemd-user alice open_session
denied_like 'systemd-user .*cannot be isolated: write isolate = no under \[service systemd-user\]' "systemd-user"
policy <<<'[service systemd-user]
isolate = no'
try "... and left alone when the policy says so" pamtester systemd-user alice open_session
policy </dev/null
clean "mistakes"

# ---- names are data ----
n=3000
for name in a--x 'a;b' 'sp ace' 'per%cent' "$(printf 'n%.0s' {1..200})" ..; do
	echo "$name:x:$n:$n::/:/bin/sh" >>/etc/passwd
	echo "$name:*:19000::::::" >>/etc/shadow
	is "$("$TOOLS/caller" pamtest "$name" | grep -c '^inside [a-z]*:\[')" 6 "a user called ${name:0:10}"
	n=$((n + 1))
done
log_mark
deny "a user that NSS does not know" pamtester pamtest nobody-of-that-name open_session
denied_like 'NSS knows no such user' "an unknown user"
clean "names"
done_testing
