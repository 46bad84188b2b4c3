#!/bin/bash
# SPDX-License-Identifier: MIT
# Some of the system calls of a login made to fail; "make faults" tries all of them, see faults/faults.c.
. "$(dirname "$0")/lib.sh"

policy <<<$'[default]\ntimeout = 2\nkill_grace = 0'
echo 'session required pam_ns.so' >/etc/pam.d/faults
mkdir -m 700 /run/pam_ns
base
seen=$("$SRC/build/tests/faults/faults" faults alice 0 6 2>&1) # every sixth call
status=$?
is "$status" 0 "each call of module, helper and init fails in turn: isolated or denied, and undone" || diag "$seen"
cases=$(sed -n 's/^cases \([0-9]*\),.*/\1/p' <<<"$seen")
[ "${cases:-0}" -ge 100 ]
ok $? "... at least 100 cases" || diag "$seen"
like "$seen" 'denied [1-9][0-9]*, killed [1-9][0-9]*, un-isolated 0, leaks 0, hangs 0' "... some denied, some killed, none let through"
policy <<<$'[default]\ntimeout = 1\nkill_grace = 0'
seen=$("$SRC/build/tests/faults/faults" faults alice 11 53 stop 2>&1)
is "$?" 0 "helper or init stopped, at one call or another: denied in time, or as ever; undone" || diag "$seen"
like "$seen" 'isolated [0-9]+, denied ([3-9]|[1-9][0-9]), killed 0, un-isolated 0, leaks 0, hangs 0' "... some denied" || diag "$seen"
is "$(su root -c 'echo in')" in "root gets in"
clean "faults"
done_testing
