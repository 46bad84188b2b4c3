/* SPDX-License-Identifier: MIT */
/*
 * The registry of instances: /run/pam_ns/UID/N is the plan that instance N of user UID was opened
 * with, /run/pam_ns/UID/N.socket is where its init listens. Init holds a flock on the plan
 * file's open file description: an entry that can be locked is dead, however its init died.
 * Inside a session the registry is another one, /run/pam_ns/nested, of the sessions opened in there.
 */
#ifndef PNS_INSTANCE_H
#define PNS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "wire.h"

struct pns_instance {
	uid_t uid;
	unsigned int number;
	int registry; /* PNS_REGISTRY */
	int lock;     /* the plan file, flocked and still empty */
};

#define PNS_INSTANCE_NONE                  \
	{                                  \
		.registry = -1, .lock = -1 \
	}

/*
 * A new entry for uid, visible only when it is already locked. Removes uid's dead entries on
 * the way. -EUSERS if uid has max live ones already (PNS_UNLIMITED: never); -ENOSPC and
 * others when /run does not take it. On failure nothing is left. The caller releases or discards it.
 */
int pns_instance_create(uid_t uid, uint32_t max, struct pns_instance *ret_instance,
			struct pns_err *err);

/* Closes what this process holds of the entry, which lives on with its init. */
void pns_instance_release(struct pns_instance *instance);

/* The same, and removes the entry: for an instance that did not come to life. */
void pns_instance_discard(struct pns_instance *instance);

/*
 * Asks the init of an instance and waits at most timeout_ms for its answer. *msg is request and
 * answer. 0; -ENOENT or -ECONNREFUSED if there is no such (live) instance; -ETIMEDOUT; -EPROTO;
 * or the negative code of an ERROR answer. Must be called in the mount namespace
 * that the instance was made from.
 */
int pns_instance_request(uid_t uid, unsigned int number, struct pns_msg *msg, const int *fds,
			 unsigned int nfds, int timeout_ms);

/*
 * Is this process inside a session already? Only root can make the file that says so, here and
 * on the host, and inside it lies on a read-only mount: a user cannot forge it (CVE-2022-31214).
 */
bool pns_instance_inside(void);

#endif
