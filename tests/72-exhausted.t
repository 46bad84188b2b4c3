#!/bin/bash
# SPDX-License-Identifier: MIT
# Too little of everything, and very many logins: isolated or denied, root gets in, nothing is left.
. "$(dirname "$0")/lib.sh"

cp "$TOOLS/herd" /usr/local/bin/
HOST=$(readlink /proc/self/ns/net)
PACE=${PNS_PACE:-1} # an emulated machine is given more time and fewer logins
LOGINS=$((${PAM_NS_LOGINS:-300} / PACE)) # 1,000 in make attacks
AT_ONCE=$((100 / PACE))
isolated_or_denied() { # NAME COMMAND...
	local name=$1 out status
	shift
	out=$(timeout -k 1 20 "$@" 2>&1)
	status=$?
	[[ $out != *"$HOST"* ]] && [ $status != 124 ] # it may well be killed
	ok $? "$name: isolated or denied" || diag "$status $out"
}
base

# ---- one namespace left, of each kind ----
# As user.max_*_namespaces = 0 in 40-denied.t: in a user namespace of the test's own.
cat >/run/bed/inner <<-'END'
	mount -t proc proc /proc
	for n in mnt ipc uts pid net; do
		limit=/proc/sys/user/max_${n}_namespaces
		old=$(cat $limit)
		for ((left = 1; left <= 6; left++)); do
			echo $left >$limit
			for ((i = 0; i < 3; i++)); do su alice -c 'readlink /proc/self/ns/net' 2>/dev/null; done
		done
		echo $old >$limit
	done
	su root -c 'echo root in'
	su alice -c 'echo in again'
END
unshare --user sleep 1000 &
child=$!
# shellcheck disable=SC2317 # by poll_until
other_ns() { [ "$(readlink /proc/"$child"/ns/user)" != "$(readlink /proc/self/ns/user)" ]; }
poll_until other_ns
echo '0 0 4294967295' >/proc/$child/uid_map
echo '0 0 4294967295' >/proc/$child/gid_map
seen=$(timeout $((60 * PACE)) nsenter --user=/proc/$child/ns/user -S 0 -G 0 unshare --mount --pid --fork --kill-child bash /run/bed/inner 2>/dev/null)
kill $child
wait $child 2>/dev/null
unlike "$seen" "${HOST//[\[\]]/.}" "1 to 6 namespaces left of each kind: isolated or denied"
[ "$(grep -c ^net: <<<"$seen")" -ge 10 ]
ok $? "... some isolated" || diag "$seen"
like "$seen" $'root in\nin again' "... root gets in, and later all others"
clean "few namespaces"

# ---- memory ----
# shellcheck disable=SC2317 # both by name
by_address_space() { timeout -k 1 20 prlimit --as=$(($1 * 1024)) su alice -c 'readlink /proc/self/ns/net'; }
# shellcheck disable=SC2317
by_cgroup() {
	echo $(($1 * 1024)) >"$limit" 2>/dev/null || true # not below what the last one left
	timeout -k 1 20 bash -c "echo \$\$ >$group/cgroup.procs; exec su alice -c 'readlink /proc/self/ns/net'"
}
LEAST=
find_least() { # COMMAND LOW HIGH: LEAST is the KiB with which it still works, to some 50 of them
	local low=$2 high=$3 mid
	while [ $((high - low)) -gt 50 ]; do
		mid=$(((low + high) / 2))
		if [[ $("$1" "$mid" 2>/dev/null) = net:* ]]; then high=$mid; else low=$mid; fi
	done
	LEAST=$high
}
# From more than enough down to less than a login needs, closest where it is about to fail: so that it
# is pam_ns that runs short, and not only the login program before it.
sweep() { # NAME COMMAND STEP TRIES
	local i kib out status bad=0 in=0
	for ((i = -3; i < $4; i++)); do
		kib=$([ $i -lt -2 ] && echo 20000 || echo $((LEAST - i * $3)))
		out=$("$2" "$kib" 2>&1)
		status=$?
		if [[ $out = *"$HOST"* ]] || [ $status = 124 ]; then # it may well be killed
			bad=$((bad + 1))
			diag "$kib KiB: $status $out"
		fi
		[[ $out = *net:* ]] && in=$((in + 1))
	done
	is $bad 0 "$1 of $LEAST KiB, more and less: isolated or denied"
	[ $in -gt 0 ] && [ $in -lt $(($4 + 3)) ]
	ok $? "... some of both" || diag "$in of $(($4 + 3)) in"
}
log_mark
find_least by_address_space 2000 20000
sweep "address space" by_address_space 16 24
# With all of Debian's modules in the stack, loading them takes more than pam_ns does afterwards.
if [ -z "${PNS_GUEST-}" ]; then
	log_has 'pam_ns(.*denied: .*Cannot allocate memory'
	ok $? "... some by pam_ns itself" || diag "$(log_new)"
