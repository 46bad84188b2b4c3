// SPDX-License-Identifier: MIT
/*
 * systemd makes scopes at the word of StartTransientUnit() on D-Bus (org.freedesktop.systemd1(5)),
 * which its own busctl speaks: once for a user's first login, and nothing linked in for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "fd.h"
#include "scope.h"
#include "wire.h"

#define BUSCTL	"/usr/bin/busctl"
#define LOOK_NS 2000000

struct call {
	char name[64], slice[32], description[64], pid[16];
};

__attribute__((noreturn)) static void exec_busctl(const struct call *call)
{
	char *envp[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	const char *argv[] = {
		BUSCTL,
		"--system",
		"--quiet",
		"call",
		"org.freedesktop.systemd1",
		"/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager",
		"StartTransientUnit",
		"ssa(sv)a(sa(sv))",
		call->name,
		"fail",
		"4",
		"PIDs",
		"au",
		"1",
		call->pid,
		"Slice",
		"s",
		call->slice,
		"Description",
		"s",
		call->description,
		/* A scope that failed must not be in the way of the next of its name. */
		"CollectMode",
		"s",
		"inactive-or-failed",
		"0",
		NULL,
	};

	close(PNS_HELPER_SOCK); /* the module must not wait for what may hang here */
	execve(BUSCTL, (char **)(size_t)argv, envp);
	_exit(127);
}

/* 0 when systemd has said yes, which is before it acts. */
static int call_systemd(const struct call *call, const struct timespec *deadline)
{
	struct pollfd wait = {.fd = -1, .events = POLLIN};
	pid_t pid = fork();
	int status = 0, r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_busctl(call);
	wait.fd = pidfd_open(pid, 0);
	r = wait.fd < 0 ? -1 : poll(&wait, 1, pns_deadline_ms(deadline));
	if (r != 1)
		kill(pid, SIGKILL);
	pns_fd_close(&wait.fd);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (r != 1)
		return -ETIMEDOUT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* "0::/user.slice/user-1000.slice/NAME" */
static bool is_in(const char *name)
{
	pns_fd_auto int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[8192];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, name) != NULL;
}

static int enter(struct call *call, const struct timespec *deadline)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int r = call_systemd(call, deadline);

	while (r == 0 && !is_in(call->name)) {
		if (pns_deadline_ms(deadline) == 0)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return r;
}

int scope_enter(const struct pns_plan *plan, struct pns_err *err)
{
	const struct timespec deadline = pns_deadline_in((plan->timeout + 1) / 2);
	const uid_t uid = plan->who.uid;
	struct call call = {0};
	unsigned int number;
	int r;

	/* sd_booted(3) */
	if (plan->scope != PNS_SCOPE_USER || access("/run/systemd/system", F_OK) < 0)
		return 0;
	if (sscanf(plan->id, "%*u.%u", &number) != 1)
		return pns_err_add(err, EPROTO, "id of the plan");
	snprintf(call.name, sizeof(call.name), "pam_ns-%u-%u.scope", uid, number);
	snprintf(call.slice, sizeof(call.slice), "user-%u.slice", uid);
	snprintf(call.description, sizeof(call.description), "pam_ns instance %s", plan->id);
	/* Our number on the host, whose /proc this still is: in the session it is 1. */
	if (readlink("/proc/self", call.pid, sizeof(call.pid) - 1) <= 0)
		return pns_err_sys(err, errno, "/proc/self");
	r = enter(&call, &deadline);
	/* systemd may not have noticed yet that the last instance of this number has ended. */
	if (r == -EIO) {
		snprintf(call.name, sizeof(call.name), "pam_ns-%u-%u-%s.scope", uid, number,
			 call.pid);
		r = enter(&call, &deadline);
	}
	if (r < 0)
		return pns_err_add(
			err, -r,
			"instance %s has no systemd scope of its own (" BUSCTL " %s): when "
			"the login that opened it is terminated, all others in it end too",
			plan->id,
			r == -ETIMEDOUT ? "got no answer in time"
					: "is missing or systemd refused");
	return 0;
}
