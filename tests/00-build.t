#!/bin/bash
# SPDX-License-Identifier: MIT
# What is built: what it links, how it is hardened; and that the texts say what the table says.
. "$(dirname "$0")/lib.sh"

MODULE=$SRC/build/pam_ns.so HELPER=$SRC/build/pam_ns_helper CTL=$SRC/build/pam_nsctl
needed() { readelf -dW "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sed 's/\.so.*//' | sort | paste -sd' '; }

is "$(nm -D --defined-only "$MODULE" | awk '$2 == "T" { print $3 }' | sort | paste -sd' ')" \
	"pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok pam_sm_close_session pam_sm_open_session pam_sm_setcred" \
	"the module exports its entry points alone"
is "$(needed "$MODULE")" "libc libcap libiniparser libpam" "the module links libpam, iniparser, libcap and the C library"
is "$(nm -D "$MODULE" | grep -cE ' U (exit|setenv|openlog|waitpid_any|system|popen|getpwnam|printf|puts)(@|$)')" 0 \
	"the module calls nothing that would change the login program"
unlike "$(needed "$HELPER")" 'pam|iniparser' "the helper links neither libpam nor iniparser"
is "$(nm -C "$HELPER" 2>/dev/null | grep -ciE ' (pam_|iniparser|getpwnam)')" 0 "... nor has it any of them inside"
is "$(needed "$CTL")" "libc libcap libiniparser" "pam_nsctl links iniparser, libcap and the C library, not libpam"
for file in "$MODULE" "$HELPER" "$CTL"; do
	elf=$(readelf -lhdW "$file")
	name=${file##*/}
	like "$elf" 'Type: +DYN' "$name: position-independent"
	like "$elf" 'GNU_RELRO' "$name: relro"
	like "$elf" 'BIND_NOW|FLAGS.*NOW' "$name: bound at start"
	like "$elf" 'GNU_STACK[^'$'\n'']* RW +0x' "$name: no executable stack"
	unlike "$elf" ' RWE ' "$name: nothing writable is executable"
done
is "$(stat -c '%a %U' /usr/sbin/pam_nsctl)" "755 root" "pam_nsctl is installed without a setuid bit"
is "$(stat -c '%a %U' /usr/libexec/pam_ns_helper)" "755 root" "the helper is installed without a setuid bit"
is "$(getcap /usr/libexec/pam_ns_helper 2>/dev/null)" "" "... and without file capabilities"
like "$(/usr/libexec/pam_ns_helper 2>&1 3<&-)" 'see pam_ns_helper\(8\)' "run by hand it says what it is"
like "$(/usr/libexec/pam_ns_helper 2>&1 3</dev/null)" 'see pam_ns_helper\(8\)' "... whatever fd 3 is"

is "$("$CTL" keys --conf)" "$(cat "$SRC/conf/pam_ns.conf")" "conf/pam_ns.conf is what the table gives"
policy <"$SRC/conf/pam_ns.conf"
try "... and a policy that works" su alice -c true
for key in $("$CTL" keys --conf | sed -n 's/^# \([a-z_]*\)\(\.NAME\)\? =.*/\1/p'); do
	default=$("$CTL" keys --conf | sed -n "s/^# $key = \\(.*\\)/\\1/p")
	page=$(sed -n "/^\\.It Ic $key\\b/,/^\\.It Ic/p" "$SRC/man/pam_ns.conf.5")
	like "$page" "^.It Ic $key" "pam_ns.conf(5) has $key"
	[[ -z $default || $page = *"Default: "*"$default"* ]]
	ok $? "... with its default, $default" || diag "$page"
done
for page in "$SRC"/man/*.[58]; do
	try "${page##*/}: mandoc finds no fault" mandoc -Tlint -W warning "$page"
done

# Installing elsewhere, and taking it away again.
make -s -C "$SRC" install DESTDIR=/run/bed/root >/dev/null
is "$(cd /run/bed/root && find . -name 'pam_ns*' -type f | grep -c .)" 10 "make install DESTDIR="
echo '# mine' >/run/bed/root/etc/security/pam_ns.conf
make -s -C "$SRC" install DESTDIR=/run/bed/root >/dev/null
is "$(cat /run/bed/root/etc/security/pam_ns.conf)" '# mine' "an admin's policy survives a new version"
make -s -C "$SRC" uninstall DESTDIR=/run/bed/root >/dev/null
is "$(cd /run/bed/root && find . -type f)" ./etc/security/pam_ns.conf "make uninstall leaves the policy alone"
done_testing