fi
group=
for dir in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	[ -e $dir/memory.limit_in_bytes ] || grep -qs memory $dir/cgroup.subtree_control || continue
	group=$(mktemp -d $dir/pam_ns-test.XXXXXX 2>/dev/null) && break
done
if [ "$group" ]; then
	trap 'rmdir $group 2>/dev/null' EXIT
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
	[ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
	# Whoever is killed, login program, helper or init: none of the others stays.
	find_least by_cgroup 128 8192
	sweep "a memory cgroup" by_cgroup 24 24
	poll_until no_sessions
	poll_until rmdir "$group"
	ok $? "... and no process is left in it" || diag "$(cat "$group/cgroup.procs")"
	trap - EXIT
else
	skip 3 "no memory cgroup can be made here"
fi
try "... root gets in" su root -c true
try "... and the next login" su alice -c true # takes away the entry of an init that was killed
clean "little memory"

# ---- disks ----
isolated_or_denied "a read-only root" unshare --mount --propagation private bash -c \
	'for m in / /etc /usr /var /home /root; do mount -o remount,bind,ro $m; done; ! touch /etc/x 2>/dev/null && exec su alice -c "readlink /proc/self/ns/net"'
is "$(unshare --mount --propagation private bash -c 'for m in / /etc /usr /var /home /root; do mount -o remount,bind,ro $m; done
	su alice -c "echo in; echo x >/tmp/x && cat /tmp/x"' 2>&1)" $'in\nx' "... isolated, with a /tmp to write in"
seen=$(unshare --mount --propagation private bash -c 'mount -t tmpfs -o size=8k,nr_inodes=3 var /var && mkdir /var/tmp &&
	{ head -c 100000 /dev/zero >/var/full; su alice -s /bin/sh -c "echo in; echo x >/var/tmp/x && cat /var/tmp/x"; }' 2>/dev/null)
is "$seen" $'in\nx' "a full /var"
policy <<<$'[default]\ntmp_size = 1M'
mkfifo -m 666 /run/go
exec 8<>/run/go
su alice -s /bin/bash -c 'for d in /tmp /var/tmp /dev/shm; do head -c 2000000 /dev/zero >$d/full || stat -c %s $d/full; done; echo full; read -r x </run/go' >/run/bed/full 2>/dev/null &
poll_until grep -q full /run/bed/full
is "$(sort -u /run/bed/full)" $'1048576\nfull' "three tmpfs filled up to tmp_size"
is "$(su bob -s /bin/sh -c 'head -c 500000 /dev/zero >/tmp/x && head -c 500000 /dev/zero >/dev/shm/x && echo room' 2>&1)" room "alice's tmpfs are full: bob has room"
try "... so has alice's next session" su alice -s /bin/sh -c 'head -c 500000 /dev/zero >/tmp/x'
echo >&8
wait %?full
exec 8>&-
rm /run/go
policy </dev/null
clean "disks"

# ---- very many ----
mount --make-rshared / # as systemd has it: what a session does not cut off from it shows here
base
before=$(cat /proc/self/mountinfo)
policy <<<$'[default]\ntimeout = '$((10 * PACE))
seen=$(timeout $((100 * PACE)) herd logins pamtest alice "$LOGINS" $AT_ONCE)
is "$seen" "in $LOGINS denied 0 un-isolated 0" "$LOGINS logins, $AT_ONCE at a time"
poll_until no_sessions
is "$(cat /proc/self/mountinfo)" "$before" "... the host's mounts are byte for byte the same"
clean "$LOGINS logins"

timeout $((100 * PACE)) herd logins pamtest alice "$LOGINS" "$LOGINS" hold >/run/bed/herd &
herd=$!
poll_until grep -q all /run/bed/herd || poll_until grep -q all /run/bed/herd
try "$LOGINS at once: another user's login works meanwhile" su bob -c true
is "$(su root -c 'echo in')" in "... root gets in"
wait $herd
is "$(tail -1 /run/bed/herd)" "in $LOGINS denied 0 un-isolated 0" "... all of them isolated"
poll_until no_sessions
is "$(find /run/pam_ns -mindepth 1)" "" "... and no entry is left"
clean "$LOGINS at once"
done_testing
