#!/bin/bash
# SPDX-License-Identifier: MIT
# The keys beyond the defaults, attacked: what they cover, what is held open, what comes later, what is
# too little; and root's own pam_nsctl in a session of the attacker's.
. "$(dirname "$0")/lib.sh"

cp "$TOOLS/attack" /usr/local/bin/
inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { { echo '[default]'; printf '%s\n' "$@"; } | policy; }
her() { setpriv --reuid 2001 --regid 2001 --clear-groups "$@"; }
worked() { grep '^worked' <<<"$seen" | grep -v 'worked: Continued'; } # SIGCONT is for all of a session (kill(2))
ip netns add vpn
mkdir -p /var/t/{source,mnt,tmpfs,hidden,readonly} /run/dbus /run/user
chmod -R 755 /var/t
chmod 755 /home/bob
EVERY=('scope = user' 'proc = all' 'private_tmp = disk' 'home = own' 'devices = minimal' 'network = vpn'
	'tmpfs.x = /var/t/tmpfs' 'bind.x = /var/t/source /var/t/mnt ro' 'readonly.x = /var/t/readonly'
	'hide.x = /var/t/hidden /var/t/absent' 'hook.x = /bin/true' 'no_new_privs = yes' 'nested = new'
	'capabilities = setuid setgid chown' 'uptime = session' 'cgroup = yes')
with "${EVERY[@]}"
inside true # makes what private_tmp = disk keeps
base

# ---- what is held open ----
hold
like "$(cat /run/bed/held; log_new | grep -a 'pam_ns(')" '^$' "a policy with every key: a session"
seen=$(find /proc/"$IN"/fd -type l -printf '%l\n' | sed 's/:\[[0-9]*\]//; s|#[0-9]*|#|; s/^pidfd$/anon_inode:[pidfd]/' | sort | uniq -c | sed 's/^ *//')
is "$seen" "1 /
3 /dev/null
1 /run/pam_ns/2001/# (deleted)
2 anon_inode:[pidfd]
1 anon_inode:[signalfd]
1 socket" "its init holds nothing but what it needs"
seen=$(nsenter -t "$IN" -m -p bash -c 'ls -A "/proc/$1/fd/$(ls -l /proc/$1/fd | sed -n "s|.* \([0-9]*\) -> /\$|\1|p")/.."' - 1)
is "$(sort <<<"$seen" | paste -sd' ')" "$(find /run/pam_ns -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd' ')" "... its / is the registry, from which nothing leads up"
: >/tmp/of-the-host
seen=$(inside 'attack fds; attack process 1')
rm /tmp/of-the-host
like "$seen" 'tried [0-9]+.*tried [0-9]{3}' "a login that joins it attacks init, and by its own fds"
is "$(worked)" "" "... nothing works"
deny "... nor can it see another's kept /tmp" inside 'ls /var/lib/pam_ns/2001'
release
clean "every key"

