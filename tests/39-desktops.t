#!/bin/bash
# SPDX-License-Identifier: MIT
# Display managers open the session in a program with D-Bus threads, and start more of them while it is
# open (lightdm: g_bus_get_sync(3) after pam_open_session). What conf/pam.d tells them to set
# makes that work; without it the thread is refused, and the host's is never what they get.
. "$(dirname "$0")/lib.sh"

: >/tmp/of-the-host
base
HOSTS=$(for n in mnt ipc uts; do readlink /proc/self/ns/$n; done | sed 's/[][]/\\&/g' | paste -sd'|')
for service in lightdm gdm-password; do
	stack $service
	policy </dev/null
	seen=$(timeout -s KILL 60 "$TOOLS/caller" $service alice threads 2>&1)
	unlike "$seen" 'new thread while open: Success' "$service, no advice: no new thread in the session"
	# The policy that the example file of this service asks for.
	sed -n 's/^#   //p' "$SRC/conf/pam.d/$service" | policy
	like "$(cat /etc/security/pam_ns.conf)" "service $service" "$service: the example has a policy for it"
	seen=$(timeout -s KILL 60 "$TOOLS/caller" $service alice threads 2>&1)
	ok $? "$service, as the example says: opens" || diag "$seen"
	like "$seen" 'new thread while open: Success' "$service: ... new threads start while it is open"
	like "$seen" 'new thread: Success' "$service: ... and after it"
	is "$(grep -cE '^inside (mnt|ipc|uts|net|pid|time):' <<<"$seen")" 6 "$service: a child of the session"
	unlike "$(grep '^inside' <<<"$seen")" "$HOSTS" "$service: ... is in mounts, IPC and names of its own"
	like "$seen" 'other thread: same namespaces' "$service: the D-Bus thread stays outside"
	like "$seen" 'other thread: same /tmp' "$service: ... with its root"
	is "$(grep CHANGED <<<"$seen")" "" "$service: nothing is changed that is not meant"
done
clean "desktops"
done_testing
