// SPDX-License-Identifier: MIT
/* pam_nsctl run: a session such as a login gets, without PAM and without a login. */
#include <errno.h>
#include <stdlib.h>

#include "child.h"
#include "ctl.h"
#include "out.h"
#include "resolve.h"
#include "session.h"

static int run_in_session(struct child *child, struct pns_plan *plan)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_session *session = NULL;
	int status;

	if (!err)
		return fail("run: out of memory");
	if (!plan->isolate) {
		note("isolate = no: %s is left alone", plan->who.user);
	} else if (pns_session_open(plan, &session, err) < 0) {
		status = fail_err(err, "run: session for %s denied: ", plan->who.user);
		free(err);
		return status;
	} else {
		child->id = plan->id;
		child->confined_by = plan;
	}
	status = child_run(child);
	if (session && pns_session_close(session, err) < 0)
		fail_err(err, "run: session not wholly undone: ");
	pns_session_free(session);
	free(err);
	return status;
}

int verb_run(const struct args *args)
{
	struct child child = CHILD_NONE;
	struct pns_policy policy = {0};
	int r;

	r = resolve("run", args->target, args->value[RUN_SERVICE], args->value[RUN_CONF], &policy);
	if (r)
		return r;
	child.verb = "run";
	child.command = args->command;
	child.login = true;
	r = child_prepare(&child, args->target);
	if (r == 0)
		r = run_in_session(&child, &policy.plan);
	child_free(&child);
	pns_policy_free(&policy);
	return r;
}
