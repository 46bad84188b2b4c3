// SPDX-License-Identifier: MIT
/* pam_nsctl doctor: opens a session of the user and tries to get out of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "ctl.h"
#include "fd.h"
#include "out.h"
#include "resolve.h"
#include "session.h"
#include "ways.h"

#define TRIES_S 60 /* for all of them: then the child is ended */

static void progress(size_t i, const char *name)
{
	if (isatty(STDERR_FILENO) && name)
		fprintf(stderr, "\r\033[Ktrying %zu of %zu: %s", i + 1, way_count, name);
	else if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static bool become(const struct child *user)
{
	return setgroups((size_t)user->group_count, user->groups) == 0 &&
	       setresgid(user->gid, user->gid, user->gid) == 0 &&
	       setresuid(user->uid, user->uid, user->uid) == 0 &&
	       /* As a program that the user has started: or /proc would be root's. */
	       prctl(PR_SET_DUMPABLE, 1) == 0;
}

static int listen_abstract(const char *name)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memcpy(addr.sun_path + 1, name, strlen(name));
	return bind(fd, (struct sockaddr *)&addr,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) < 0 ||
			       listen(fd, 8) < 0
		       ? -1
		       : fd;
}

static int listen_port(unsigned short *ret_port)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -1;
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

/* A process of the user's outside, with what such processes have: the aim of the tries. */
static int start_victim(const struct child *user, struct way_context *context)
{
	snprintf(context->abstract, sizeof(context->abstract), "pam_nsctl-doctor-%d", getpid());
	pns_fd_auto int abstract = listen_abstract(context->abstract);
	pns_fd_auto int port = listen_port(&context->port);
	int ready[2];
	char c;

	if (abstract < 0 || port < 0 || pipe(ready) < 0)
		return fail("doctor: something outside to reach for: %s", strerror(errno));
	context->victim = fork();
	if (context->victim == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		if (!become(user) || write(ready[1], "", 1) != 1)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of uid has cleared it */
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (context->victim < 0 || read(ready[0], &c, 1) != 1) {
		close(ready[0]);
		return fail("doctor: a process of %s's outside: %s", user->name, strerror(errno));
	}
	close(ready[0]);
	return 0;
}

__attribute__((noreturn)) static void
try_all(const struct child *user, const struct way_context *context, struct way_result *results)
{
	struct pns_err *err = calloc(1, sizeof(*err));

	setsid();
	syscall(SYS_close_range, 3, ~0U, 0);
	alarm(TRIES_S);
	if (!err || (context->plan->isolate && child_confine(context->plan, err) < 0) ||
	    !become(user))
		_exit(1);
	for (size_t i = 0; i < way_count; i++) {
		progress(i, ways[i].name);
		if (results[i].state != WAY_ABSENT)
			ways[i].attempt(context, &ways[i], &results[i]);
		results[i].tried = true;
	}
	progress(0, NULL);
	_exit(0);
}

static int try_inside(const struct child *user, const struct way_context *context,
		      struct way_result *results)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return fail("doctor: fork: %s", strerror(errno));
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		try_all(user, context, results);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail("doctor: the tries inside did not come to their end");
	return 0;
}

static int print_results(const struct way_result *results)
{
	static const char *const word[] = {"closed", "open", "absent"};
	static const enum colour shade[] = {GREEN, RED, DIM};
	size_t open = 0;

	for (size_t i = 0; i < way_count; i++) {
		const struct way_result *r = &results[i];

		open += r->state == WAY_OPEN;
		printf("%s%-7s%s %-22s", colour(shade[r->state]), word[r->state], colour(PLAIN),
		       ways[i].name);
		put(" %s", r->state == WAY_ABSENT ? "not on this machine, or not for this user"
						  : r->detail);
		if (r->state == WAY_OPEN)
			put(": write %s", ways[i].closes);
		puts("");
	}
	printf("%zu of %zu ways open\n", open, way_count);
	return flushed(open ? EXIT_LEAKY : 0);
}

/* Opens, tries and closes; what was looked for on the host stands in results already. */
static int try_session(const struct child *user, struct pns_plan *plan,
		       const struct way_context *context, struct way_result *results)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_session *session = NULL;
	int r;

	if (!err)
		return fail("doctor: out of memory");
	if (!plan->isolate)
		note("isolate = no: %s is left alone, and so all ways are open", plan->who.user);
	else if (pns_session_open(plan, &session, err) < 0) {
		r = fail_err(err, "doctor: session for %s denied: ", plan->who.user);
		free(err);
		return r;
	}
	r = try_inside(user, context, results);
	if (session && pns_session_close(session, err) < 0)
		r = fail_err(err, "doctor: session not wholly undone: ");
	pns_session_free(session);
	free(err);
	return r;
}

static int examine(const struct child *user, struct pns_plan *plan)
{
	const size_t size = way_count * sizeof(struct way_result);
	struct way_context context = {.plan = plan};
	struct way_result *results =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (results == MAP_FAILED)
		return fail("doctor: out of memory");
	r = start_victim(user, &context);
	if (r == 0) {
		ways_find_others(&context);
		for (size_t i = 0; i < way_count; i++)
			if (!ways[i].present(&context, &ways[i], &results[i]))
				results[i].state = WAY_ABSENT;
		r = try_session(user, plan, &context, results);
	}
	if (r == 0)
		r = print_results(results);
	if (context.victim > 0) {
		kill(context.victim, SIGKILL);
		waitpid(context.victim, NULL, 0);
	}
	for (size_t i = 0; i < context.others; i++)
		free(context.other[i]);
	munmap(results, size);
	return r;
}

int verb_doctor(const struct args *args)
{
	struct pns_policy policy = {0};
	struct child user = CHILD_NONE;
	int r;

	r = resolve("doctor", args->target, args->value[DOCTOR_SERVICE], args->value[DOCTOR_CONF],
		    &policy);
	if (r)
		return r;
	user.verb = "doctor";
	r = child_look_up(&user, args->target);
	if (r == 0)
		r = examine(&user, &policy.plan);
	child_free(&user);
	pns_policy_free(&policy);
	return r;
}