# ---- what they cover, in user namespaces of the user's own ----
install -d -m 700 /run/pam_ns
cover() { # PATH KEY = VALUE...: a file of the host's that these cover
	local path=$1
	shift
	with "$@"
	: >"$path"
	chmod 644 "$path"
	[ -e "$path" ] && her test -e "$path"
	ok $? "$path is the user's to see on the host"
	seen=$(inside "attack unmask $path")
	is "$(worked)" "" "$*: $path stays covered"
	[ "$(sed -n 's/^tried //p' <<<"$seen")" -ge 14 ]
	ok $? "... by 14 tries or more" || diag "$seen"
	rm -f "$path"
}
cover /tmp/of-the-host 'private_tmp = disk'
cover /home/bob/of-the-host 'home = own'
cover /home/alice/of-the-host 'home = memory'
cover /dev/of-the-host 'devices = minimal'
cover /run/dbus/of-the-host 'buses = hide'
cover /run/user/of-the-host 'buses = hide'
cover /var/t/tmpfs/of-the-host 'tmpfs.x = /var/t/tmpfs'
cover /var/t/mnt/of-the-host 'bind.x = /var/t/source /var/t/mnt'
cover /var/t/hidden/of-the-host 'hide.x = /var/t/hidden'
chmod 777 /var/t/readonly /var/t/source
with 'readonly.x = /var/t/readonly' 'bind.x = /var/t/source /var/t/mnt ro'
seen=$(inside 'for d in readonly mnt; do unshare -Urm bash -c "mount -o remount,bind,rw /var/t/$d; umount -l /var/t/$d; mkdir /tmp/$d; mount --bind /var/t/$d /tmp/$d &&
	mount -o remount,bind,rw /tmp/$d; echo x >/var/t/$d/x; echo x >/tmp/$d/x; mount --rbind /var/t /tmp/$d; mount -o remount,bind,rw /tmp/$d/$d; echo x >/tmp/$d/$d/x"; done')
is "$(find /var/t -name x)" "" "readonly, bind ro: nothing can be written" || diag "$seen"
chmod 755 /var/t/readonly /var/t/source
clean "unmasking"

# ---- what comes later ----
with 'home = own' 'devices = minimal'
hold
mkdir -m 755 /home/later
echo secret >/home/later/file
mknod -m 666 /dev/later c 1 5
touch /run/user/later
seen=$(nsenter -m -t "$IN" setpriv --reuid 2001 --regid 2001 --clear-groups bash -c 'ls -d /home/later /dev/later /run/user/later; cat /home/later/file' 2>&1)
is "$(grep -c 'No such file' <<<"$seen")" 4 "a home, a device and a bus that are made later do not appear" || diag "$seen"
rm -r /home/later /dev/later /run/user/later
release

# ---- the user moves what lies above ----
her mkdir -p /home/alice/a/{hidden,readonly}
her sh -c 'echo secret >/home/alice/a/hidden/file'
with 'hide.x = %d/a/hidden' 'readonly.x = %d/a/readonly'
hold
her mv /home/alice/a /home/alice/b
seen=$(nsenter -m -t "$IN" setpriv --reuid 2001 --regid 2001 --clear-groups bash -c 'cd /home/alice; cat b/hidden/file; echo x >b/readonly/x; mv b c; cat c/hidden/file; echo x >c/readonly/x; rmdir c/readonly; mv c/readonly c/d' 2>&1)
is "$(grep -c 'Permission denied' <<<"$seen")/$(grep -c 'Read-only' <<<"$seen")/$(grep -c 'busy' <<<"$seen")" 2/2/2 \
	"a directory above is renamed: what is covered stays so" || diag "$seen"
log_mark
deny "... and the next login, which would not find them, is denied" inside true
denied_like 'hide.x: .*/home/alice/a/hidden does not exist, and others than root could create it' "moved away"
release
rm -rf /home/alice/[abc]
clean "moved"

# ---- too little ----
with 'private_tmp = disk'
inside 'echo kept >/tmp/kept' >/dev/null
seen=$(unshare --mount --propagation private bash -c 'mount -t tmpfs -o mode=755,size=8k,nr_inodes=9 full /var && mkdir -p /var/lib /var/tmp &&
	while : >/var/$((i++)); do :; done 2>/dev/null; su alice -c "readlink /proc/self/ns/net"; su root -c "echo root in"' 2>/dev/null)
is "$seen" "root in" "private_tmp = disk on a full /var: denied, root gets in"
like "$(log_new)" 'denied: making /var/lib/pam_ns.*No space left on device' "... the line says why"
log_mark
seen=$(unshare --mount --propagation private bash -c 'mount -o remount,bind,ro /var; su alice -c "cat /tmp/kept; echo x >/tmp/x"; su bob -c true; su root -c "echo root in"' 2>&1)
like "$seen" $'^kept\n.*Read-only file system\n.*cannot open session.*\nroot in$' "... on one that is read-only: what is there is bound, what is not cannot be made"
denied_like 'session for bob denied: making /var/lib/pam_ns/2002: Read-only file system' "read-only /var"
for kind in tmp home; do
	with "$([ $kind = tmp ] && echo tmpfs.x = /var/t/tmpfs 256K || echo home = memory)" 'tmp_size = 256K'
	dir=$([ $kind = tmp ] && echo /var/t/tmpfs || echo /home/alice)
	chown alice /var/t/tmpfs
	seen=$(inside "head -c 500000 /dev/zero >$dir/x; stat -c %s $dir/x; i=0; while : >$dir/\$((i++)); do [ \$i -lt 5000 ] || break; done 2>/dev/null; echo \$i")
	like "$seen" $'No space left.*\n262144\n(9[0-9][0-9]|10[0-9][0-9])$' "$dir: so many bytes, and so many files"
done
clean "too little"

# ---- nothing leaks to a root that is shared, as systemd has it ----
mount --make-rshared /
base
before=$(cat /proc/self/mountinfo)
with "${EVERY[@]}"
for ((i = 0; i < 20; i++)); do
	inside true &
	logins[i]=$!
	[ $((i % 5)) = 4 ] && wait "${logins[@]:i-4:5}"
done
with "${EVERY[@]/scope = user/scope = session}" 'private_tmp = memory' 'network = loopback' 2>/dev/null
with "${EVERY[@]/scope = user/scope = session}"
for ((i = 0; i < 10; i++)); do inside true; done
poll_until no_sessions
is "$(cat /proc/self/mountinfo)" "$before" "30 logins with every key: the host's mounts are byte for byte the same"
clean "shared"

# ---- what blocks ----
policy </dev/null
her mkdir -p /home/alice/a
her mkfifo /home/alice/a/fifo
for entry in 'readonly.x = %d/a/fifo' 'tmpfs.x = %d/a/fifo' 'hide.x = %d/a/fifo' 'bind.x = %d/a/fifo'; do
	with "$entry"
	SECONDS=0
	timeout 10 su alice -c true >/dev/null 2>&1
	isnt $? 124 "$entry: no FIFO holds a login up"
	[ $SECONDS -lt 3 ]
	ok $? "... at once"
done
mv /home/alice /home/gone
her true
mkfifo -m 666 /home/alice
for entry in 'home = own' 'home = memory' 'home = readonly'; do
	with "$entry"
	SECONDS=0
	timeout 10 su alice -c true >/dev/null 2>&1
	isnt $? 124 "$entry: a home that is a FIFO holds no login up"
	[ $SECONDS -lt 3 ]
	ok $? "... at once"
done
rm /home/alice
mv /home/gone /home/alice
rm -r /home/alice/a
log_mark
clean "FIFOs"

# ---- root's pam_nsctl in a session of the attacker's ----
with 'proc = all' 'capabilities = setuid setgid' 'no_new_privs = yes'
type_in() { timeout 60 "$TOOLS/ptyrun" 30 "$@" 2>&1 | tr -d '\r'; }
hold
for how in 'run alice' 'enter alice --user'; do
	# Its parent there is pam_nsctl's own process, root's, which holds the terminal.
	# shellcheck disable=SC2016,SC2086 # for the shell inside; words
	seen=$(type_in -- pam_nsctl $how -- bash -c 'stat -c "%U" /proc/$PPID; attack process $PPID; echo; grep -E "CapBnd|NoNewPrivs" /proc/self/status')
	like "$seen" $'^root\n' "$how: root's own process is there"
	is "$(worked)" "" "... nothing works against it" || diag "$seen"
	[ "$(sed -n 's/^tried //p' <<<"$seen")" -ge 300 ]
	ok $? "... of 300 tries or more" || diag "$seen"
	like "$seen" $'CapBnd:\t00000000000000c0\nNoNewPrivs:\t1' "... and the user has what a login would have"
	# shellcheck disable=SC2086 # words
	seen=$(type_in -- bash -c "pam_nsctl $how -- attack type 'touch /run/bed/injected
'; read -r -t 1 line </dev/tty; echo \"read:\$line\"")
	like "$seen" $'\nread:$' "$how: what is typed into its terminal does not come to root's"
done
[ ! -e /run/bed/injected ]
ok $? "... and ran nothing"
# While it starts: root's at first, then the user's, who may signal it, but not look into it. A command
# that is not there: what is seen is pam_nsctl alone, not the user's own program after it.
nsenter -m -p -t "$IN" setpriv --reuid 2001 --regid 2001 --clear-groups attack helpers 4 >/run/bed/window 2>&1 &
watcher=$!
while kill -0 $watcher 2>/dev/null; do pam_nsctl enter 2001.1 --user -- /nosuch >/dev/null 2>&1; done
wait $watcher
is "$(grep -E '^worked: (PTRACE|process_vm|pidfd_getfd|kcmp|setns|reading|readlink|writing (mem|exe))' /run/bed/window | sort | uniq -c)" "" \
	"enter --user, attacked from inside while it starts: nothing of it can be read, traced or taken"
[ "$(sed -n 's/^tried //p' /run/bed/window)" -ge 300 ]
ok $? "... of 300 tries or more" || diag "$(tail -3 /run/bed/window)"
release
clean "pam_nsctl"
done_testing
