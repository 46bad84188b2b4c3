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
#include "fd.h"
#include "instance.h"
#include "session.h"
#include "spawn.h"

#define REQUEST_MS   200 /* init answers at once; this is for a machine out of breath */
#define END_GRACE_MS 50

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

static int open_steps(struct pns_session *session, struct pns_plan *plan,
		      struct pns_instance *instance, struct pns_err *err)
{
	int init, r;

	r = pns_confine_check(plan, err);
	if (r == 0)
		r = pns_caller_save(&session->caller, plan, err);
	if (r == 0)
		r = pns_instance_create(plan->who.uid, plan->max_sessions, instance, err);
	if (r < 0)
		return r;
	session->uid = instance->uid;
	session->number = instance->number;
	session->leader = PNS_FIRST_LEADER;
	snprintf(plan->id, sizeof(plan->id), "%u.%u", instance->uid, instance->number);
	if (plan->time)
		r = pns_caller_aim_time(&session->caller, plan, err);
	if (r == 0)
		r = pns_spawn(plan, instance, &init, err);
	if (r == 0)
		r = pns_kept_take(&session->init, init);
	if (r == 0)
		r = pns_caller_join(&session->caller, plan, init, err);
	return r;
}

static void signal_init(const struct pns_session *session, int sig)
{
	if (pns_kept_is_ours(&session->init))
		pidfd_send_signal(session->init.fd, sig, NULL, 0);
}

int pns_session_open(struct pns_plan *plan, struct pns_session **ret_session, struct pns_err *err)
{
	struct pns_instance instance = PNS_INSTANCE_NONE;
	struct pns_session *session = session_new(err);
	int r;

	if (!session)
		return -ENOMEM;
	r = open_steps(session, plan, &instance, err);
	if (r == 0) {
		pns_instance_release(&instance);
		session->confine = (struct pns_confine){.caps = plan->capabilities,
							.no_new_privs = plan->no_new_privs};
		*ret_session = session;
		return 0;
	}
	pns_caller_restore(&session->caller, err);
	signal_init(session, SIGKILL);
	pns_instance_discard(&instance);
	pns_session_free(session);
	return r;
}

int pns_session_confine(const struct pns_session *session, struct pns_err *err)
{
	return pns_confine(&session->confine, err);
}

/* Init ends when its last leader detaches. What it cannot be told by socket, a signal says. */
static void detach(struct pns_session *session)
{
	struct pns_msg msg = {.kind = PNS_MSG_DETACH, .leader = session->leader};
	struct pollfd wait = {.fd = session->init.fd, .events = POLLIN};
	int r;

	r = pns_instance_request(session->uid, session->number, &msg, NULL, 0, REQUEST_MS);
	if (r < 0)
		signal_init(session, SIGTERM);
	else if (msg.code == 0 &&
		 pns_kept_is_ours(
			 &session->init)) /* processes left, or -EAGAIN: not to be waited for */
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
