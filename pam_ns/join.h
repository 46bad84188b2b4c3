/* SPDX-License-Identifier: MIT */
/*
 * Of the registry, what needs the inits' word: how many logins there are, and joining one. Only
 * what the registry lists and its init confirms counts: processes are never looked at, since a
 * user can make them look like anything (CVE-2022-31214). For pns_instance_enter() alone.
 */
#ifndef PNS_JOIN_H
#define PNS_JOIN_H

#include "instance.h"

/* 0 if one more login is within plan->max_sessions; -EUSERS, or another -errno, with err filled. */
int pns_join_count(const struct pns_plan *plan, const struct pns_instance *instance,
		   struct pns_err *err);

/*
 * Attaches to a live instance with scope = user, if there is one, and fills in instance. 0 in
 * both cases: instance->joined tells. -errno with err filled.
 */
int pns_join(const struct pns_plan *plan, const struct timespec *deadline,
	     struct pns_instance *instance, struct pns_err *err);

#endif
