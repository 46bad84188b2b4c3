/* SPDX-License-Identifier: MIT */
/* Starts the helper, which leaves an init behind, without the login program noticing. */
#ifndef PNS_SPAWN_H
#define PNS_SPAWN_H

#include "instance.h"
#include "plan.h"

/* What the caller has to do itself, while the helper starts. 0 or -errno with err filled. */
typedef int (*pns_meanwhile_fn)(void *arg, struct pns_err *err);

/*
 * Runs the helper for the plan and waits until the instance's init says that every step is done, at
 * most until the deadline; meanwhile(arg) is run beside it, once, when there is a helper. 0 and
 * *ret_init, a pidfd of init; what the helper has to say all the same goes to pns_err_note(). On
 * failure, meanwhile()'s too, err says which step failed and why, the helper, which is to be init, is
 * dead or dying, or gives itself up when it finds that nobody listens, and no child is left; nor
 * memory, unless root has killed the child between.
 *
 * The helper is the child of a child between, which is reaped here. That one sends no SIGCHLD and no
 * wait() without __WALL sees it (clone(2), exit signal 0): nothing of the caller's signals is changed,
 * and no other thread or handler can reap it. The helper itself could not be such a child, since
 * exec gives SIGCHLD back (de_thread() in fs/exec.c). It is adopted by the machine's init.
 */
int pns_spawn(const struct pns_plan *plan, const struct pns_instance *instance,
	      const struct timespec *deadline, pns_meanwhile_fn meanwhile, void *arg, int *ret_init,
	      struct pns_err *err);

#endif
