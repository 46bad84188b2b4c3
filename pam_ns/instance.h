/* SPDX-License-Identifier: MIT */
/*
 * The registry of instances: /run/pam_ns/UID/N is the plan that instance N of user UID was opened
 * with, /run/pam_ns/UID/N.socket is where its init listens. Init holds a flock on the plan
 * file's open file description: an entry that can be locked is dead, however its init died.
 * Inside a session the registry is another one, /run/pam_ns/nested, of the sessions opened in there.
 * A flock on /run/pam_ns/UID itself is the user's lock: who holds it counts, creates and joins alone.
 */
#ifndef PNS_INSTANCE_H
#define PNS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "err.h"
#include "plan.h"
#include "wire.h"

struct pns_instance {
	uid_t uid;
	unsigned int number;
	int registry; /* PNS_REGISTRY */
	int user;     /* the user's directory while this login holds the user's lock; else -1 */
	int lock;     /* the plan file of a new entry, flocked and still empty; else -1 */
	/* Of an instance that was there and has been joined: */
	bool joined;
	bool changed;	 /* the policy is another by now */
	uint32_t leader; /* the number that its init gave us */
	int init;	 /* pidfd */
	char clocks[PNS_CLOCKS_SIZE];
	struct pns_plan *plan; /* that it was opened with */
};

#define PNS_INSTANCE_NONE                                           \
	{                                                           \
		.registry = -1, .user = -1, .lock = -1, .init = -1, \
	}

/*
 * Joins a live instance of the user, if the plan's scope allows for it and there is one, or makes a
 * new entry, which nobody ever sees unlocked; removes the user's dead entries on the way. In either
 * case at most plan->max_sessions logins of the user live then, whatever programs they came through.
 *
 * Joined: this process is a leader of the instance. New, with scope = user: the user's lock is
 * held, so that the next login waits until this one is in its session or has failed: release or discard
 * soon. An instance that is ending, or is of another version of pam_ns, is passed over.
 *
 * -EUSERS: too many logins; -ETIMEDOUT at the deadline; -ENOSPC and others when /run does not take
 * it. On failure nothing is left. The caller releases or discards *ret_instance.
 */
int pns_instance_enter(const struct pns_plan *plan, const struct timespec *deadline,
		       struct pns_instance *ret_instance, struct pns_err *err);

/* Closes what this process holds of the entry, which lives on with its init. */
void pns_instance_release(struct pns_instance *instance);

/* The same, and undoes pns_instance_enter(): for a session that did not come to life. */
void pns_instance_discard(struct pns_instance *instance);

/* Takes a user's dead entries out of the registry, as the user's next login would. */
void pns_instance_sweep(uid_t uid);

/* Where the registry of this process lies: the host's, or inside a session that one's own. */
const char *pns_instance_registry(void);

/* The live entries of a user, for pns_instance_enter(): fn returns 0 to go on. fd is the plan file. */
typedef int (*pns_instance_fn)(void *arg, unsigned int number, int fd);
int pns_instance_each(int user, pns_instance_fn fn, void *arg);

/*
 * Asks the init of an instance and waits at most timeout_ms for its answer. *msg is request and
 * answer; fd goes with the request unless it is -1; if ret_init is not NULL, the answer carries a
 * pidfd of init. 0; -ENOENT, -ECONNREFUSED, -ECONNRESET or -EPIPE if there is no such (live)
 * instance; -ETIMEDOUT; -EPROTO; or the negative code of an ERROR answer. Must be called in the
 * mount namespace that the instance was made from.
 */
int pns_instance_request(uid_t uid, unsigned int number, struct pns_msg *msg, int fd, int *ret_init,
			 int timeout_ms);

/*
 * Is this process inside a session already? Only root can make the file that says so, here and
 * on the host, and inside it lies on a read-only mount: a user cannot forge it (CVE-2022-31214).
 */
bool pns_instance_inside(void);

#endif
