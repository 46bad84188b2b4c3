# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The test bed, sourced first by every test. It runs the test again in mount, PID, network, IPC
# and UTS namespaces of its own, where /etc, /usr, /var, /home, /root and /tmp are overlays and
# /run and /dev are tmpfs: real programs at their real places, and nothing of it reaches the
# machine. PID 1 there is the test itself, so that all it started dies with it.
#
#   ok STATUS NAME / is GOT WANT NAME / like TEXT REGEX NAME / unlike    assertions
#   try NAME COMMAND...          ok if the command succeeds; deny NAME COMMAND...: if it fails
#   poll_until COMMAND...        up to 10 s; never sleep for something to happen
#   policy [FILE] <<END          replaces pam_ns.conf (or another file)
#   stack SERVICE [ARG...]       /etc/pam.d/SERVICE with pam_ns in it; unstack: without
#   log_mark, log_new            the lines that syslog(3) got since the mark
#   start_sshd, as USER COMMAND  a login over ssh
#   within N                     that no more seconds have gone since SECONDS=0
#   hold [COMMAND], release      a session of alice's that stays; $IN is its init
#   clean NAME                   asserts that nothing is left of any session
#   done_testing                 last line

set -u
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset SSH_AUTH_SOCK SSH_CONNECTION XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS TMPDIR
SELF=$(readlink -f "$0")
SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TOOLS=$SRC/build/tests/tools

if [ -z "${PNS_BED-}" ]; then
	if [ "$(id -u)" != 0 ]; then
		if [ -n "${PAM_NS_MUST_RUN-}" ]; then echo "Bail out! must run as root"; exit 1; fi
		echo "1..0 # SKIP must run as root"
		exit 0
	fi
	export PNS_BED=1
	exec unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc \
		--propagation private -- "$SELF" "$@"
fi

# ---- assertions ----

