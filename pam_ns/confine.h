/* SPDX-License-Identifier: MIT */
/* What the login program's thread gives up for its session: no way leads back from that. */
#ifndef PNS_CONFINE_H
#define PNS_CONFINE_H

#include <stdbool.h>

#include "err.h"
#include "types.h"

struct pns_plan;

/* Of a plan, kept until everything else is done. */
struct pns_confine {
	struct pns_caps caps;
	bool no_new_privs;
};

/* Will pns_confine() be able to? Asked before anything is changed. 0 or -EPERM. */
int pns_confine_check(const struct pns_plan *plan, struct pns_err *err);

/*
 * Takes what the policy does not leave out of the calling thread's bounding, inheritable and ambient
 * sets, sets no_new_privs, and reads all of it back. The permitted and effective sets stay: closing the
 * session takes them, and the user's process loses them by setuid(2) and exec (capabilities(7)).
 *
 * This is for good, so it must come last: a session that fails after it leaves the thread with less
 * than it had. -errno.
 */
int pns_confine(const struct pns_confine *confine, struct pns_err *err);

#endif
