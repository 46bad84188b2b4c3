#!/bin/bash
# SPDX-License-Identifier: MIT
# Each fuzz harness runs its seeds and all that was ever found, and some seconds of what comes of
# them; "make fuzz" is the long run, see fuzz/run.
. "$(dirname "$0")/lib.sh"

mkdir /run/bed/fuzz
cp -a "$SRC/tests" "$SRC/conf" /run/bed/fuzz
mkdir -p /run/bed/fuzz/build/tests
cp -a "$SRC/build/tests/fuzz" /run/bed/fuzz/build/tests # what runs here must not write into the tree
for harness in ini policy plan messages answers; do
	line=$(/run/bed/fuzz/tests/fuzz/run 5 $harness 2>&1)
	status=$?
	is $status 0 "$harness: no promise broken" || diag "$line" "$(tail -n 40 "/run/bed/fuzz/build/fuzz/log/$harness")"
	like "$line" "^$harness: [0-9]+ runs, [1-9][0-9]* edges, [1-9][0-9]* inputs" "$harness: $line"
	runs=${line#*: } inputs=${line% inputs*}
	[ "${runs%% *}" -gt $((2 * ${inputs##* })) ]
	ok $? "$harness: more than its seeds were run" || diag "$line"
done
[ "$(find /run/bed/fuzz/build/fuzz/plans -type f | grep -c .)" -ge 5 ]
ok $? "the seeds of policies give plans"
done_testing