TESTS=0 FAILED=0
ok() { # STATUS NAME
	TESTS=$((TESTS + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TESTS - $2"
	else
		FAILED=$((FAILED + 1))
		echo "not ok $TESTS - $2"
	fi
	return "$1"
}
diag() { printf '%s\n' "$*" | head -n 30 | sed 's/^/# /' >&2; }
is() { # GOT WANT NAME
	[ "$1" = "$2" ]
	ok $? "$3" || diag "got:  $1" $'\n'"want: $2"
}
isnt() { # GOT UNWANTED NAME
	[ "$1" != "$2" ]
	ok $? "$3" || diag "got: $1"
}
like() { # TEXT REGEX NAME
	[[ $1 =~ $2 ]]
	ok $? "$3" || diag "got:  $1" $'\n'"want: $2"
}
unlike() { # TEXT REGEX NAME
	! [[ $1 =~ $2 ]]
	ok $? "$3" || diag "got:      $1" $'\n'"unwanted: $2"
}
try() { # NAME COMMAND...
	local name=$1 out
	shift
	out=$("$@" 2>&1)
	ok $? "$name" || diag "$* said: $out"
}
deny() { # NAME COMMAND...
	local name=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	[ $status != 0 ]
	ok $? "$name" || diag "$* said: $out"
}
skip() { # COUNT WHY: only for what this machine's kernel or packages cannot have
	local i
	for ((i = 0; i < $1; i++)); do
		if [ -n "${PAM_NS_MUST_RUN-}" ]; then ok 1 "must run: $2"
		else TESTS=$((TESTS + 1)); echo "ok $TESTS # SKIP $2"; fi
	done
}
done_testing() {
	echo "1..$TESTS"
	[ $FAILED = 0 ]
	exit $?
}
# Up to Linux 6.2 a program with threads cannot have children in a time namespace.
threads_have_clocks() { [ "$(printf '%s\n' 6.3 "$(uname -r)" | sort -V | head -1)" = 6.3 ]; }
# What would wait for something waits for ten seconds and more. An emulated machine gets three times the time.
within() { [ $SECONDS -lt $(($1 * ${PNS_PACE:-1})) ]; }
poll_until() {
	local i
	for ((i = 0; i < 500 * ${PNS_PACE:-1}; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.02
	done
	return 1
}

# ---- the bed ----

overlay() { # DIR
	local b=/run/bed$1
	mkdir -p "$b/upper" "$b/work"
	chmod --reference="$1" "$b/upper"
	chown --reference="$1" "$b/upper"
	mount -t overlay -o "lowerdir=$1,upperdir=$b/upper,workdir=$b/work" overlay "$1"
}

make_dev() {
	local n dev=/run/bed/dev
	mkdir -p $dev
	mount -t tmpfs -o mode=755 dev $dev
	for n in null zero full random urandom tty; do
		touch $dev/$n
		mount --bind /dev/$n $dev/$n
	done
	mkdir $dev/pts $dev/shm $dev/mqueue
	mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts $dev/pts
	mount -t tmpfs -o mode=1777,nosuid,nodev shm $dev/shm
	mount -t mqueue mqueue $dev/mqueue
	ln -s pts/ptmx $dev/ptmx
	ln -s /proc/self/fd $dev/fd
	ln -s fd/0 $dev/stdin
	ln -s fd/1 $dev/stdout
	ln -s fd/2 $dev/stderr
	mount --move $dev /dev
}

add_user() { # NAME UID [GROUP...]: password "secret"
	local name=$1 uid=$2 group
	shift 2
	echo "$name:x:$uid:$uid:$name:/home/$name:/bin/bash" >>/etc/passwd
	echo "$name:$HASH:19000:0:99999:7:::" >>/etc/shadow
	echo "$name:x:$uid:" >>/etc/group
	for group; do sed -i "/^$group:/ { s/\$/,$name/; s/:,/:/ }" /etc/group; done
	mkdir -p "/home/$name"
	chmod 700 "/home/$name"
	chown "$uid:$uid" "/home/$name"
}

HASH=
make_users() {
	HASH=$(perl -e 'print crypt("secret", "\$6\$pamns\$")')
	sed -i '/^\(alice\|bob\|carol\|Dave\|rescue\|students\):/d' /etc/passwd /etc/shadow /etc/group
	echo 'rescue:x:2900:' >>/etc/group
	echo 'students:x:2901:' >>/etc/group
	add_user alice 2001 students
	add_user bob 2002
	add_user carol 2003 rescue
	add_user Dave 2004
	printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
	rm -f /etc/nologin /run/nologin
}

stack() { # SERVICE [ARG...]: with pam_ns, close first and open last
	local service=$1
	shift
	pam_file "$service" "session required pam_ns.so close $*" "session required pam_ns.so open $*"
}
unstack() { pam_file "$1" '' ''; }
pam_file() { # SERVICE FIRST LAST
	local rootok=
	case $1 in su* | runuser* | pamtest*) rootok='auth sufficient pam_rootok.so' ;; esac
	cat >"/etc/pam.d/$1" <<-END
		$rootok
		auth required pam_unix.so
		account required pam_unix.so
		password required pam_unix.so
		$2
		session required pam_limits.so
		session required pam_unix.so
		$3
	END
}

# Only what the test writes counts: the machine's own policy is gone from here.
policy() { # [FILE]
	cat >"${1:-/etc/security/pam_ns.conf}"
}

make_bed() {
	local dir service
	ip link set lo up
	hostname bed
	mount -t tmpfs -o mode=755 run /run
	mkdir -m 700 /run/bed
	mkdir -p /run/bed/src /run/lock /run/sshd /run/dbus /run/systemd/journal /run/user
	mount --bind "$SRC" /run/bed/src
	for dir in /etc /usr /var /home /root /tmp; do overlay $dir; done
	if ! [ -e "$SRC/Makefile" ]; then # the tree lay on a mount below one of those
		mkdir -p "$SRC"
		mount --bind /run/bed/src "$SRC"
	fi
	make_dev
	grep -qs '[[:space:]]localhost' /etc/hosts || echo '127.0.0.1 localhost' >>/etc/hosts
	echo "127.0.1.1 bed" >>/etc/hosts
	make_users
	rm -rf /etc/security/pam_ns.conf /etc/security/pam_ns.d
	make -s -C "$SRC" install >/dev/null || { echo "Bail out! make install"; exit 1; }
	policy </dev/null
	for service in sshd login su su-l sudo cron pamtest; do stack $service; done
	LOG=/run/bed/log
	: >$LOG
	"$TOOLS/logsink" /dev/log $LOG &
	poll_until test -S /dev/log
	cd /
}

MARK=0
log_mark() { MARK=$(wc -l <"$LOG"); }
log_new() { tail -n "+$((MARK + 1))" "$LOG"; }
log_has() { log_new | grep -q -e "$1"; }

# Exactly one line that says "denied" and matches; whoever comes next starts from a new mark.
denied_like() { # REGEX NAME
	poll_until log_has 'pam_ns(.*denied'
	local lines
	lines=$(log_new | grep -a 'pam_ns(' | grep -a denied)
	is "$(grep -c . <<<"$lines")" 1 "$2: one line in the log"
	like "$lines" "$1" "$2: the line says what to do"
	log_mark
}

# ---- ssh ----

start_sshd() { # [OPTION=VALUE...]
	local option
	[ -e /run/bed/key ] || ssh-keygen -q -t ed25519 -N '' -f /run/bed/key
	[ -e /run/bed/hostkey ] || ssh-keygen -q -t ed25519 -N '' -f /run/bed/hostkey
	{
		printf '%s\n' 'Port 22' 'ListenAddress 127.0.0.1' 'HostKey /run/bed/hostkey' \
			'UsePAM yes' 'PidFile /run/bed/sshd.pid' 'AuthorizedKeysFile /run/keys/%u' \
			'PermitRootLogin yes' 'LogLevel VERBOSE' 'AllowAgentForwarding yes' \
			'AllowTcpForwarding yes' 'PrintMotd no' 'UseDNS no' 'MaxStartups 200'
		for option; do echo "${option/=/ }"; done
		[[ "$*" = *Subsystem* ]] || echo 'Subsystem sftp internal-sftp'
	} >/run/bed/sshd_config
	mkdir -p /run/keys
	for option in alice bob carol Dave root; do cp /run/bed/key.pub /run/keys/$option; done
	/usr/sbin/sshd -f /run/bed/sshd_config -E /run/bed/sshd.log
	poll_until bash -c '</dev/tcp/127.0.0.1/22'
}
stop_sshd() {
	[ -e /run/bed/sshd.pid ] && kill "$(cat /run/bed/sshd.pid)"
	poll_until test ! -e /run/bed/sshd.pid
}
SSH_OPTIONS=(-F none -i /run/bed/key -o BatchMode=yes -o StrictHostKeyChecking=no
	-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
as() { # USER [SSH-OPTION...] COMMAND
	local user=$1
	shift
	ssh "${SSH_OPTIONS[@]}" "$user@127.0.0.1" "$@" </dev/null
}

# ---- nothing left ----

# The test's own shell and its helpers are PIDs that were there at the start.
state() {
	echo "mounts:"; cat /proc/1/mountinfo
	echo "namespaces:"; readlink /proc/1/ns/*
	echo "init:"; pgrep -a pam_ns
	echo "registry:"; find /run/pam_ns -mindepth 1 2>/dev/null
	echo "shm:"; find /dev/shm -mindepth 1
}
STATE=
base() { STATE=$(state); }
same_state() { [ "$(state)" = "$STATE" ]; }
no_sessions() { ! pgrep pam_ns; }
# The helper, which for a moment is there too, has the same title.
# shellcheck disable=SC2317 # by poll_until
is_up() { IN=$(pgrep -f 'pam_ns: alice') && grep -qs CapPrm:.0000000000000020 /proc/"$IN"/status; }
hold() { # [COMMAND]: alice's, until release; IN is its init as the host sees it, /run/bed/held what it says
	rm -f /run/go
	mkfifo -m 666 /run/go
	su alice -s /bin/bash -c "${1:-:}; read -r x </run/go" >/run/bed/held 2>&1 &
	HELD=$!
	exec 8<>/run/go # so that neither side waits for the other to open
	poll_until is_up
}
release() {
	echo >&8
	wait "$HELD"
	exec 8>&-
	poll_until no_sessions
}
clean() { # NAME
	poll_until same_state
	ok $? "${1:-}: nothing is left" || diag "$(diff <(echo "$STATE") <(state))"
}

[ "$PNS_BED" = guest ] || make_bed # tests/vm/lib.sh: a machine that is thrown away
base
