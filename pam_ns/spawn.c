// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
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

#define HELPER_FD	(PNS_HELPER_SOCK + 1)
#define FIRST_FREE	(HELPER_FD + 1)
#define MIDDLE_STACK	16384
#define MESSAGES_MAX	8 /* that may stand before the one looked for */
#define HELPER_GRACE_MS 1000
#define END_GRACE_MS	50 /* for a killed init to be gone before the login goes on to fail */

/* What the child needs between fork and exec, made before: there, nothing may allocate. */
struct helper {
	int sock;   /* our end */
	int theirs; /* all fds that the child dup2()s lie above the places they go to */
	int null;
	int exe;
	char title[600];
	pid_t middle;
	int pidfd; /* of the helper, when the middle child has told it */
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
	/* pam_selinux has set the label of the next exec: the user's shell's, not the helper's. */
	int label = open("/proc/thread-self/attr/exec", O_WRONLY | O_CLOEXEC);

	if (label < 0 || write(label, "", 0) < 0)
		errno = 0; /* no SELinux, so no label */
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

/* The child between: without an exec of its own it keeps its exit signal of 0. */
static int be_middle(void *arg)
{
	const struct helper *helper = arg;
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

/*
 * As posix_spawn(3) does it: the child borrows our memory, on a stack of its own, while we stand
 * still. Copying the page tables of a login program is what a fork costs. Linux 6.1 refuses that
 * to a caller whose children get another time namespace (EINVAL): there it is a fork.
 */
static pid_t clone_middle(struct helper *helper)
{
	_Alignas(16) char stack[MIDDLE_STACK];
	pid_t pid = clone(be_middle, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, helper);

	if (pid < 0 && errno == EINVAL)
		pid = clone(be_middle, stack + sizeof(stack), 0, helper);
	return pid;
}

static int fork_helper(struct helper *helper, struct pns_err *err)
{
	sigset_t all, old;
	int r = 0;

	/* A handler of the caller's must not run in the child, on the caller's state. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	helper->middle = clone_middle(helper);
	if (helper->middle < 0)
		r = pns_err_sys(err, errno, "fork");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pns_fd_close(&helper->theirs);
	return r;
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
		if (r < 0)
			pns_err_sys(err, -r, "sending the plan to the helper");
	}
	free(text);
	return r;
}

/* ERROR and LOG carry no pidfd, the others one: the number of fds cannot be told before. */
static int recv_msg(int sock, struct pns_msg *msg, int *ret_fd)
{
	struct pns_msg peek;
	unsigned int nfds, resets = 0;
	ssize_t n;

	*ret_fd = -1;
	/*
	 * A helper that ends before it has read the plan resets the connection, which is said once
	 * before what it sent (unix_release_sock() in net/unix/af_unix.c): its reason lies behind that.
	 */
	do
		n = recv(sock, &peek, sizeof(peek), MSG_PEEK);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n <= 0)
		return n < 0 ? -errno : 0;
	nfds = n == sizeof(peek) && peek.kind != PNS_MSG_ERROR && peek.kind != PNS_MSG_LOG;
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
	case PNS_MSG_READY:
		return 1;
	case PNS_MSG_LOG:
		pns_err_note(err, "%s", msg->text);
		return 0;
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

/* What went wrong may have overtaken the message that says whom to kill. */
static void find_helper(struct helper *helper)
{
	struct pollfd wait = {.fd = helper->sock, .events = POLLIN};
	struct pns_msg msg;
	int fd;

	for (int i = 0; i < MESSAGES_MAX && helper->pidfd < 0; i++) {
		if (poll(&wait, 1, END_GRACE_MS) <= 0 || recv_msg(helper->sock, &msg, &fd) == 0)
			break;
		if (fd >= 0 && msg.kind == PNS_MSG_FORKED)
			helper->pidfd = pns_fd_steal(&fd);
		pns_fd_close(&fd);
	}
}

/* Killing it bounds the wait, whoever may have stopped it: su's user may, before it is root's. */
static void reap_middle(const struct helper *helper)
{
	kill(helper->middle, SIGKILL);
	while (waitpid(helper->middle, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* Waits for its end, which a moment's work in the kernel can hold up: it must not add to the entry afterwards. */
static void kill_helper(int helper)
{
	struct pollfd wait = {.fd = helper, .events = POLLIN};

	if (helper >= 0 && pidfd_send_signal(helper, SIGKILL, NULL, 0) == 0)
		poll(&wait, 1, HELPER_GRACE_MS);
}

/*
 * A hook without a pid namespace does not end with init: init must be given the time to kill it, which
 * it does when our socket is closed.
 */
static void kill_init(int init, bool let_it_end)
{
	struct pollfd wait = {.fd = init, .events = POLLIN};

	if (init >= 0 && let_it_end)
		poll(&wait, 1, END_GRACE_MS);
	if (init >= 0 && pidfd_send_signal(init, SIGKILL, NULL, 0) == 0)
		poll(&wait, 1, END_GRACE_MS);
}

static int run(struct helper *helper, const struct pns_plan *plan,
	       const struct pns_instance *instance, const struct timespec *deadline, int *ret_init,
	       struct pns_err *err)
{
	pns_fd_auto int init = -1;
	int r;

	/* The plan waits in the socket for the helper, not the helper for the plan. */
	r = send_plan(helper, plan, instance, err);
	if (r == 0)
		r = fork_helper(helper, err);
	if (r < 0)
		return r;
	while (r == 0)
		r = next_msg(helper, deadline, plan->timeout, &init, err);
	if (r < 0)
		find_helper(helper);
	reap_middle(helper);
	if (r < 0)
		find_helper(helper); /* it may have said it only now */
	if (r == 1 && init >= 0) {
		*ret_init = pns_fd_steal(&init);
		return 0;
	}
	kill_helper(helper->pidfd);
	pns_fd_close(&helper->sock);
	kill_init(init, plan->hook.n && !plan->pid);
	return r < 0 ? r : pns_err_add(err, EPROTO, "the helper named no init");
}

int pns_spawn(const struct pns_plan *plan, const struct pns_instance *instance,
	      const struct timespec *deadline, int *ret_init, struct pns_err *err)
{
	struct helper helper = {.sock = -1, .theirs = -1, .null = -1, .exe = -1, .pidfd = -1};
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
