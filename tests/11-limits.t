#!/bin/bash
# SPDX-License-Identifier: MIT
# How much a policy may hold, as pam_ns.conf(5) says under LIMITS: so much works, one more is denied and
# told why.
. "$(dirname "$0")/lib.sh"

CONF=/etc/security/pam_ns.conf
x() { head -c "$2" /dev/zero | tr '\0' "$1"; } # BYTE COUNT
fits() { # NAME; the policy on stdin
	policy
	log_mark
	try "$1" su alice -c true || diag "$(log_new)"
}
over() { # REGEX NAME; the policy on stdin
	policy
	log_mark
	deny "$2: denied" su alice -c true
	denied_like "$1" "$2"
}
numbered() { # COUNT LINE
	echo '[default]'
	seq "$1" | while read -r n; do echo "${2//@/$n}"; done
}
mkdir -p /var/t
seq -f '/var/t/%.0f' 200 | xargs mkdir
base

# ---- files and lines ----
fits "a file of 1 MiB" < <(yes '#234567' | head -c 1048576)
over "$CONF: over 1 MiB: give users files of their own in pam_ns.d/users" "one byte more" < <(yes '#234567' | head -c 1048577)
fits "a line of 1000 bytes" <<<"#$(x - 999)"
over "$CONF:1: a line of over 1000 bytes" "one of 1001" <<<"#$(x - 1000)"
fits "2,000 sections, in 200 files" < <(
	mkdir -p /etc/security/pam_ns.d
	for ((i = 0; i < 200; i++)); do
		printf '[user u%d]\nuts = no\n' {1..10} >/etc/security/pam_ns.d/$i.conf
	done
)
rm -r /etc/security/pam_ns.d
eight='group a group b group c group d group e group f group g group h'
fits "eight conditions in a header" <<<"[$eight]"
over "$CONF:1: \[$eight group i\]: over 8 conditions: write fewer" "nine" <<<"[$eight group i]"

# ---- values ----
fits "256 words" <<<$'[default]\nhook = /bin/true'"$(yes ' a' | head -255 | tr -d '\n')"
over "$CONF:2: hook: over 256 words: write fewer, or give some of them another label" "257" \
	<<<$'[default]\nhook = /bin/true'"$(yes ' a' | head -256 | tr -d '\n')"
fits "names of 255 bytes in a path" <<<"[default]"$'\n'"bind = /var/t/$(x n 255) /mnt optional"
over "$CONF:2: bind: 'n*...' is over 255 bytes long, too much for a name in a path" "one of 256" \
	<<<"[default]"$'\n'"bind = /var/t/$(x n 256) /mnt optional"
for key in tmpfs hook; do
	value=/var/t/1
	[ $key = tmpfs ] || value=/bin/true
	fits "$key: a label of 64 bytes" <<<"[default]"$'\n'"$key.$(x l 64) = $value"
	over "$CONF:2: $key.l*: 'l*' is (not a|no) label: .*, at most 64 of them" "$key: one of 65" \
		<<<"[default]"$'\n'"$key.$(x l 65) = $value"
done
fits "a label that is a sysctl's name" <<<$'[default]\nsysctl.net.ipv4.ip_forward = 1'
over "$CONF:2: sysctl.net.l*: 'net.l*' is not a sysctl's name: .* in at most 128 bytes" "a sysctl's name of 129 bytes" \
	<<<"[default]"$'\n'"sysctl.net.$(x l 125) = 1"
over 'denied: sysctl.net.l{124} = 1: this kernel has no such setting' "one of 128 is looked for" <<<"[default]"$'\n'"sysctl.net.$(x l 124) = 1"
over "$CONF:2: sysctl.net.x: the value of sysctl net.x is over 256 bytes: write a shorter one" "a sysctl's value of 257" \
	<<<"[default]"$'\n'"sysctl.net.x = $(x 1 257)"
over "$CONF:2: network: 'n*' names no network: .* of at most 255 bytes" "a network's name of 256" <<<"[default]"$'\n'"network = $(x n 256)"
policy <<<"[default]"$'\n'"hostname = $(x h 70)"
is "$(su alice -c hostname)" "$(x h 64)" "a hostname is cut at 64"

# ---- all of it ----
fits "120 directories of the session's own" < <(numbered 120 'tmpfs.t@ = /var/t/@ 64K')
over "tmpfs.t[0-9]+: mounting a tmpfs on /var/t/[0-9]+: a session has at most 128 directories of its own: take some" "200" \
	< <(numbered 200 'tmpfs.t@ = /var/t/@ 64K')
fits "a plan of almost 64 KiB" < <(numbered 61 "bind.b@ = /var/t/$(x x 240)/$(x y 240)/$(x z 240)/$(x z 240)/@ /mnt optional" | sed '3,$s| /mnt | |')
over 'denied: the policy is over 65536 bytes long: make it shorter' "of more" \
	< <(numbered 70 "bind.b@ = /var/t/$(x x 240)/$(x y 240)/$(x z 240)/$(x z 240)/@ optional")
lines=$(numbered 100 'nonsense@ = 1')
policy <<<"$lines"
log_mark
deny "a hundred mistakes: denied" su alice -c true
poll_until log_has 'denied'
like "$(log_new | grep 'su:session')" 'nonsense50: .*; and [0-9]+ more$' "... those that no longer fit are counted"
like "$(pam_nsctl check 2>&1)" $'and [0-9]+ more\n.*\n100 errors, ' "... by pam_nsctl check too"

# ---- names ----
user=$(x u 255)
sed "s/^bob:/$user:/; s|:2002:|:2300:|g" /etc/passwd | grep '^uuu' >/run/line
cat /run/line >>/etc/passwd
echo "$user:*:19000::::::" >>/etc/shadow
policy </dev/null
try "a user's name of 255 bytes" pamtester pamtest "$user" open_session close_session
home=/var/t$(for ((i = 0; i < 8; i++)); do printf /%s "$(x d 250)"; done)
cp /etc/passwd /run/passwd
sed -i "s|^alice:.*|alice:x:2001:2001::$home:/bin/bash|" /etc/passwd
over "$CONF:2: tmpfs: .*too long (for a path|with its templates filled in)" "a path of over 4095 bytes" <<<$'[default]\ntmpfs = %d%d%d'
sed -i "s|^alice:.*|alice:x:2001:2001::$home$home$home:/bin/bash|" /etc/passwd
over 'the home directory of alice is over 4095 bytes long: shorten it' "a home of more" </dev/null
cp /run/passwd /etc/passwd
clean "limits"
done_testing
