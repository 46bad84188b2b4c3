// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "fd.h"
#include "spawn.h"

#ifndef PNS_HELPER
#define PNS_HELPER "/usr/libexec/pam_ns_helper"
#endif

#define HELPER_FD    (PNS_HELPER_SOCK + 1)
#define FIRST_FREE   (HELPER_FD + 1)
#define END_GRACE_MS 50 /* for a killed init to be gone before the login goes on to fail */

/* What the child needs between fork and exec, made before: there, nothing may allocate. */
struct helper {
	int sock;   /* our end */
	int theirs; /* all fds that the child dup2()s lie above the places they go to */
	int null;
	int exe;
	char title[600];
	pid_t middle;
	int pidfd;  /* of the helper, when the middle child has told it */
	char *note; /* what it had to say, PNS_NOTE_SIZE */
};

static void helper_cleanup(struct helper *helper)
{
	pns_fd_close(&helper->sock);
	pns_fd_close(&helper->theirs);
	pns_fd_close(&helper->null);
	pns_fd_close(&helper->exe);
	pns_fd_close(&helper->pidfd);
}

/* Moves *fd to a number that the child does not overwrite. */
static int lift(int *fd)
{
	int lifted;

	if (*fd >= FIRST_FREE)
		return 0;
	lifted = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (lifted < 0)
		return -errno;
	pns_fd_close(fd);
	*fd = lifted;
	return 0;
}

static int prepare_fds(struct helper *helper, struct pns_err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return pns_err_sys(err, errno, "socketpair");
	helper->sock = pair[0];
	helper->theirs = pair[1];
	helper->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (helper->null < 0)
		return pns_err_sys(err, errno, "/dev/null");
	if (lift(&helper->theirs) < 0 || lift(&helper->null) < 0 || lift(&helper->exe) < 0)
		return pns_err_sys(err, errno,
				   "moving file descriptors (is the limit of open "
				   "files, ulimit -n, too low?)");
	return 0;
}

