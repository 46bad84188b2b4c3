#!/bin/bash
# SPDX-License-Identifier: MIT
# pam_nsctl: its table of verbs is dispatch, usage and completion; bad usage is one line and 2.
. "$(dirname "$0")/lib.sh"

one_line() { # STATUS REGEX NAME COMMAND...
	local status=$1 regex=$2 name=$3 out err
	shift 3
	out=$("$@" 2>/run/bed/err)
	is "$?" "$status" "$name: exit status"
	err=$(cat /run/bed/err)
	is "$(grep -c . <<<"$err")" 1 "... one line"
	like "$err" "^pam_nsctl: .*$regex" "... that says what to do"
	is "$out" "" "... and no result"
}
verbs=$(pam_nsctl --complete | cut -d ' ' -f 1)
is "$(paste -sd" " <<<"$verbs")" "check show run list status enter end keys doctor" "the verbs"
help=$(pam_nsctl --help)
like "$help" 'pam_nsctl\(8\)' "--help names the manual"
for verb in $verbs; do
	like "$help" $'\n'"  $verb " "--help has $verb"
	seen=$(pam_nsctl "$verb" --help 2>&1)
	is $? 0 "$verb --help"
	like "$seen" "^pam_nsctl $verb" "... shows how it is written"
	is "$(setpriv --reuid 2001 --regid 2001 --clear-groups pam_nsctl "$verb" --help)" "$seen" "... to users too"
	for option in $(pam_nsctl --complete | sed -n "s/^$verb [^ ]* //p"); do
		[ "$option" = -- ] || [ "$option" = --help ] || like "$seen" "  ${option%=} " "... with $option"
	done
	one_line 2 "unknown option --nosuchthing" "$verb --nosuchthing" pam_nsctl "$verb" --nosuchthing
done
is "$(pam_nsctl -h)" "$help" "-h"
is "$(pam_nsctl help)" "$help" "help"

one_line 2 'which verb' "no verb" pam_nsctl
one_line 2 'unknown verb chekc: did you mean check\?' "a typo in a verb" pam_nsctl chekc
one_line 2 'unknown verb frobnicate: see pam_nsctl --help' "no such verb" pam_nsctl frobnicate
one_line 2 'did you mean --json\?' "a typo in an option" pam_nsctl list --jsn
one_line 2 'write --service SERVICE' "an option without its value" pam_nsctl show alice --service
one_line 2 'write --service SERVICE' "an empty value" pam_nsctl show alice --service=
one_line 2 'takes no value' "a value too many" pam_nsctl list --json=yes
one_line 2 'given twice' "an option twice" pam_nsctl list --json --json
one_line 2 'one word too many, x' "a word too many" pam_nsctl list x
one_line 2 'write -- before the command' "a command without --" pam_nsctl run alice true
one_line 2 'nothing to stand behind --' "-- without a command" pam_nsctl run alice --
one_line 2 'nothing to stand behind --' "-- where no command can be" pam_nsctl list -- x
for verb in run doctor; do
	one_line 2 "Write pam_nsctl $verb USER" "$verb without a user" pam_nsctl $verb
	one_line 2 'nosuch: NSS knows no such user' "$verb of an unknown user" pam_nsctl $verb nosuch
	one_line 2 'write one that starts with /' "$verb with a policy by a relative path" pam_nsctl $verb alice --conf x
done
for verb in status enter end; do
	one_line 2 "Write pam_nsctl $verb ID or USER" "$verb without an instance" pam_nsctl $verb
	one_line 2 'nosuch: NSS knows no such user' "$verb of an unknown user" pam_nsctl $verb nosuch
	one_line 2 'alice has no session' "$verb of a user without a session" pam_nsctl $verb alice
	one_line 2 '2001.1: no such instance' "$verb of no instance" pam_nsctl $verb 2001.1
	one_line 2 '4294967295.1.*no such user' "$verb of no uid" pam_nsctl $verb 4294967295.1
	one_line 2 'no such' "$verb of a path" pam_nsctl $verb ../../etc/passwd
