/* SPDX-License-Identifier: MIT */
/* Looking at the registry from outside, for pam_nsctl: what is there, and does it live. Changes nothing. */
#ifndef PNS_REGISTRY_H
#define PNS_REGISTRY_H

#include <sys/types.h>

#include "err.h"
#include "plan.h"
#include "wire.h"

/* The name of an instance: "UID.N". */
struct pns_entry {
	uid_t uid;
	unsigned int number;
};

/* An instance that its own init has confirmed. */
struct pns_live {
	struct pns_entry entry;
	struct pns_plan plan; /* that it was opened with */
	int init;	      /* pidfd, from init itself: never found by looking at processes */
	char status[sizeof(((struct pns_msg *)0)->text)]; /* "key=value" lines, see wire.h */
};

#define PNS_LIVE_NONE      \
	{                  \
		.init = -1 \
	}

/*
 * Every entry by its name, in order, dead ones and what only looks like one included. None is no
 * error, nor is a registry that is not there yet. The caller frees *ret_entries. -errno when the
 * registry cannot be read; a user's directory that root did not make is added to err and left out.
 */
int pns_registry_list(struct pns_entry **ret_entries, size_t *ret_n, struct pns_err *err);

/*
 * Reads the plan of an entry and asks its init, for at most a second. Takes no lock: a login that counts
 * entries must not find a dead one alive because we look at it. 0; -ENOENT when there is no
 * such entry; -EAGAIN while it is being opened; -ESTALE when its init is gone; -ETIMEDOUT when it does
 * not answer, and then *ret_live is filled but for init and status; -EPROTO or -EPERM when it is not
 * what pam_ns made. err holds one line. Free with pns_live_free().
 */
int pns_registry_look(struct pns_entry entry, struct pns_live *ret_live, struct pns_err *err);

void pns_live_free(struct pns_live *live);

#endif
