#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever a user puts where root walks: nothing is followed, nothing hangs, nothing else is mounted.
. "$(dirname "$0")/lib.sh"

inside() { su alice -s /bin/bash -c "$1" 2>&1; }
with() { { echo '[default]'; printf '%s\n' "$@"; } | policy; }
her() { setpriv --reuid 2001 --regid 2001 --clear-groups "$@"; }
mkdir -p /var/t/data /var/t/mnt
: >/var/t/file
echo of-the-host >/var/t/data/file
base
refused() { # NAME REGEX
	log_mark
	SECONDS=0
	deny "$1: denied" timeout 10 su alice -c true
	within 2
	ok $? "$1: at once"
	denied_like "$2" "$1"
}
fresh() { # an empty tree in alice's home
	rm -rf /home/alice/a
	her mkdir -p /home/alice/a/b/c
}

# ---- a link of hers in the place of each component, of source and of target ----
LINK='is a symbolic link that others than root could have put there: write the path without it'
for entry in 'bind.x = /home/alice/a/b/c /var/t/mnt' 'bind.x = /home/alice/a/b/c /var/t/mnt optional' \
	'bind.x = /var/t/data /home/alice/a/b/c' 'tmpfs.x = %d/a/b/c' 'readonly.x = %d/a/b/c' 'hide.x = %d/a/b/c'; do
	with "$entry"
	fresh
	try "$entry: of hers alone" inside true
	for at in a a/b a/b/c; do
		fresh
		rm -r "/home/alice/$at"
		her ln -s /etc "/home/alice/$at"
		refused "$entry with a link at $at" "/home/alice/a/b/c: ${at##*/} $LINK"
	done
	fresh
	her chmod 777 /home/alice/a
	rm -r /home/alice/a/b
	ln -s /etc /home/alice/a/b # root's own, but she could have moved it there
	refused "$entry with a link of root's at b, in a directory of hers" "/home/alice/a/b/c: b $LINK"
	fresh
	rm -r /home/alice/a/b
	mkdir /home/alice/a/b
	ln -s /etc /home/alice/a/b/c
	refused "$entry with a link of root's in a directory of root's in one of hers" "/home/alice/a/b/c: c $LINK"
done

# ---- what blocks ----
fresh
rmdir /home/alice/a/b/c
her mkfifo /home/alice/a/b/c
with 'bind.x = /home/alice/a/b/c /var/t/file'
SECONDS=0
is "$(inside 'stat -c %F /var/t/file')" fifo "a FIFO as source: bound, not opened"
with 'bind.x = /var/t/data/file /home/alice/a/b/c'
is "$(inside 'cat /home/alice/a/b/c')" of-the-host "a FIFO as target: covered, not opened"
with 'hide.x = /home/alice/a/b/c'
like "$(inside 'cat /home/alice/a/b/c')" 'Permission denied' "a FIFO to be hidden"
within 6
ok $? "... none of them waits"
with 'bind.x = /home/alice/a/b/c/d /var/t/mnt'
refused "a FIFO in the middle" '/home/alice/a/b/c/d: Not a directory'
with 'tmpfs.x = /home/alice/a/b/c'
refused "a FIFO as target of a directory" 'tmpfs.x: /home/alice/a/b/c: a directory can be mounted on a directory alone'
clean "links and FIFOs"

# ---- loops and depth ----
ln -s loop /var/t/loop
with 'bind.x = /var/t/loop /var/t/mnt'
refused "a link of root's to itself" '/var/t/loop: Too many levels of symbolic links'
rm /var/t/loop
ln -s ../t/data/. /var/t/rel
with 'bind.x = /var/t/rel /var/t/mnt'
is "$(inside 'cat /var/t/mnt/file')" of-the-host "a relative link of root's"
rm /var/t/rel
long=$(printf 'x%.0s' {1..256})
with "bind.x = /var/t/$long /var/t/mnt"
refused "a component of 256 bytes" "bind.x: 'x*...' is over 255 bytes long, too much for a name in a path: write a shorter one"

# ---- races: she swaps a directory for a link, as fast as she can, while logins run ----
swap() { # DIRECTORY LINK
	setpriv --reuid 2001 --regid 2001 --clear-groups perl -e '($d, $l) = @ARGV;
		while (1) { rename $d, "$d.1"; rename $l, $d; rename $d, $l; rename "$d.1", $d }' "$1" "$2" &
	SWAP=$!
}
race() { # NAME SEEN: for four seconds; the command in sessions must never print SEEN
	local seen in=0 out=0 bad=0
	SECONDS=0
	while [ $SECONDS -lt 4 ] || { [ $in = 0 ] || [ $out = 0 ]; } && [ $SECONDS -lt 30 ]; do
		seen=$(inside "$3; echo in; grep -E ' /etc(/[^ ]*)? ' /proc/self/mountinfo | grep -vE ' /etc/host(s|name) | - overlay '")
		case $seen in
		*in*) in=$((in + 1)) ;;
		*) out=$((out + 1)) ;;
		esac
		grep -qE "$2| /etc" <<<"${seen//System error/}" && bad=$((bad + 1))
	done
	kill $SWAP
	wait $SWAP 2>/dev/null
	is "$bad" 0 "$1: nothing of the host's is mounted, nor mounted over" || diag "$seen"
	[ $in -gt 0 ] && [ $out -gt 0 ]
	ok $? "... in $in logins that opened and $out that were denied"
}
fresh
her ln -s /etc /home/alice/a/link
with 'bind.x = /home/alice/a/b /var/t/mnt'
swap /home/alice/a/b /home/alice/a/link
race "a source" root: 'cat /var/t/mnt/passwd 2>/dev/null'
fresh
her ln -s /etc /home/alice/a/link
her mkdir /home/alice/a/b/security
with 'bind.x = /var/t/data /home/alice/a/b/security'
swap /home/alice/a/b /home/alice/a/link
race "a target" of-the-host 'cat /etc/security/file 2>/dev/null'
fresh
her ln -s /etc /home/alice/a/link
her mkdir /home/alice/a/b/security
with 'hide.x = /home/alice/a/b/security' 'readonly.x = /home/alice/a/b'
swap /home/alice/a/b /home/alice/a/link
race "hidden and read-only paths" 'Permission denied' 'ls /etc/security >/dev/null'
policy </dev/null
fresh
[ "$(find /etc -newer /var/t/file -user 2001 | wc -l)" = 0 ]
ok $? "nothing in /etc is hers"
clean "races"
done_testing
