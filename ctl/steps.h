/* SPDX-License-Identifier: MIT */
#ifndef CTL_STEPS_H
#define CTL_STEPS_H

#include "plan.h"

/* What opening a session by this plan makes, in its order, as a tree on stdout. */
void steps_print(const struct pns_plan *plan);

#endif
