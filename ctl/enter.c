// SPDX-License-Identifier: MIT
/* pam_nsctl enter: a shell in a live session, joined through what its own init handed out. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "ctl.h"
#include "live.h"
#include "nstab.h"
#include "out.h"

#define ENDING_MS 500

static int join(const struct pns_live *live)
{
	const char *id = live->plan.id;

	/* All or nothing; and the pidfd is init's own, which no other process can come to be. */
	if (setns(live->init, pns_ns_flags(&live->plan)) < 0)
		return errno == ESRCH ? fail("enter: %s has ended: see pam_nsctl list", id)
				      : fail("enter: joining %s: %s", id, strerror(errno));
	if (chdir("/") < 0)
		return fail("enter: %s: /: %s", id, strerror(errno));
	return 0;
}

static int enter(struct pns_live *live, const struct args *args)
{
	const bool as_user = args->value[ENTER_USER] != NULL;
	struct child child = CHILD_NONE;
	int r;

	child.verb = "enter";
	child.command = args->command;
	child.id = live->plan.id;
	child.login = child.to_home = as_user;
	if (as_user)
		child.confined_by = &live->plan;
	r = child_prepare(&child, as_user ? live->plan.who.user : "root");
	if (r == 0 && as_user && child.uid != live->plan.who.uid)
		r = fail("enter: %s is %s's, who has another uid by now: enter it as root",
			 live->plan.id, live->plan.who.user);
	if (r == 0)
		r = join(live);
	if (r == 0) {
		r = child_run(&child);
		/* Init goes last; and a signal may have been just somebody's. */
		if (r > 128)
			poll(&(struct pollfd){.fd = live->init, .events = POLLIN}, 1, ENDING_MS);
		if (live_gone(live))
			note("%s has ended", live->plan.id);
	}
	child_free(&child);
	return r;
}

int verb_enter(const struct args *args)
{
	struct pns_live *live;
	size_t n;
	int r;

	r = live_find("enter", args->target, false, &live, &n);
	if (r)
		return r;
	if (n == 1)
		r = enter(&live[0], args);
	else
		r = fail("enter: %s has %zu sessions: name one of them: %s to %s", args->target, n,
			 live[0].plan.id, live[n - 1].plan.id);
	live_free(live, n);
	return r;
}