static int prepare(struct helper *helper, const struct pns_plan *plan, struct pns_err *err)
{
	int r;

	r = pns_fd_open_trusted(PNS_HELPER, O_PATH, S_IFREG, &helper->exe, err);
	if (r == -ENOENT)
		return pns_err_add(err, ENOENT,
				   "the helper " PNS_HELPER " is missing: install "
				   "pam_ns again");
	if (r < 0)
		return r;
	/* ps shows this: whose init it is. Names are data: no byte of them may look like more. */
	snprintf(helper->title, sizeof(helper->title), "pam_ns: %s (%s) %s", plan->who.user,
		 plan->who.service, plan->id);
	for (char *p = helper->title; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return prepare_fds(helper, err);
}

/* In the helper to be, where only async-signal-safe calls are allowed; all signals are blocked. */
__attribute__((noreturn)) static void exec_helper(const struct helper *helper)
{
	struct pns_msg msg = {.kind = PNS_MSG_ERROR, .text = "executing the helper"};
	char *argv[] = {(char *)(uintptr_t)helper->title, NULL};
	char *envp[] = {NULL};

	if (dup2(helper->null, 0) == 0 && dup2(helper->null, 1) == 1 &&
	    dup2(helper->null, 2) == 2 &&
	    dup2(helper->theirs, PNS_HELPER_SOCK) == PNS_HELPER_SOCK &&
	    dup2(helper->exe, HELPER_FD) == HELPER_FD &&
	    fcntl(HELPER_FD, F_SETFD, FD_CLOEXEC) == 0 &&
	    syscall(SYS_close_range, FIRST_FREE, ~0U, 0) == 0)
		syscall(SYS_execveat, HELPER_FD, "", argv, envp, AT_EMPTY_PATH);
	msg.code = errno;
	send(PNS_HELPER_SOCK, &msg, sizeof(msg), MSG_NOSIGNAL);
	_exit(127);
}

/*
 * The child between: without an exec of its own it keeps its exit signal of 0. vfork() is cheap,
 * and allowed here even on kernels that refuse it to a caller whose children get another time
 * namespace: we are such a child, and in that namespace already.
 */
__attribute__((noreturn)) static void be_middle(const struct helper *helper)
{
	const struct pns_msg msg = {.kind = PNS_MSG_FORKED};
	struct pns_msg failed = {.kind = PNS_MSG_ERROR, .text = "fork of the helper"};
	pid_t pid = vfork();
	int pidfd;

	if (pid == 0)
		exec_helper(helper);
	if (pid < 0) {
		failed.code = errno;
		(void)pns_fd_send(helper->theirs, &failed, sizeof(failed), NULL, 0);
		_exit(1);
	}
	pidfd = pidfd_open(pid, 0);
	_exit(pidfd < 0 || pns_fd_send(helper->theirs, &msg, sizeof(msg), &pidfd, 1) < 0);
}

static int fork_helper(struct helper *helper, struct pns_err *err)
{
	sigset_t all, old;
	long pid;

	/* A handler of the caller's must not run in the child, on the caller's copied state. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL); /* exit signal 0 */
	if (pid == 0)
		be_middle(helper);
	if (pid < 0)
		pid = pns_err_sys(err, errno, "fork");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pns_fd_close(&helper->theirs);
	helper->middle = (pid_t)pid;
	return pid < 0 ? (int)pid : 0;
}

static int send_plan(const struct helper *helper, const struct pns_plan *plan,
		     const struct pns_instance *instance, struct pns_err *err)
{
	pns_fd_auto int self = -1;
	char *text = malloc(PNS_PLAN_MAX);
	ssize_t len;
	int r;

	if (!text)
		return pns_err_sys(err, ENOMEM, "plan");
	len = pns_plan_encode(plan, text, PNS_PLAN_MAX, err);
	r = len < 0 ? (int)len : 0;
	if (r == 0) {
		self = pidfd_open(getpid(), 0);
		if (self < 0)
			r = pns_err_sys(err, errno, "pidfd_open");
	}
	if (r == 0) {
		const int fds[PNS_PLAN_FDS] = {self, instance->registry, instance->lock};

		r = pns_fd_send(helper->sock, text, (size_t)len, fds, PNS_PLAN_FDS);
		/* EPIPE: the child is gone, and its own message says why. */
		if (r == -EPIPE || r == -ECONNRESET)
			r = 0;
		else if (r < 0)
			pns_err_sys(err, -r, "sending the plan to the helper");
	}
	free(text);
	return r;
}

/* ERROR and NOTE carry no pidfd, the others one: the number of fds cannot be told before. */
static int recv_msg(int sock, struct pns_msg *msg, int *ret_fd)
{
	struct pns_msg peek;
	unsigned int nfds;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recv(sock, &peek, sizeof(peek), MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	nfds = n == sizeof(peek) && peek.kind != PNS_MSG_ERROR && peek.kind != PNS_MSG_NOTE;
	n = pns_fd_recv(sock, msg, sizeof(*msg), ret_fd, nfds);
	if (n <= 0)
		return (int)n;
	msg->text[sizeof(msg->text) - 1] = '\0';
	return n == sizeof(*msg) ? 1 : -EPROTO;
}

/* What the socket says next; its pidfd, if it carries one, goes where it belongs. 1 when READY. */
static int obey(struct helper *helper, const struct pns_msg *msg, int fd, int *init,
		struct pns_err *err)
{
	int *place = msg->kind == PNS_MSG_FORKED ? &helper->pidfd : init;

	if (fd >= 0) {
		pns_fd_close(place);
		*place = fd;
	}
	switch (msg->kind) {
	case PNS_MSG_FORKED:
	case PNS_MSG_STARTED:
		return 0;
	case PNS_MSG_NOTE:
		snprintf(helper->note, PNS_NOTE_SIZE, "%.*s", PNS_NOTE_SIZE - 1, msg->text);
		return 0;
	case PNS_MSG_READY:
		return 1;
	case PNS_MSG_ERROR:
		return pns_err_add(err, msg->code > 0 ? msg->code : EPROTO, "%s", msg->text);
	default:
		return pns_err_add(err, EPROTO,
				   "the helper " PNS_HELPER " is of another version: "
				   "install pam_ns again");
	}
}

static int next_msg(struct helper *helper, const struct timespec *deadline, uint32_t timeout,
		    int *init, struct pns_err *err)
{
	struct pollfd wait = {.fd = helper->sock, .events = POLLIN};
	struct pns_msg msg;
	int fd, r;

	r = poll(&wait, 1, pns_deadline_ms(deadline));
	if (r < 0 && errno == EINTR)
		return 0;
	if (r < 0)
		return pns_err_sys(err, errno, "poll");
	if (r == 0)
		return pns_err_add(err, ETIMEDOUT,
				   "the session was not ready within %u seconds: "
				   "raise timeout in the policy, or look for what hangs",
				   timeout);
	r = recv_msg(helper->sock, &msg, &fd);
	if (r == 0 || r == -ECONNRESET)
		return pns_err_add(err, EPIPE,
				   "the helper " PNS_HELPER " ended without a word: it "
				   "crashed or was killed; look in the kernel's log");
	if (r < 0)
		return pns_err_sys(err, -r, "the helper's answer");
	return obey(helper, &msg, fd, init, err);
}

/* Killing it bounds the wait, whoever may have stopped it: su's user may, before it is root's. */
static void reap_middle(const struct helper *helper)
{
	kill(helper->middle, SIGKILL);
	while (waitpid(helper->middle, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static void kill_init(int init)
{
	struct pollfd wait = {.fd = init, .events = POLLIN};

	if (init >= 0 && pidfd_send_signal(init, SIGKILL, NULL, 0) == 0)
		poll(&wait, 1, END_GRACE_MS);
}

static int run(struct helper *helper, const struct pns_plan *plan,
	       const struct pns_instance *instance, const struct timespec *deadline, int *ret_init,
	       struct pns_err *err)
{
	pns_fd_auto int init = -1;
	int r;

	r = fork_helper(helper, err);
	if (r < 0)
		return r;
	r = send_plan(helper, plan, instance, err);
	while (r == 0)
		r = next_msg(helper, deadline, plan->timeout, &init, err);
	reap_middle(helper);
	if (r == 1 && init >= 0) {
		*ret_init = pns_fd_steal(&init);
		return 0;
	}
	if (helper->pidfd >= 0)
		pidfd_send_signal(helper->pidfd, SIGKILL, NULL, 0);
	kill_init(init);
	return r < 0 ? r : pns_err_add(err, EPROTO, "the helper named no init");
}

int pns_spawn(const struct pns_plan *plan, const struct pns_instance *instance,
	      const struct timespec *deadline, int *ret_init, char note[PNS_NOTE_SIZE],
	      struct pns_err *err)
{
	struct helper helper = {
		.sock = -1, .theirs = -1, .null = -1, .exe = -1, .pidfd = -1, .note = note};
	int subreaper = 0, r;

	r = prepare(&helper, plan, err);
	if (r == 0) {
		/* A subreaper would adopt init, and find a child that it does not know. */
		prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
		if (subreaper)
			prctl(PR_SET_CHILD_SUBREAPER, 0);
		r = run(&helper, plan, instance, deadline, ret_init, err);
		if (subreaper)
			prctl(PR_SET_CHILD_SUBREAPER, 1);
	}
	helper_cleanup(&helper);
	return r;
}
