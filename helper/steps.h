/* SPDX-License-Identifier: MIT */
/* The order in which init builds a session, as data. */
#ifndef PNS_STEPS_H
#define PNS_STEPS_H

#include <stdbool.h>

#include "err.h"
#include "plan.h"

/* Inside the new namespaces, as the only process of them. */
struct step {
	const char *name; /* for messages: "mounting /tmp" */
	bool (*applies)(const struct pns_plan *plan);
	int (*run)(const struct pns_plan *plan, struct pns_err *err);
};

/* Runs those that apply, in order; stops at the first that fails, with err saying which. */
int steps_run(const struct pns_plan *plan, struct pns_err *err);

/* Says why a mount failed; ENOSPC is no full disk but fs.mount-max (proc_sys_fs(5)). -code. */
int mount_failed(struct pns_err *err, int code, const char *what);

/* mount.c: each is a step; 0 or -errno with err filled. */
int step_root(const struct pns_plan *plan, struct pns_err *err);
int step_propagation(const struct pns_plan *plan, struct pns_err *err);
int step_proc(const struct pns_plan *plan, struct pns_err *err);
int step_sys(const struct pns_plan *plan, struct pns_err *err);
int step_tmp(const struct pns_plan *plan, struct pns_err *err);
int step_ipc(const struct pns_plan *plan, struct pns_err *err);

/* names.c */
int step_registry(const struct pns_plan *plan, struct pns_err *err);
int step_names(const struct pns_plan *plan, struct pns_err *err);

/* hook.c */
int step_hook(const struct pns_plan *plan, struct pns_err *err);

/* net.c */
int step_netns_etc(const struct pns_plan *plan, struct pns_err *err);
int step_loopback(const struct pns_plan *plan, struct pns_err *err);
int step_sysctl(const struct pns_plan *plan, struct pns_err *err);

#endif
