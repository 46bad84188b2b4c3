/* SPDX-License-Identifier: MIT */
#ifndef PNS_NET_H
#define PNS_NET_H

#include "err.h"
#include "plan.h"

/*
 * Steps into the named network namespace, so that init is born there; nothing for the other kinds.
 * Before that, in the host's view: the name is a file that `ip netns` made. -errno with what to do.
 */
int net_join(const struct pns_plan *plan, struct pns_err *err);

#endif
