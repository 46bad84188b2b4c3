// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
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
#include "nstab.h"
#include "spawn.h"

#ifndef PNS_HELPER
#define PNS_HELPER "/usr/libexec/pam_ns_helper"
#endif

#define HELPER_FD	(PNS_HELPER_SOCK + 1)
#define FIRST_FREE	(HELPER_FD + 1)
#define CHILD_STACK	8192
#define MIDDLE_STACK	16384
#define MESSAGES_MAX	8    /* that may stand before the one looked for */
#define END_GRACE_MS	50   /* for init to end by itself what it can end alone */
#define HELPER_GRACE_MS 1000 /* for a killed one to be gone before the login goes on to fail */

/* What the children need until exec, made before: there, nothing may allocate. */
struct helper {
	int sock;   /* our end */
	int theirs; /* all fds that the child dup2()s lie above the places they go to */
	int null;
	int exe;
	char title[600];
	int flags;    /* the namespaces that the helper begins in */
	pid_t middle; /* 0: reaped */
	bool failed;  /* the middle child has ended with a failure, which its last message says */
	bool killed;  /* ... or by a signal: its own child may still be on its way to exec */
	int init; /* pidfd of the helper, which becomes init, when the middle child has told it */
	bool ready;
};

/*
 * All that the children touch: they share our memory, and one of them may outlive our waiting for
 * it, if the other is killed. Then this is left to it.
 */
struct room {
	struct helper helper;
	_Alignas(16) char child_stack[CHILD_STACK];
	_Alignas(16) char middle_stack[MIDDLE_STACK];
};

static void helper_cleanup(struct helper *helper)
{
	pns_fd_close(&helper->sock);
	pns_fd_close(&helper->theirs);
	pns_fd_close(&helper->null);
	pns_fd_close(&helper->exe);
	pns_fd_close(&helper->init);
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
	/*
	 * The time namespace comes by itself: the caller's children are aimed at it. The cgroup one has its
	 * root where its maker is: where the helper has its own scope, there.
	 */
	helper->flags = pns_ns_flags(plan) & ~(CLONE_NEWTIME | CLONE_NEWNET | CLONE_NEWCGROUP);
	return prepare_fds(helper, err);
}

/*
 * Out of reach of the user who called su and is its real user ID: who could kill one of the children
 * at a bad moment, or stop it for good. By the call itself: the C library's would change the user of all
 * threads of the login program. Nothing else of the credentials: a change of an effective ID
 * would make the login program's memory, which is shared, undumpable (commit_creds() in kernel/cred.c).
 */
static void out_of_reach(void)
{
	if (geteuid() == 0)
		syscall(SYS_setresuid, 0, -1, 0);
}

/*
 * pam_selinux has set the label of the next exec: the user's shell's, not the helper's. -1 with errno
 * if that may still be so: any other error says that there is no SELinux, so no label.
 */
static int drop_label(void)
{
	int fd = open("/proc/thread-self/attr/exec", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "", 0) == 0)
		return 0;
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -1 : 0;
}

