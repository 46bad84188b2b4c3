/* SPDX-License-Identifier: MIT */
/*
 * THE table of policy keys. A row makes the member of struct pns_plan and the entry of
 * pns_keys[]; parsing, defaults, unknown-key errors, the wire text, the example file and
 * the manual's key list are loops over it. To add a key: a row here, a step in
 * helper/steps.c if it acts, a paragraph in pam_ns.conf(5), a test.
 */
#ifndef PNS_KEYS_H
#define PNS_KEYS_H

#include "types.h"

/* K(name, type, words, default, one line of meaning). The order is the order of the manual. */
#define PNS_KEYS(K)                                                                         \
	K(isolate, yesno, NULL, "yes", "no: this login is left alone")                      \
	K(kill_grace, seconds, NULL, "1",                                                   \
	  "seconds from SIGHUP and SIGTERM to the end of what still runs after logout")     \
	K(nested, choice, "keep new", "keep",                                               \
	  "su, sudo inside a session: stay in it, or get a new one")                        \
	K(max_sessions, count, NULL, "unlimited", "isolated logins per user at a time")     \
	K(timeout, seconds, NULL, "10", "seconds that opening a session may take")          \
	K(mount, yesno, NULL, "yes", "own mounts")                                          \
	K(ipc, yesno, NULL, "yes",                                                          \
	  "own System V IPC and POSIX queues, own /dev/shm and /dev/mqueue")                \
	K(uts, yesno, NULL, "yes", "own hostname")                                          \
	K(pid, yesno, NULL, "yes", "own process numbers, /proc and init; needs mount")      \
	K(time, yesno, NULL, "yes", "own monotonic and boot clocks")                        \
	K(network, network, "loopback host off", "loopback",                                \
	  "loopback: lo alone; off: not even lo is up; NAME: of ip netns")                  \
	K(cgroup, yesno, NULL, "no", "own view of the cgroup tree")                         \
	K(hostname, hostname, NULL, "%h",                                                   \
	  "also in the session's /etc/hostname and /etc/hosts; needs uts")                  \
	K(domainname, hostname, NULL, "", "NIS domain; empty: the host's; needs uts")       \
	K(uptime, uptime, NULL, "host",                                                     \
	  "session or a number: the clocks start there at login; needs time")               \
	K(private_tmp, choice, "memory no", "memory", "own /tmp and /var/tmp; needs mount") \
	K(tmp_size, size, NULL, "10%", "limit of each of /tmp, /var/tmp and /dev/shm")      \
	K(propagation, choice, "slave private", "slave",                                    \
	  "whether later mounts of the host appear in the session")                         \
	K(capabilities, caps, NULL, "all", "what programs of root can have in the session") \
	K(no_new_privs, yesno, NULL, "no", "yes: no setuid program gives privileges")       \
	K(sysctl, sysctl, NULL, "", "sysctl.NAME = VALUE, for namespaced NAMEs only")       \
	K(hook, hook, NULL, "", "root's program, run in the session before the login goes on")

/* The numbers of each choice's words, in the order of the words above. */
enum pns_network_mode {
	PNS_NETWORK_LOOPBACK,
	PNS_NETWORK_HOST,
	PNS_NETWORK_OFF,
	PNS_NETWORK_NAMED /* no word of the row */
};
enum pns_nested { PNS_NESTED_KEEP, PNS_NESTED_NEW };
enum pns_private_tmp { PNS_PRIVATE_TMP_MEMORY, PNS_PRIVATE_TMP_NO };
enum pns_propagation { PNS_PROPAGATION_SLAVE, PNS_PROPAGATION_PRIVATE };

#define PNS_ROW(name, ...) PNS_KEY_##name,
enum pns_key_index { PNS_KEYS(PNS_ROW) PNS_KEY_COUNT };
#undef PNS_ROW

struct pns_key {
	const char *name;
	const struct pns_type *type;
	const char *words;    /* of a choice, separated by single spaces; else NULL */
	size_t offset;	      /* of the member in struct pns_plan */
	const char *fallback; /* the default, as it would stand in the file */
	const char *doc;
};

extern const struct pns_key pns_keys[PNS_KEY_COUNT];

/* The row of a key by name (lower case, without ".LABEL"), or NULL. */
const struct pns_key *pns_key_find(const char *name, size_t len);

/* The row whose name is closest to a mistyped one (edit distance <= 2), or NULL. */
const struct pns_key *pns_key_closest(const char *name, size_t len);

#endif
