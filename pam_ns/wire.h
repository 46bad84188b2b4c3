/* SPDX-License-Identifier: MIT */
/* What module, helper, init and pam_nsctl say to one another, over SEQPACKET sockets. */
#ifndef PNS_WIRE_H
#define PNS_WIRE_H

#include <stdint.h>

#define PNS_REGISTRY	 "/run/pam_ns" /* root's, 0700; inside a session a read-only stand-in */
#define PNS_INSIDE	 "session"     /* the file in the stand-in that says: you are inside */
#define PNS_NESTED	 "nested" /* the directory in it that is the registry of sessions inside */
#define PNS_HELPER_SOCK	 3	  /* the helper's end of the module's socket */
#define PNS_CLOCKS_SIZE	 128	  /* what /proc/PID/timens_offsets holds, with its NUL */
#define PNS_REQUEST_MS	 200	  /* init answers at once; this is for a machine out of breath */
#define PNS_FIRST_LEADER 0	  /* the login program that opened the instance */

/*
 * Module -> helper, once: the plan's text with three fds, in this order: a pidfd of the login
 * program, a detached mount of the registry, the instance's plan file (opened and flocked by the module;
 * the lock lives as long as init does and is how the registry tells live from dead).
 */
#define PNS_PLAN_FDS 3

enum pns_msg_kind {
	/* the child between -> module */
	PNS_MSG_FORKED = 1, /* the helper exists, which becomes init; one fd: its pidfd */
	/* the helper's child that makes it -> helper, on a socket of their own */
	PNS_MSG_NETWORK, /* one fd: the session's network namespace; or code: why there is none */
	/* the helper -> module */
	PNS_MSG_READY, /* every step is done: the caller may join */
	PNS_MSG_ERROR, /* text says what failed; code is its errno */
	PNS_MSG_LOG,   /* text is a line for the log; the session is whole all the same */
	/* the child between -> module, instead of FORKED */
	PNS_MSG_UNMADE, /* code: why; leader: the namespace's place in pns_nstab, or past its end */
	/* anyone of root -> init, on the instance's socket; the answer is OK or ERROR */
	/*
	 * One fd: the pidfd of a further leader; code its pid, text its service. OK carries its
	 * number, a pidfd of init, and in text the offsets of the clocks, as in timens_offsets.
	 */
	PNS_MSG_ATTACH,
	PNS_MSG_DETACH, /* leader: the number that ATTACH gave (PNS_FIRST_LEADER) */
	PNS_MSG_STATUS, /* OK carries "key=value" lines in text, id= first, and a pidfd of init */
	PNS_MSG_TERMINATE,
	PNS_MSG_OK,
};

/* Fixed in size: a message of any other length is malformed. */
struct pns_msg {
	uint32_t kind;
	int32_t code;
	uint32_t leader;
	char text[1012];
};

#endif