/* In the helper to be, where only async-signal-safe calls are allowed; all signals are blocked. */
static int exec_helper(void *arg)
{
	const struct helper *helper = &((struct room *)arg)->helper;
	struct pns_msg msg = {.kind = PNS_MSG_ERROR, .text = "executing the helper"};
	char *argv[] = {(char *)(uintptr_t)helper->title, NULL};
	char *envp[] = {NULL};

	syscall(SYS_setsid); /* the terminal's Ctrl-C is for the login program */
	if (drop_label() == 0 && dup2(helper->null, 0) == 0 && dup2(helper->null, 1) == 1 &&
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

/* clone() says ENOSPC for any of them: making them one by one finds the one that is full. */
static void tell_unmade(const struct helper *helper, int code)
{
	struct pns_msg msg = {.kind = PNS_MSG_UNMADE, .code = code, .leader = PNS_NS_COUNT};

	for (uint32_t i = 0; i < PNS_NS_COUNT; i++) {
		if (!(helper->flags & pns_nstab[i].flag) || unshare(pns_nstab[i].flag) == 0)
			continue;
		msg.code = errno;
		msg.leader = i;
		break;
	}
	(void)pns_fd_send(helper->theirs, &msg, sizeof(msg), NULL, 0);
}

/* The child between: without an exec of its own it keeps its exit signal of 0. */
static int be_middle(void *arg)
{
	const struct pns_msg msg = {.kind = PNS_MSG_FORKED};
	struct room *room = arg;
	const int how = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	int pidfd = -1;

	out_of_reach();
	if (clone(exec_helper, room->child_stack + CHILD_STACK, room->helper.flags | how, room,
		  &pidfd) < 0) {
		tell_unmade(&room->helper, errno);
		_exit(1);
	}
	_exit(pns_fd_send(room->helper.theirs, &msg, sizeof(msg), &pidfd, 1) < 0);
}

/*
 * As vfork(2) does it: the child borrows our memory, on a stack of its own, while we stand
 * still. Copying the page tables of a login program is what a fork costs. Linux 6.1 refuses that
 * to a caller whose children get another time namespace (EINVAL): there it is a fork.
 */
static int clone_middle(struct room *room, struct pns_err *err)
{
	char *const stack = room->middle_stack + MIDDLE_STACK;
	struct helper *helper = &room->helper;
	pid_t pid = clone(be_middle, stack, CLONE_VM | CLONE_VFORK, room);
	int status = 0;

	if (pid < 0 && errno == EINVAL) {
		helper->middle = clone(be_middle, stack, 0, room);
		return helper->middle < 0 ? pns_err_sys(err, errno, "fork") : 0;
	}
	if (pid < 0)
		return pns_err_sys(err, errno, "fork");
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	helper->killed = WIFSIGNALED(status);
	helper->failed = status != 0;
	return helper->killed
		       ? pns_err_add(err, EINTR, "starting the helper was cut off by signal %d",
				     WTERMSIG(status))
		       : 0;
}

static int fork_helper(struct room *room, struct pns_err *err)
{
	/* All of them, the C library's own too: none may be handled in the children, on our state. */
	const uint64_t all = ~UINT64_C(0);
	uint64_t old;
	int cancel, r;

	/* Nor may they be cancelled in our place. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
	r = clone_middle(room, err);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	pthread_setcancelstate(cancel, NULL);
	pns_fd_close(&room->helper.theirs);
	return r;
}

static int send_plan(const struct helper *helper, const struct pns_plan *plan,
		     const struct pns_instance *instance, struct pns_err *err)
{
	pns_fd_auto int self = -1;
	pns_fd_auto int registry = -1;
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
		/*
		 * Init will unlink its entry when it ends. A directory of the host would let whoever gets
		 * hold of the fd walk up from it; a detached mount ends at its own root. It counts as a
		 * mount namespace.
		 */
		registry = open_tree(instance->registry, "",
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		if (registry < 0)
			r = pns_ns_explain(&pns_nstab[PNS_NS_MNT], errno, err);
	}
	if (r == 0) {
		const int fds[PNS_PLAN_FDS] = {self, registry, instance->lock};

		r = pns_fd_send(helper->sock, text, (size_t)len, fds, PNS_PLAN_FDS);
		if (r < 0)
			pns_err_sys(err, -r, "sending the plan to the helper");
	}
	free(text);
	return r;
}

/* FORKED alone carries an fd: how many come cannot be told before. */
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
	nfds = n == sizeof(peek) && peek.kind == PNS_MSG_FORKED;
	n = pns_fd_recv(sock, msg, sizeof(*msg), ret_fd, nfds);
	if (n <= 0)
		return (int)n;
	msg->text[sizeof(msg->text) - 1] = '\0';
	return n == sizeof(*msg) ? 1 : -EPROTO;
}

static int unmade(const struct pns_msg *msg, struct pns_err *err)
{
	return msg->leader < PNS_NS_COUNT
		       ? pns_ns_explain(&pns_nstab[msg->leader], msg->code, err)
		       : pns_err_sys(err, msg->code,
				     "making the session's namespaces and the helper in them");
}

/* What the socket says next. Init's pidfd and READY may come in either order. */
static int obey(struct helper *helper, const struct pns_msg *msg, int fd, struct pns_err *err)
{
	switch (msg->kind) {
	case PNS_MSG_FORKED:
		pns_fd_close(&helper->init);
		helper->init = fd;
		return 0;
	case PNS_MSG_READY:
		helper->ready = true;
		return 0;
	case PNS_MSG_LOG:
		pns_err_note(err, "%s", msg->text);
		return 0;
	case PNS_MSG_UNMADE:
		return unmade(msg, err);
	case PNS_MSG_ERROR:
		return pns_err_add(err, msg->code, "%s", msg->text);
	default:
		return pns_err_add(err, EPROTO,
				   "the helper " PNS_HELPER " is of another version: "
				   "install pam_ns again");
	}
}

static int next_msg(struct helper *helper, const struct timespec *deadline, uint32_t timeout,
		    struct pns_err *err)
{
	struct pollfd wait = {.fd = helper->sock, .events = POLLIN};
	struct pns_msg msg;
	int fd, r;

	r = poll(&wait, 1, helper->failed ? 0 : pns_deadline_ms(deadline));
	if (r < 0 && errno == EINTR)
		return 0;
	if (r < 0)
		return pns_err_sys(err, errno, "poll");
	if (r == 0 && helper->failed)
		return pns_err_add(err, EPROTO, "the helper could not be told of: try again");
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
	return obey(helper, &msg, fd, err);
}

/* What went wrong may have overtaken the message that says whom to kill. */
static void find_helper(struct helper *helper)
{
	struct pollfd wait = {.fd = helper->sock, .events = POLLIN};
	struct pns_msg msg;
	int fd;

	for (int i = 0; i < MESSAGES_MAX && helper->init < 0; i++) {
		if (poll(&wait, 1, END_GRACE_MS) <= 0 || recv_msg(helper->sock, &msg, &fd) == 0)
			break;
		if (fd >= 0)
			helper->init = fd;
	}
}

/* Where it is a fork it may still be there. Killing it bounds the wait, whoever may have stopped it. */
static void reap_middle(struct helper *helper)
{
	if (helper->middle <= 0)
		return;
	kill(helper->middle, SIGKILL);
	while (waitpid(helper->middle, NULL, __WALL) < 0 && errno == EINTR)
		;
	helper->middle = 0;
}

/*
 * A hook without a pid namespace does not end with init: init must be given the time to kill it, which
 * it does when our socket is closed. Its end is waited for, which a moment's work in the kernel can
 * hold up: it must not add to the entry afterwards.
 */
static void kill_helper(struct helper *helper, bool let_it_end)
{
	struct pollfd wait = {.events = POLLIN};

	/* If what went wrong is that no fd is left, there is one now for the helper's. */
	pns_fd_close(&helper->exe);
	pns_fd_close(&helper->null);
	find_helper(helper);
	reap_middle(helper);
	find_helper(helper); /* it may have been said only now */
	pns_fd_close(&helper->sock);
	if (helper->init < 0)
		return;
	wait.fd = helper->init;
	if (let_it_end)
		poll(&wait, 1, END_GRACE_MS);
	if (pidfd_send_signal(helper->init, SIGKILL, NULL, 0) == 0)
		poll(&wait, 1, HELPER_GRACE_MS);
}

static int run(struct room *room, const struct pns_plan *plan, const struct pns_instance *instance,
	       const struct timespec *deadline, pns_meanwhile_fn meanwhile, void *arg,
	       struct pns_err *err)
{
	struct helper *helper = &room->helper;
	int r;

	/* The plan waits in the socket for the helper, not the helper for the plan. */
	r = send_plan(helper, plan, instance, err);
	if (r < 0)
		return r;
	r = fork_helper(room, err);
	if (r == 0)
		r = meanwhile(arg, err);
	while (r == 0 && (!helper->ready || helper->init < 0))
		r = next_msg(helper, deadline, plan->timeout, err);
	if (r < 0)
		kill_helper(helper, plan->hook.n && !plan->pid);
	else
		reap_middle(helper);
	return r;
}

int pns_spawn(const struct pns_plan *plan, const struct pns_instance *instance,
	      const struct timespec *deadline, pns_meanwhile_fn meanwhile, void *arg, int *ret_init,
	      struct pns_err *err)
{
	struct room *room = mmap(NULL, sizeof(*room), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int subreaper = 0, r;

	if (room == MAP_FAILED)
		return pns_err_sys(err, errno, "memory for the helper's start");
	room->helper = (struct helper){.sock = -1, .theirs = -1, .null = -1, .exe = -1, .init = -1};
	r = prepare(&room->helper, plan, err);
	if (r == 0) {
		/* A subreaper would adopt init, and find a child that it does not know. */
		prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
		if (subreaper)
			prctl(PR_SET_CHILD_SUBREAPER, 0);
		r = run(room, plan, instance, deadline, meanwhile, arg, err);
		if (subreaper)
			prctl(PR_SET_CHILD_SUBREAPER, 1);
	}
	if (r == 0)
		*ret_init = pns_fd_steal(&room->helper.init);
	helper_cleanup(&room->helper);
	if (!room->helper.killed)
		munmap(room, sizeof(*room));
	return r;
}
