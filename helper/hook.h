/* SPDX-License-Identifier: MIT */
#ifndef PNS_HOOK_H
#define PNS_HOOK_H

#include "err.h"
#include "plan.h"

/*
 * Opens every hook's program as the host sees it, and starts the clock that bounds them all. Before
 * init is made, which inherits the fds; step_hook() closes them. -errno with the hook named.
 */
int hooks_open(const struct pns_plan *plan, struct pns_err *err);

#endif
