#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl check: every mistake that would deny a login, every setting that leaks, every stack in
# which pam_ns.so does less than it seems to; each with its place and what to write.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
D=/etc/security/pam_ns.d
P=/etc/pam.d
OUT=
check() { # STATUS NAME: into OUT
	OUT=$(pam_nsctl check 2>&1)
	is $? "$1" "$2: exit status $1" || diag "$OUT"
}
finds() { # KIND REGEX NAME: exactly one such line
	is "$(grep -c -E "^$1 +$2" <<<"$OUT")" 1 "$3" || diag "$OUT"
}
# Those of the machine are not what is tested here.
rm -f $P/*
for service in sshd login su; do stack $service; done
printf 'auth required pam_deny.so\n' >$P/other

policy </dev/null
check 0 "nothing wrong"
for service in sshd login su; do
	finds ok "$P/$service:8: $service is isolated" "it says that $service is isolated"
done
finds ok "$CONF\$" "... that the policy is well-formed"
finds ok "/usr/libexec/pam_ns_helper\$" "... that the helper is there"
finds ok 'kernel ' "... that the kernel is new enough"
finds ok 'limits leave room for about [0-9]+ sessions' "... and what the limits leave"
like "$OUT" $'\n0 errors, 0 warnings$' "... and counts"
is "$(pam_nsctl check --quiet)" "" "--quiet says nothing"
is "$(setpriv --reuid 2001 --regid 2001 --clear-groups pam_nsctl check --quiet)" "" "a user may check, too"

# ---- the policy: errors, as a login finds them ----
policy <<'END'
[default]
hostnam = x
uts = maybe
[user alice]
propagation = slav
[usr bob]
END
printf 'text\n' | policy $D/10-a.conf
printf '[default]\ntmp_size = lots\n' | policy $D/users/bob.conf
check 2 "mistakes"
finds error "$CONF:2: unknown key hostnam: did you mean hostname\?" "an unknown key"
finds error "$CONF:3: uts: 'maybe' is not a value .*yes or no" "a value"
finds error "$CONF:5: propagation: .*did you mean slave" "a value in another's section"
finds error "$CONF:6: unknown section .*did you mean user\?" "a section"
finds error "$D/10-a.conf:1: " "a file in pam_ns.d"
finds error "$D/users/bob.conf:2: tmp_size: " "a file in users, whoever it is for"
# What check says of a file is what the login's denial says.
log_mark
deny "... with which alice is denied" su alice -c true
denied_like "pam_ns.conf:2: unknown key hostnam: did you mean hostname\?.*pam_ns.conf:6: " "as check says"
rm $D/10-a.conf $D/users/bob.conf

for ((i = 0; i < 400; i++)); do echo "[user nobody$i-of-a-rather-long-name]"; echo "unknown = 1"; done | policy
check 2 "800 mistakes"
[ "$(grep -c "^error.*$CONF" <<<"$OUT")" -gt 50 ]
ok $? "... as many as a message holds" || diag "$OUT"

rm $CONF
check 2 "no policy"
finds error "$CONF does not exist: create it" "it says so"
policy </dev/null
chmod 666 $CONF
check 2 "a policy that others can write"
finds error ".*$CONF.*chmod" "it says so"
chmod 644 $CONF
mkfifo $D/20-fifo.conf
check 2 "a FIFO in pam_ns.d"
finds error ".*20-fifo.conf is not a regular file" "it says so, at once"
rm $D/20-fifo.conf
chmod 777 $D
check 2 "pam_ns.d that others can write"
chmod 755 $D

# Rules between keys, whatever sections meet.
policy <<'END'
[group students]
mount = no
[group students service sshd]
pid = no
ipc = no
private_tmp = no
[uid 2002]
network = host
[service sshd]
sysctl.net.core.somaxconn = 99
[gid 2003 service su]
uptime = session
time = no
END
check 2 "rules between keys"
finds error "$CONF:2: pid = yes needs mounts of its own" "a group's section that contradicts the defaults"
finds error "$CONF:10: sysctl.net.\* would change the host" "a uid's and a service's section that contradict each other"
finds error "$CONF:12: uptime other than host needs clocks" "a section of two conditions"

unstack ftp
policy <<<$'[service ftp]\nmount = no'
check 2 "a section of a service without pam_ns"
rm $P/ftp
finds error "$CONF:2: pid = yes needs mounts of its own" "... is looked at all the same"

# ---- the policy: warnings ----
warn_policy() { # REGEX NAME, policy on stdin
	policy
	check 1 "$2"
	finds warning "$1" "$2"
	is "$(grep -c ^error <<<"$OUT")" 0 "$2: no error"
}
warn_policy "$CONF:2: mount without pid" "mount without pid" <<<$'[default]\npid = no'
warn_policy "$CONF:2: mount = no: " "mount = no" <<<$'[user alice]\nmount = no\npid = no\nipc = no\nprivate_tmp = no'
warn_policy "$CONF:2: private_tmp = no: " "private_tmp = no" <<<$'[group students]\nprivate_tmp = no'
warn_policy "$CONF:2: network = host with buses shown" "network = host with buses shown" <<<$'[default]\nnetwork = host\nbuses = show'
warn_policy "$CONF:2: buses = show: " "buses = show" <<<$'[default]\nbuses = show'
mkdir -p /etc/place
ln -s /sys/kernel/mm /etc/kernel.link
ln -s /etc/place /var/place.link
warn_policy "$CONF:2: hide.x: a symbolic link leads /etc/kernel.link to /sys/kernel/mm, covered by the mount on /sys .network., which denies the login: write /sys/kernel/mm" \
	"a link to what is mounted later" <<<$'[default]\nhide.x = /etc/kernel.link'
warn_policy "$CONF:2: readonly: a symbolic link leads /etc/kernel.link/none to /sys/kernel/mm/none, covered by" \
	"... as far as it is there" <<<$'[default]\nreadonly = /etc/kernel.link/none'
warn_policy "$CONF:3: bind: a symbolic link leads /var/place.link to /etc/place, covering that on /etc/place/x .hide." \
	"a link to what was hidden before" <<<$'[default]\nhide = /etc/place/x\nbind = /etc/place /var/place.link'
policy <<<$'[default]\nhide = /bin/none /var/run/none\nreadonly = /lib'
check 0 "links that lead to no other mount"
rm -r /etc/place /etc/kernel.link /var/place.link
warn_policy "$CONF:1: \[user nosuch\] never matches: no user nosuch" "no such user" <<<$'[user nosuch]\nuts = no'
warn_policy "$CONF:1: \[group nosuch\] never matches: no group nosuch" "no such group" <<<$'[group nosuch]\nuts = no'
warn_policy "$CONF:1: \[uid 77777\] never matches: nobody has uid 77777" "no such uid" <<<$'[uid 77777]\nuts = no'
warn_policy "$CONF:1: \[gid 77777\] never matches: no group has gid 77777" "no such gid" <<<$'[gid 77777]\nuts = no'
warn_policy "$CONF:1: \[service nosuch\] never matches: no service nosuch" "no such service" <<<$'[service nosuch]\nuts = no'
unstack ftp
warn_policy "$CONF:1: \[service ftp\] never matches: pam_ns.so is not in" "a service without pam_ns" <<<$'[service ftp]\nuts = no'
rm $P/ftp
warn_policy "$CONF:1: \[user root\] never matches: root is left alone" "root" <<<$'[user root]\nuts = no'
warn_policy "$CONF:1: \[uid 0\] never matches: root is left alone" "uid 0" <<<$'[uid 0]\nuts = no'
stack su isolate_root
check 0 "... but not with isolate_root"
stack su
policy </dev/null
printf '[default]\n' | policy $D/users/nosuch.conf
check 1 "a file for no user"
finds warning "$D/users/nosuch.conf: no user nosuch" "it says so"
rm $D/users/nosuch.conf
printf '[user bob]\nuts = no\n' | policy $D/users/alice.conf
check 1 "a section of bob's in alice's file"
finds warning "$D/users/alice.conf:1: \[user bob\] never matches: this file is another user's" "it says so"
rm $D/users/alice.conf
touch $D/10-site.conf.bak $D/.hidden.conf $D/users/carol
check 1 "files that are not read"
finds warning "$D/10-site.conf.bak is not read" "a backup"
finds warning "$D/.hidden.conf is not read" "a name with a dot"
finds warning "$D/users/carol is not read" "a user's without .conf"
rm $D/10-site.conf.bak $D/.hidden.conf $D/users/carol
policy <<<$'[group students service sshd]\nhostname = lab\n[user alice]\nkill_grace = 3\n[gid 2002]\nnetwork = host\n[default]\nsysctl.kernel.shmmax = 4096'
check 0 "a policy with nothing wrong in it"
policy <<<$'[default]\nhome = own'
check 0 "home = own by default: the defaults are judged for somebody who has a home"
policy /etc/other.conf <<<$'[default]\nnonsense = 1'
is "$(pam_nsctl check /etc/other.conf | grep -c '^error *.*/etc/other.conf:2: ')" 1 "check FILE: another policy"
deny "check FILE: a relative path" pam_nsctl check pam_ns.conf
stack su conf=/etc/other.conf
check 2 "a policy that only one stack names"
finds error "/etc/other.conf:2: unknown key nonsense" "it is found"
rm /etc/other.conf
stack su
policy </dev/null

