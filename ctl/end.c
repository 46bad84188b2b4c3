// SPDX-License-Identifier: MIT
/* pam_nsctl end: ends an instance, waits for it, and says what went with it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>

#include "ctl.h"
#include "fd.h"
#include "instance.h"
#include "live.h"
#include "nstab.h"
#include "out.h"

#define REQUEST_MS    1000
#define PATIENCE_MS   5000 /* beyond kill_grace, for a machine out of breath */
#define PROCESSES_MAX 4096

/* What is watched: the instance's processes as they were, init last. */
struct watch {
	size_t n;
	struct proc *proc;
	int *fd;
	int *ended_ms; /* since the request; -1: not yet */
	struct timespec began;
};

static int ms_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - began->tv_sec) * 1000 +
		     (now.tv_nsec - began->tv_nsec) / 1000000);
}

static void watch_free(struct watch *watch)
{
	for (size_t i = 0; watch->fd && i < watch->n; i++)
		pns_fd_close(&watch->fd[i]);
	free(watch->proc);
	free(watch->fd);
	free(watch->ended_ms);
}

/* A pidfd opened by number may be another's by now: it counts only if it began when ours did. */
static int open_same(const struct proc *proc)
{
	pns_fd_auto int fd = pidfd_open(proc->pid, 0);
	struct proc again;

	if (fd < 0 || proc_read(proc->pid, &again) < 0 || again.started != proc->started ||
	    again.inner != proc->inner)
		return -1;
	return pns_fd_steal(&fd);
}

static int watch_begin(const struct pns_live *live, struct watch *watch)
{
	int r = live_processes(live, &watch->proc, &watch->n);

	if (r < 0)
		return r;
	if (watch->n > PROCESSES_MAX)
		watch->n = PROCESSES_MAX;
	watch->fd = calloc(watch->n + 1, sizeof(int));
	watch->ended_ms = calloc(watch->n + 1, sizeof(int));
	if (!watch->fd || !watch->ended_ms)
		return -ENOMEM;
	for (size_t i = 0; i < watch->n; i++) {
		watch->fd[i] = watch->proc[i].is_init ? -1 : open_same(&watch->proc[i]);
		watch->ended_ms[i] = -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &watch->began);
	return 0;
}

/* Must it go with the instance? Without a pid namespace the login program is among them, and stays. */
static bool is_due(const struct pns_live *live, const struct proc *proc)
{
	return live->plan.pid || proc->uid == live->plan.who.uid;
}

/* Until all that must go is gone or time is over; takes down when each went. */
static bool watch_on(const struct pns_live *live, struct watch *watch, int until_ms)
{
	struct pollfd *fds = calloc(watch->n + 1, sizeof(*fds));
	bool gone = false, init_gone = false;

	while (fds && !gone) {
		const int left = until_ms - ms_since(&watch->began);

		for (size_t i = 0; i < watch->n; i++)
			fds[i] = (struct pollfd){.fd = watch->ended_ms[i] < 0 ? watch->fd[i] : -1,
						 .events = POLLIN};
		fds[watch->n] =
			(struct pollfd){.fd = init_gone ? -1 : live->init, .events = POLLIN};
		if (left <= 0 || poll(fds, watch->n + 1, left) < 0)
			break;
		init_gone |= fds[watch->n].revents != 0;
		gone = init_gone;
		for (size_t i = 0; i < watch->n; i++) {
			if (fds[i].revents)
				watch->ended_ms[i] = ms_since(&watch->began);
			if (watch->fd[i] >= 0 && watch->ended_ms[i] < 0 &&
			    is_due(live, &watch->proc[i]))
				gone = false;
		}
	}
	free(fds);
	return gone;
}

static void say(const struct pns_live *live, const struct watch *watch, int grace_ms)
{
	const char *id = live->plan.id;
	size_t others = 0;
	char age[24];

	for (size_t i = 0; i < watch->n; i++)
		others += !watch->proc[i].is_init && is_due(live, &watch->proc[i]);
	put("%s%s%s (%s, %s) has ended: %zu process%s\n", colour(BOLD), id, colour(PLAIN),
	    live->plan.who.user, live->plan.who.service, others, others == 1 ? "" : "es");
	for (size_t i = 0; i < watch->n; i++) {
		const struct proc *proc = &watch->proc[i];
		const int ms = watch->ended_ms[i];

		if (proc->is_init || !is_due(live, proc))
			continue;
		/* Init asks with SIGHUP and SIGTERM, and from kill_grace on it does not ask. */
		put("  %-6s %7d  %-8s %.100s\n",
		    watch->fd[i] < 0 || ms < grace_ms ? "ended" : "killed", proc->pid,
		    age_text(uptime() - proc->started, age), proc->command);
	}
}

/* Without a pid namespace init cannot end the others; so we ask, and then do not ask. */
static void signal_all(const struct pns_live *live, const struct watch *watch, int sig)
{
	for (size_t i = 0; i < watch->n; i++)
		if (watch->fd[i] >= 0 && watch->ended_ms[i] < 0 && is_due(live, &watch->proc[i]))
			pidfd_send_signal(watch->fd[i], sig, NULL, 0);
}

/* An init that hangs cannot be asked, and is killed as it is. */
static int terminate(const struct pns_live *live, bool at_once)
{
	struct pns_msg msg = {.kind = PNS_MSG_TERMINATE};
	int r = pns_instance_request(live->entry.uid, live->entry.number, &msg, -1, NULL,
				     REQUEST_MS);

	if (r == 0 || at_once || live_gone(live))
		return 0;
	return fail("end: %s: asking its init: %s: write --now to kill it", live->plan.id,
		    strerror(-r));
}

static int end(const struct pns_live *live, bool at_once)
{
	const int grace_ms = at_once ? 0 : (int)live->plan.kill_grace * 1000;
	struct watch watch = {0};
	bool gone;
	int r;

	r = watch_begin(live, &watch);
	if (r < 0) {
		watch_free(&watch);
		return fail("end: %s: %s", live->plan.id,
			    r == -ESRCH ? "it has ended: see pam_nsctl list" : strerror(-r));
	}
	/* Asked first even when it is killed at once: it takes its entry out of the registry. */
	r = terminate(live, at_once);
	if (r == 0 && at_once)
		pidfd_send_signal(live->init, SIGKILL, NULL, 0);
	if (r == 0 && !live->plan.pid) {
		signal_all(live, &watch, at_once ? SIGKILL : SIGHUP);
		signal_all(live, &watch, SIGTERM);
		signal_all(live, &watch, SIGCONT);
	}
	gone = r == 0 && watch_on(live, &watch, live->plan.pid ? grace_ms + PATIENCE_MS : grace_ms);
	if (r == 0 && !gone && !live->plan.pid) {
		signal_all(live, &watch, SIGKILL);
		gone = watch_on(live, &watch, grace_ms + PATIENCE_MS);
	}
	if (gone)
		say(live, &watch, grace_ms);
	else if (r == 0)
		r = fail(
			"end: %s has not ended after %d s: a process of it hangs in the kernel, or "
			"its login program does not reap it",
			live->plan.id, (grace_ms + PATIENCE_MS) / 1000);
	watch_free(&watch);
	return r;
}

int verb_end(const struct args *args)
{
	const bool at_once = args->value[END_NOW] != NULL;
	struct pns_live *live;
	int r, bad = 0;
	size_t n;

	r = live_find("end", args->target, at_once, &live, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		bad |= end(&live[i], at_once);
	/* An init that was killed before it could leaves its entry. */
	if (at_once)
		pns_instance_sweep(live->entry.uid);
	live_free(live, n);
	return flushed(bad);
}
