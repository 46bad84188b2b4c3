/* SPDX-License-Identifier: MIT */
/* What module, helper, init and pam_nsctl say to one another, over SEQPACKET sockets. */
#ifndef PNS_WIRE_H
#define PNS_WIRE_H

#include <stdint.h>

#define PNS_REGISTRY	 "/run/pam_ns" /* root's, 0700; inside a session a read-only stand-in */
#define PNS_INSIDE	 "session"     /* the file in the stand-in that says: you are inside */
#define PNS_NESTED	 "nested" /* the directory in it that is the registry of sessions inside */
#define PNS_HELPER_SOCK	 3	  /* the helper's end of the module's socket */
#define PNS_FIRST_LEADER 0	  /* the login program that opened the instance */

/*
 * Module -> helper, once: the plan's text with three fds, in this order: a pidfd of the login
 * program, the registry's directory, the instance's plan file (opened and flocked by the module;
 * the lock lives as long as init does and is how the registry tells live from dead).
 */
#define PNS_PLAN_FDS 3

enum pns_msg_kind {
	/* the child between, helper, then init -> module */
	PNS_MSG_FORKED = 1, /* the helper exists; one fd: its pidfd */
	PNS_MSG_STARTED,    /* init exists; one fd: its pidfd */
	PNS_MSG_READY,	    /* every step is done: the caller may join */
	PNS_MSG_ERROR,	    /* text says what failed; code is its errno */
	PNS_MSG_LOG,	    /* text is a line for the log: what a hook said */
	/* anyone of root -> init, on the instance's socket; the answer is OK or ERROR */
	PNS_MSG_ATTACH, /* one fd: the pidfd of a further leader; OK carries its number */
	PNS_MSG_DETACH, /* leader: the number that ATTACH gave (PNS_FIRST_LEADER) */
	PNS_MSG_STATUS, /* OK carries "key=value" lines in text */
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
