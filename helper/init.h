/* SPDX-License-Identifier: MIT */
/* PID 1 of an instance, from READY on. */
#ifndef PNS_INIT_H
#define PNS_INIT_H

#include "err.h"
#include "plan.h"

/* Every fd that init holds, and the only ones. */
struct init_fds {
	int leader;   /* pidfd of the login program that opened the instance */
	int lock;     /* the plan file: flocked, which says that this instance lives */
	int registry; /* a detached mount of the registry, to remove our entry at the end */
	int listener; /* the instance's socket */
	int signals;  /* signalfd */
	int self; /* pidfd of init, for those that attach: nobody else's word says who init is */
};

/* Blocks signals and makes signals and self. The last thing before READY that can fail. -errno. */
int init_prepare(struct init_fds *fds, const struct pns_plan *plan, struct pns_err *err);

/*
 * Takes the plan, which came from malloc, and frees it. Lives until the last leader is gone, or longer if the policy lets it linger, or somebody ends it.
 * pid: the first leader's number on the host. Nothing in here may fail any more.
 */
__attribute__((noreturn)) void init_run(struct pns_plan *plan, const struct init_fds *fds,
					pid_t pid);

#endif
