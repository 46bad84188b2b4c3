/* SPDX-License-Identifier: MIT */
/* A systemd scope for an init that several logins share. */
#ifndef PNS_SCOPE_H
#define PNS_SCOPE_H

#include "err.h"
#include "plan.h"

/*
 * With scope = user, where systemd runs: moves this process, and so the init that it will clone, from
 * the first login's session scope into pam_ns-UID-N.scope in user-UID.slice. logind ends a session by
 * killing its scope, and must not end the others with it. The processes of each login are not
 * moved: they stay in their own sessions.
 *
 * Waits at most half of plan->timeout. 0; -errno with err filled: then init stays where it was, which costs
 * no isolation, so it is no reason to deny a login.
 */
int scope_enter(const struct pns_plan *plan, struct pns_err *err);

#endif
