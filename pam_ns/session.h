/* SPDX-License-Identifier: MIT */
/* The life of one login: open, close, undo. */
#ifndef PNS_SESSION_H
#define PNS_SESSION_H

#include <stdbool.h>

#include "err.h"
#include "plan.h"

struct pns_session;

/*
 * Makes the instance that the plan describes, or joins the one that the user has, and moves the
 * calling thread into it: all or nothing, within plan->timeout seconds. plan->id is filled in, and
 * *plan becomes that of the instance where one is joined. On failure everything is as it was
 * before, but for what pns_caller_begin() says of threads; err says which step failed.
 */
int pns_session_open(struct pns_plan *plan, struct pns_session **ret_session, struct pns_err *err);

/*
 * Gives up the capabilities that the session is not to have, and takes on no_new_privs: the last step
 * of opening, when nothing else can fail, since the calling thread never gets them back. -errno: the
 * session must then be closed.
 */
int pns_session_confine(const struct pns_session *session, struct pns_err *err);

/*
 * Goes back to where the caller came from and detaches from init, which ends the instance if this
 * was the last login in it and the policy does not let it linger; waits for that for at most 50 ms,
 * and not at all while processes are left in it: sshd reaps its child after this call,
 * and init cannot end before. Does nothing the second time, and nothing in a forked copy
 * of the caller. -errno when something could not be put back, with everything else put back.
 */
int pns_session_close(struct pns_session *session, struct pns_err *err);

/* Is it still open, and is this the process that opened it (not a forked copy of it)? */
bool pns_session_is_open(const struct pns_session *session);

/* Frees the memory and closes the fds; close it first. */
void pns_session_free(struct pns_session *session);

#endif
