# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced first by the tests of tests/vm. They change the machine that they run on, so that they run in
# the one of tests/vm/run and nowhere else. All of ../lib.sh is there, but for the bed, and:
#
#   into SERVICE       puts pam_ns into the system's own PAM stack; out_of SERVICE: takes it out
#   rule LINE...       the policy, with whatever the defaults hide of the system's bus shown
#   namespace_of PID   what its network namespace is
#   unit NAME <<END    a service of systemd's

if [ -z "${PNS_GUEST-}" ]; then
	echo "1..0 # SKIP for make check-vm: it changes the machine"
	exit 0
fi
PNS_BED=guest
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

into() {
	# Packages' own stacks lie in either.
	[ -e "/run/bed/pam.d/$1" ] || cp "/etc/pam.d/$1" "/run/bed/pam.d/$1" 2>/dev/null ||
		cp "/usr/lib/pam.d/$1" "/run/bed/pam.d/$1"
	awk -v close_line="session required pam_ns.so close" -v open_line="session required pam_ns.so open" '
		{ line[NR] = $0 }
		/^-?session|^@include common-session/ { if (!first) first = NR; last = NR }
		END { for (i = 1; i <= NR; i++) {
			if (i == first) print close_line
			print line[i]
			if (i == last) print open_line
		} }' "/run/bed/pam.d/$1" >"/etc/pam.d/$1"
}
out_of() { cp "/run/bed/pam.d/$1" "/etc/pam.d/$1"; }
rule() {
	{
		if grep -q '^# buses' "$SRC/conf/pam_ns.conf"; then printf '[default]\nbuses = show\n'; fi
		printf '%s\n' "$@"
	} | policy
}
namespace_of() { readlink "/proc/$1/ns/net"; }
export HOST
HOST=$(namespace_of self)
unit() {
	cat >"/run/systemd/system/$1"
	systemctl daemon-reload
}

# The journal is the log here.
log_mark() {
	journalctl --sync
	rm -f /run/bed/cursor
	journalctl -n 1 -q --cursor-file=/run/bed/cursor >/dev/null # writes it only if it shows a line
}
log_new() {
	cp /run/bed/cursor /run/bed/cursor.new
	journalctl -q -o cat --cursor-file=/run/bed/cursor.new
}

sessions() { loginctl list-sessions --no-legend | awk '$3 == "alice" { print $1 }'; }
no_session_of_alice() { [ -z "$(sessions)" ]; }
no_login() { no_sessions && [ -z "$(sessions)" ]; }

if [ ! -e /run/bed ]; then
	mkdir -p /run/bed/pam.d
	chmod 700 /run/bed
	make -s -C "$SRC" install >/dev/null || { echo "Bail out! make install"; exit 1; }
	make_users
	mkdir -p /run/keys
	ssh-keygen -q -t ed25519 -N '' -f /run/bed/key
	for user in alice bob; do cp /run/bed/key.pub /run/keys/$user; done
	printf '%s\n' 'AuthorizedKeysFile /run/keys/%u' 'UseDNS no' 'LogLevel VERBOSE' 'X11Forwarding yes' \
		>/etc/ssh/sshd_config.d/tests.conf
	mkdir -p /etc/systemd/logind.conf.d # else a user's manager and mounts outlive the login by ten seconds
	printf '[Login]\nUserStopDelaySec=0\n' >/etc/systemd/logind.conf.d/tests.conf
	systemctl restart systemd-logind
	systemctl start ssh
	poll_until bash -c '</dev/tcp/127.0.0.1/22'
	log_mark
fi
rule
into sshd
cd /