# ---- the stacks ----
warn_stack() { # KIND REGEX NAME, su's session lines on stdin
	{ printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\n'; cat; } >$P/su
	check "$([ "$1" = error ]; echo $((2 - $?)))" "$3"
	finds "$1" "$2" "$3"
}
GOOD='session required pam_ns.so open'
CLOSE='session required pam_ns.so close'
warn_stack error "$P/su:4: pam_ns.so is optional" "optional" <<<"$CLOSE"$'\nsession optional pam_ns.so open'
warn_stack error "$P/su:4: pam_ns.so is sufficient" "sufficient" <<<"$CLOSE"$'\nsession sufficient pam_ns.so open'
warn_stack error "$P/su:4: pam_ns.so is \[success=ok default=ignore\]" "brackets that ignore" <<<"$CLOSE"$'\nsession [success=ok default=ignore] pam_ns.so open'
warn_stack error "$P/su:4: pam_ns.so is \[default=bad system_err=ignore\]" "brackets that ignore its error" <<<"$CLOSE"$'\nsession [default=bad system_err=ignore] pam_ns.so open'
warn_stack error "$P/su:3: pam_ns.so close alone" "close alone" <<<"$CLOSE"
warn_stack warning "$P/su:3: pam_ns.so open without close" "open alone" <<<"$GOOD"
warn_stack error "$P/su:3: open together with close" "both on a line" <<<'session required pam_ns.so open close'
printf 'session required pam_ns.so close\nsession required pam_ns.so open debug fatal conf=/etc/security/pam_ns.conf exempt_group=root\n' >$P/su
unlike "$(pam_nsctl check 2>&1)" 'unknown argument' "no argument that there is is unknown"
warn_stack error "$P/su:4: unknown argument isolate_rot" "an argument" <<<"$CLOSE"$'\n'"$GOOD isolate_rot"
warn_stack error "$P/su:4: unknown argument conf=x" "conf= with a relative path" <<<"$CLOSE"$'\n'"$GOOD conf=x"
{ printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\n%s\n%s debug fatal conf=%s exempt_group=rescue\n' "$CLOSE" "$GOOD" $CONF; } >$P/su
check 0 "every argument that a login understands"
warn_stack warning "$P/su:4: no group nosuch, so nobody is exempt" "exempt_group=" <<<"$CLOSE"$'\n'"$GOOD exempt_group=nosuch"
for module in pam_systemd pam_limits pam_loginuid pam_keyinit pam_mkhomedir pam_mount pam_motd pam_selinux; do
	warn_stack warning "$P/su:5: $module.so stands behind pam_ns.so in su" "$module behind" <<<"$CLOSE"$'\n'"$GOOD"$'\n'"-session optional $module.so open"
done
warn_stack warning "$P/su:4: pam_ns.so close stands behind pam_limits.so" "close behind" <<<$'session required pam_limits.so\n'"$CLOSE"$'\n'"$GOOD"
warn_stack warning "$P/su:4: sufficient pam_unix.so can skip" "sufficient before it" <<<"$CLOSE"$'\nsession sufficient pam_unix.so\n'"$GOOD"
warn_stack warning "$P/su:4: \[success=1 default=ignore\] pam_succeed_if.so can skip" "a jump over it" <<<"$CLOSE"$'\nsession [success=1 default=ignore] pam_succeed_if.so user = bob\n'"$GOOD"
warn_stack warning "$P/su:4: \[success=done default=ignore\] pam_unix.so can skip" "done before it" <<<"$CLOSE"$'\nsession [success=done default=ignore] pam_unix.so\n'"$GOOD"
{ printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\n%s\nsession [success=1 default=ignore] pam_succeed_if.so user = bob\nsession required pam_unix.so\n%s\n' "$CLOSE" "$GOOD"; } >$P/su
check 0 "a jump that ends before it"
printf 'session required pam_unix.so\n' >$P/common-session
warn_stack error "$P/su:3: includes a file that is not there" "an include of nothing" <<<$'@include nosuch\n'"$CLOSE"$'\n'"$GOOD"
warn_stack error "$P/su:3: neither auth, account" "a word that is no type" <<<$'sesion required x.so\n'"$CLOSE"$'\n'"$GOOD"

# In a file that others include.
printf '%s\nsession required pam_unix.so\n' "$CLOSE" >$P/common-session
printf 'session required pam_ns.so open\n' >>$P/common-session
for how in '@include common-session' 'session include common-session' 'session substack common-session' $'session \\\n include \\\n common-session # continued'; do
	warn_stack warning "$P/common-session:3: pam_ns.so in a file that other services include" "${how%%$'\n'*}" <<<"$how"
	finds ok "$P/common-session:3: su is isolated" "... and su is isolated by it"
done
warn_stack warning "$P/su:4: pam_limits.so stands behind" "a module behind an include" <<<$'@include common-session\nsession required pam_limits.so'
printf '# session required pam_ns.so\n#session required pam_ns.so \\\nsession required pam_unix.so\n' >$P/common-session
warn_stack warning "$P/su:5: pam_ns.so open without close" "comments do not count, not even continued ones" <<<$'@include common-session\n# '"$CLOSE"$'\n'"$GOOD"
printf '@include loop\n%s\n%s\n' "$CLOSE" "$GOOD" >$P/loop
check 2 "an include in a circle"
finds error "$P/loop:1: includes go round" "it says so"
rm $P/loop $P/common-session
mkdir -p /usr/lib/pam.d
stack su
mv $P/su /usr/lib/pam.d/su
check 0 "a stack of the vendor's"
finds ok "/usr/lib/pam.d/su:8: su is isolated" "it is seen"
printf 'session required pam_unix.so\n' >$P/su
check 0 "... until the admin writes another"
is "$(grep -c 'su is isolated' <<<"$OUT")" 0 "... over it"
rm -r /usr/lib/pam.d
stack su
stack systemd-user
check 2 "a service that cannot be isolated"
finds error "$P/systemd-user:8: systemd-user cannot be isolated" "it says so"
rm $P/systemd-user
mkfifo $P/fifo
check 0 "a FIFO in pam.d does not hold it"
rm $P/fifo

# ---- the machine ----
module=$(find /usr/lib* /lib* -name pam_ns.so 2>/dev/null | head -1)
mv "$module" "$module.away"
check 2 "no module"
finds error ".*/security/pam_ns.so is missing" "it says so"
mv "$module.away" "$module"
mv /usr/libexec/pam_ns_helper /usr/libexec/away
check 2 "no helper"
finds error "the helper /usr/libexec/pam_ns_helper is missing" "it says so"
mv /usr/libexec/away /usr/libexec/pam_ns_helper
chmod 4755 /usr/libexec/pam_ns_helper
check 2 "a setuid helper"
finds error "/usr/libexec/pam_ns_helper has a setuid bit" "it says so"
chmod 644 /usr/libexec/pam_ns_helper
check 2 "a helper that cannot be run"
finds error "/usr/libexec/pam_ns_helper cannot be executed" "it says so"
chmod 777 /usr/libexec/pam_ns_helper
check 2 "a helper that others can write"
finds error ".*/usr/libexec/pam_ns_helper.*chmod" "it says so"
chmod 755 /usr/libexec/pam_ns_helper
limit() { printf '%s\n' "$1" >/run/bed/limit; mount --bind /run/bed/limit "/proc/sys/user/max_$2_namespaces"; }
for ns in mnt ipc uts pid time net cgroup; do
	limit 0 $ns
	check 2 "no $ns namespaces"
	finds error "/proc/sys/user/max_${ns}_namespaces: the limit is 0" "it says so"
	umount "/proc/sys/user/max_${ns}_namespaces"
done
used=$(readlink /proc/[0-9]*/ns/net | sort -u | wc -l)
limit $((used + 3)) net
check 1 "few net namespaces left"
finds warning '/proc/sys/user/max_net_namespaces: the limit is [0-9]+ and leaves room for 3 sessions' "it says how many"
umount /proc/sys/user/max_net_namespaces
used=$(readlink /proc/[0-9]*/ns/mnt | sort -u | wc -l)
limit $((used + 6)) mnt
check 1 "few mount namespaces left"
finds warning '/proc/sys/user/max_mnt_namespaces: the limit is [0-9]+ and leaves room for 3 sessions' "a session takes two"
umount /proc/sys/user/max_mnt_namespaces
echo 5 >/run/bed/limit
mount --bind /run/bed/limit /proc/sys/fs/mount-max
check 2 "no mounts left"
finds error '/proc/sys/fs/mount-max: the limit is 5' "it says so"
umount /proc/sys/fs/mount-max

rm $P/*
check 1 "no service has it"
finds warning 'no service in /etc/pam.d has pam_ns.so' "it says so"
policy <<<$'[default]\nnonsense = 1'
check 2 "... and the policy is checked all the same"
done_testing