done
for verb in run list status enter end doctor; do
	words=alice
	[ $verb != list ] || words=
	# shellcheck disable=SC2086 # none, or one word
	one_line 2 "$verb needs root" "$verb by a user" setpriv --reuid 2001 --regid 2001 --clear-groups pam_nsctl $verb $words
	# shellcheck disable=SC2086
	one_line 2 'inside a session: run it on the host' "$verb inside a session" \
		pam_nsctl run root -- pam_nsctl $verb $words
done
pam_nsctl list >/dev/full 2>/run/bed/err
is $? 2 "a full disk: exit status"
like "$(cat /run/bed/err)" 'writing the result: No space left' "... and a line"

# The table of keys.
keys=$(pam_nsctl keys)
# shellcheck disable=SC2013 # words
for key in $(sed -n 's/^\tK(\([a-z_]*\),.*/\1/p' "$SRC/pam_ns/keys.h"); do
	like $'\n'"$keys" $'\n'"$key(\.[A-Z]+)? = " "keys has $key"
	like "$(pam_nsctl keys "$key")" "^$key.* = " "keys $key"
done
is "$(pam_nsctl keys propagation)" $'propagation = slave | private  (default: slave)\n    whether later mounts of the host appear in the session' "keys NAME: values, default, meaning"
is "$(pam_nsctl keys sysctl.net.ipv4.ip_forward)" "$(pam_nsctl keys sysctl)" "keys NAME.LABEL"
one_line 2 'unknown key netwrok: did you mean network\?' "keys of a typo" pam_nsctl keys netwrok
one_line 2 'unknown key frobnicate' "keys of no key" pam_nsctl keys frobnicate
one_line 2 'exclude one another' "keys in two forms" pam_nsctl keys --conf --mdoc
is "$(pam_nsctl keys --conf)" "$(cat "$SRC/conf/pam_ns.conf")" "keys --conf is the example file"
printf '.Dd $Mdocdate$\n.Dt T 5\n.Os\n.Sh NAME\n.Nm t\n.Nd t\n.Sh KEYS\n%s\n' "$(pam_nsctl keys --mdoc)" >/run/bed/keys.5
try "keys --mdoc is a list that mandoc takes" mandoc -Tlint -W warning /run/bed/keys.5
is "$(mandoc -Tascii /run/bed/keys.5 | col -b | grep -c '^     [a-z_.A-Z]* = ')" "$(grep -c '	K(' "$SRC/pam_ns/keys.h")" "... of every key"

# Completion asks the table.
complete_words() { # WORD...: what could stand for the last
	bash -c '. /usr/share/bash-completion/completions/pam_nsctl
		COMP_WORDS=(pam_nsctl "$@"); COMP_CWORD=$#; _pam_nsctl; echo "${COMPREPLY[*]}"' _ "$@"
}
is "$(complete_words '')" "$(paste -sd" " <<<"$verbs"$'\n'--help)" "completion: the verbs"
is "$(complete_words st)" status "... that begin so"
is "$(complete_words show --s)" "--service --steps" "... options"
is "$(complete_words show ali)" alice "... users"
is "$(complete_words keys prop)" propagation "... keys"
like " $(complete_words run alice --service s) " ' sshd su ' "... services"
is "$(complete_words run alice -- -)" "" "... and nothing of the command"
su alice -s /bin/bash -c 'read -r x' < <(sleep 1000) >/dev/null 2>&1 &
poll_until test -S /run/pam_ns/2001/1.socket
is "$(complete_words end 2)" 2001.1 "... instances"
kill $!
wait $! 2>/dev/null
poll_until no_sessions
clean "usage"

# Colour is for terminals.
on_terminal() { "$TOOLS/ptyrun" 10 -- "$@" | tr -d '\r'; }
esc=$'\e'
like "$(TERM=xterm on_terminal pam_nsctl list)" "$esc\[1mID" "colour on a terminal"
unlike "$(TERM=xterm NO_COLOR=1 on_terminal pam_nsctl list)" "$esc" "... but with NO_COLOR"
unlike "$(TERM=dumb on_terminal pam_nsctl list)" "$esc" "... or on a dumb one"
unlike "$(TERM=xterm pam_nsctl list)" "$esc" "none through a pipe"
done_testing
