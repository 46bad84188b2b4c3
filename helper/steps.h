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

/* mount.c: each is a step; 0 or -errno with err filled. */
int step_root(const struct pns_plan *plan, struct pns_err *err);
int step_propagation(const struct pns_plan *plan, struct pns_err *err);

/* mount.c: says why a mount failed; ENOSPC is no full disk but fs.mount-max (proc_sys_fs(5)). -code. */
int mount_failed(struct pns_err *err, int code, const char *what);

/* mountinfo.c: proc_pid_mountinfo(5) of this namespace, to be freed. 0 or -errno with err filled. */
int mountinfo_read(char **ret_text, struct pns_err *err);

/*
 * mountinfo.c: the same as it was when this was first called, before the session's first mount; the
 * kernel takes its time for each line. Kept until mountinfo_forget().
 */
int mountinfo_before(const char **ret_text, struct pns_err *err);
void mountinfo_forget(void);

/* mountinfo.c: cuts a field of it off from what follows; octal escapes stand for blanks and backslashes. */
void mountinfo_field(char *field);

/* mount.c: a sysfs of this network namespace, with what is mounted on the host's. */
int mount_sys(struct pns_err *err);

/* layout.c: every mount of the plan's layout. */
int step_mounts(const struct pns_plan *plan, struct pns_err *err);

/* procs.c: every other procfs shows the session's processes too. */
int step_procs(const struct pns_plan *plan, struct pns_err *err);

/* names.c */
#define STAND_INS "hidden" /* directory in the stand-in for the registry: "dir" and "file" */
int step_registry(const struct pns_plan *plan, struct pns_err *err);
int step_files(const struct pns_plan *plan, struct pns_err *err);
int step_names(const struct pns_plan *plan, struct pns_err *err);

/* hook.c */
int step_hook(const struct pns_plan *plan, struct pns_err *err);

/* net.c */
int step_netns_etc(const struct pns_plan *plan, struct pns_err *err);
int step_named_network(const struct pns_plan *plan, struct pns_err *err);
/*
 * Has a child make the new network namespace, which takes the kernel longer than all the others, while
 * the steps begin; step_new_network() waits for it and joins it, once, and then does nothing. 0 or
 * -errno with err filled. The child ends by itself, or with init.
 */
int network_begin(const struct pns_plan *plan, struct pns_err *err);
int step_new_network(const struct pns_plan *plan, struct pns_err *err);
int step_loopback(const struct pns_plan *plan, struct pns_err *err);
int step_sysctl(const struct pns_plan *plan, struct pns_err *err);

#endif
