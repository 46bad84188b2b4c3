// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "caller.h"
#include "confine.h"
#include "deadline.h"
#include "fd.h"
#include "instance.h"
#include "session.h"
#include "spawn.h"

#define END_GRACE_MS 50
#define JOIN_TRIES   5 /* an instance that is killed between its yes and our step into it is rare */

struct pns_session {
	/*
	 * The opener's mark: a page that the kernel empties in forked copies (MADV_WIPEONFORK).
	 * A pid could not tell them apart: the copy may have any number in its own namespace.
	 */
	bool *opener;
	struct pns_caller caller;
	struct pns_confine confine;
	uid_t uid;
	unsigned int number;
	uint32_t leader;
	bool shared;	      /* others may be in it: it is not ours to end */
	struct pns_kept init; /* pidfd */
};

static long page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* NULL, with err filled, if memory is short. */
static struct pns_session *session_new(struct pns_err *err)
{
	const size_t size = (size_t)page_size();
	struct pns_session *session = calloc(1, sizeof(*session));
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!session || page == MAP_FAILED || madvise(page, size, MADV_WIPEONFORK) < 0) {
		pns_err_sys(err, errno, "memory for a session");
		if (page != MAP_FAILED)
			munmap(page, size);
		free(session);
		return NULL;
	}
	for (int i = 0; i < PNS_NS_COUNT; i++)
		session->caller.ns[i] = (struct pns_kept)PNS_KEPT_NONE;
	session->init = (struct pns_kept)PNS_KEPT_NONE;
	session->opener = page;
	*session->opener = true;
	return session;
}

struct saving {
	struct pns_caller *caller;
	const struct pns_plan *plan;
};

static int save(void *arg, struct pns_err *err)
{
	const struct saving *saving = arg;

	return pns_caller_save(saving->caller, saving->plan, err);
}

/* Makes the instance of the entry that is ours now. */
static int create(struct pns_session *session, struct pns_plan *plan,
		  const struct pns_instance *instance, const struct timespec *deadline,
		  struct pns_err *err)
{
	struct saving saving = {&session->caller, plan};
	int init = -1, r;

	snprintf(plan->id, sizeof(plan->id), "%u.%u", instance->uid, instance->number);
	session->leader = PNS_FIRST_LEADER;
	r = pns_spawn(plan, instance, deadline, save, &saving, &init, err);
	return r < 0 ? r : pns_kept_take(&session->init, init);
}

/* Takes over what pns_instance_enter() has got from init. */
static int join(struct pns_session *session, struct pns_instance *instance, struct pns_err *err)
{
	int r = pns_caller_save(&session->caller, instance->plan, err);

	session->leader = instance->leader;
	return r < 0 ? r : pns_kept_take(&session->init, pns_fd_steal(&instance->init));
}

static int open_steps(struct pns_session *session, struct pns_plan *plan,
		      const struct timespec *deadline, struct pns_instance *instance,
		      struct pns_err *err)
{
	const struct pns_plan *theirs;
	int r;

	r = pns_instance_enter(plan, deadline, instance, err);
	if (r < 0)
		return r;
	/* What counts in an instance is what it was opened with, for every login in it. */
	theirs = instance->joined ? instance->plan : plan;
	session->uid = instance->uid;
	session->number = instance->number;
	session->shared = theirs->scope == PNS_SCOPE_USER;
	r = pns_confine_check(theirs, err);
	if (r == 0)
		r = pns_caller_begin(&session->caller, theirs, err);
	if (r == 0 && theirs->time)
		r = pns_caller_aim_time(&session->caller, theirs, plan->who.service,
					instance->joined ? instance->clocks : NULL, err);
	if (r == 0)
		r = instance->joined ? join(session, instance, err)
				     : create(session, plan, instance, deadline, err);
	if (r == 0)
		r = pns_caller_join(&session->caller, theirs, session->init.fd, !instance->joined,
				    err);
	return r;
}

static void signal_init(const struct pns_session *session, int sig)
{
	if (pns_kept_is_ours(&session->init))
		pidfd_send_signal(session->init.fd, sig, NULL, 0);
}

/* Back to where open_steps() began. A new instance has nobody else in it yet: it ends at once. */
static void undo(struct pns_session *session, struct pns_instance *instance, struct pns_err *err)
{
	pns_caller_restore(&session->caller, err);
	if (!instance->joined)
		signal_init(session, SIGKILL);
	pns_instance_discard(instance);
	pns_session_free(session);
}

int pns_session_open(struct pns_plan *plan, struct pns_session **ret_session, struct pns_err *err)
{
	const struct timespec deadline = pns_deadline_in(plan->timeout);
	struct pns_session *session;
	int r = -ESRCH;

	for (int try = 0; r == -ESRCH && try < JOIN_TRIES; try++) {
		struct pns_instance instance = PNS_INSTANCE_NONE;

		pns_err_clear(err);
		session = session_new(err);
		if (!session)
			return -ENOMEM;
		r = open_steps(session, plan, &deadline, &instance, err);
		if (r < 0) {
			undo(session, &instance, err);
			continue;
		}
		if (instance.changed)
			pns_err_note(err,
				     "policy changed since instance %s was opened: it takes effect "
				     "with the next instance",
				     instance.plan->id);
		if (instance.joined)
			pns_plan_adopt(plan, instance.plan);
		pns_instance_release(&instance);
		session->confine = (struct pns_confine){.caps = plan->capabilities,
							.no_new_privs = plan->no_new_privs};
		*ret_session = session;
	}
	return r;
}

int pns_session_confine(const struct pns_session *session, struct pns_err *err)
{
	return pns_confine(&session->confine, err);
}

/*
 * Init ends when its last leader detaches. What it cannot be told by socket, a signal says, if
 * nobody else can be in there; else it will see this program end.
 */
static void detach(struct pns_session *session)
{
	struct pns_msg msg = {.kind = PNS_MSG_DETACH, .leader = session->leader};
	struct pollfd wait = {.fd = session->init.fd, .events = POLLIN};
	int r;

	r = pns_instance_request(session->uid, session->number, &msg, -1, NULL, PNS_REQUEST_MS);
	if (r < 0 && !session->shared)
		signal_init(session, SIGTERM);
	/* -EAGAIN: it does not end now, or not at once, and is not to be waited for. */
	if (r == 0 && msg.code == 0 && pns_kept_is_ours(&session->init))
		poll(&wait, 1, END_GRACE_MS);
}

bool pns_session_is_open(const struct pns_session *session)
{
	return session && *session->opener;
}

int pns_session_close(struct pns_session *session, struct pns_err *err)
{
	int r;

	if (!pns_session_is_open(session))
		return 0;
	*session->opener = false;
	r = pns_caller_restore(&session->caller, err);
	detach(session);
	return r;
}

void pns_session_free(struct pns_session *session)
{
	if (!session)
		return;
	pns_caller_free(&session->caller);
	pns_kept_close(&session->init);
	munmap(session->opener, (size_t)page_size());
	free(session);
}
