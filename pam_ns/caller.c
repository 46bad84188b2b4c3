// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "caller.h"

#define TIMENS_OFFSETS "/proc/self/timens_offsets"

static int save_ns(struct pns_kept *saved, const struct pns_ns *ns, struct pns_err *err)
{
	char path[64];
	int fd, r;

	/* thread-self: namespaces belong to threads, and self is the main one. */
	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", ns->aimed);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return pns_ns_explain(ns, errno, err);
	r = fd < 0 ? -errno : pns_kept_take(saved, fd);
	return r < 0 ? pns_err_sys(err, -r, "%s", path) : 0;
}

static int save_threads(struct pns_caller *caller, struct pns_err *err)
{
	struct stat st;

	if (stat("/proc/self/task", &st) < 0)
		return pns_err_sys(err, errno,
				   "/proc/self/task (is /proc mounted where the "
				   "login program runs?)");
	caller->threaded = st.st_nlink > 3; /* ".", ".." and one directory a thread */
	if (caller->threaded && unshare(CLONE_FS) < 0)
		return pns_err_sys(err, errno, "unshare(CLONE_FS)");
	return 0;
}

static void save_cwd(struct pns_caller *caller)
{
	struct stat st;

	caller->cwd = stat(".", &st) == 0 ? getcwd(NULL, 0) : NULL;
	if (caller->cwd && caller->cwd[0] != '/') { /* "(unreachable)/..." */
		free(caller->cwd);
		caller->cwd = NULL;
	}
	if (caller->cwd) {
		caller->cwd_dev = st.st_dev;
		caller->cwd_ino = st.st_ino;
	}
}

static void save_foreground(struct pns_caller *caller)
{
	pns_fd_auto int tty = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (tty >= 0 && tcgetpgrp(tty) == getpgrp())
		caller->foreground = getpgrp();
}

int pns_caller_begin(struct pns_caller *caller, const struct pns_plan *plan, struct pns_err *err)
{
	int r = save_threads(caller, err);

	if (r == 0 && plan->time)
		r = save_ns(&caller->ns[PNS_NS_TIME], &pns_nstab[PNS_NS_TIME], err);
	return r;
}

int pns_caller_save(struct pns_caller *caller, const struct pns_plan *plan, struct pns_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < PNS_NS_COUNT; i++)
		if (i != PNS_NS_TIME && pns_nstab[i].wanted(plan))
			r = save_ns(&caller->ns[i], &pns_nstab[i], err);
	if (r < 0)
		return r;
	save_cwd(caller);
	save_foreground(caller);
	return 0;
}

static int parse_offsets(const char *text, struct pns_offsets *offsets)
{
	return sscanf(text, "monotonic %" SCNd64 " %ld boottime %" SCNd64 " %ld",
		      &offsets->monotonic, &offsets->monotonic_ns, &offsets->boottime,
		      &offsets->boottime_ns) == 4
		       ? 0
		       : -EPROTO;
}

static int read_offsets(struct pns_offsets *offsets)
{
	pns_fd_auto int fd = open(TIMENS_OFFSETS, O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return parse_offsets(text, offsets);
}

static int write_offsets(const struct pns_offsets *offsets)
{
	pns_fd_auto int fd = open(TIMENS_OFFSETS, O_WRONLY | O_CLOEXEC);
	char text[256];
	int len;

	len = snprintf(text, sizeof(text), "monotonic %" PRId64 " %ld\nboottime %" PRId64 " %ld\n",
		       offsets->monotonic, offsets->monotonic_ns, offsets->boottime,
		       offsets->boottime_ns);
	return fd < 0 || write(fd, text, (size_t)len) < 0 ? -errno : 0;
}

/* The offsets with which both clocks show wanted seconds now. */
static struct pns_offsets offsets_for(int64_t wanted, struct pns_offsets own)
{
	struct timespec monotonic, boottime;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boottime);
	/* Nanoseconds stay: the clocks then start within the second, and never below zero. */
	own.monotonic += wanted - monotonic.tv_sec;
	own.boottime += wanted - boottime.tv_sec;
	return own;
}

/*
 * Up to Linux 6.2 a process whose children's time namespace differs from its own gets EINVAL for whatever
 * would share its memory: new threads, vfork(), posix_spawn(), system(). A program with threads
 * cannot go back from that (setns(2), EUSERS). Tried in a child, because it cannot be undone here.
 */
static bool threads_survive(void)
{
	sigset_t all, old;
	int status = -1;
	long pid;

	/* A handler of the caller's must not run in the child, on the caller's copied state. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL); /* exit signal 0: no SIGCHLD */
	if (pid == 0) {
		if (unshare(CLONE_NEWTIME) == 0) {
			pid = vfork();
			if (pid == 0)
				_exit(0);
			_exit(pid < 0 && errno == EINVAL);
		}
		_exit(0);
	}
	while (pid > 0 && waitpid((pid_t)pid, &status, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid < 0 || status == 0; /* without memory for a child, the helper's start says so */
}

static bool same_offsets(const struct pns_offsets *a, const struct pns_offsets *b)
{
	return a->monotonic == b->monotonic && a->monotonic_ns == b->monotonic_ns &&
	       a->boottime == b->boottime && a->boottime_ns == b->boottime_ns;
}

static int set_clocks(struct pns_caller *caller, const struct pns_plan *plan, const char *clocks)
{
	const int64_t wanted = plan->uptime == PNS_UPTIME_SESSION ? 0 : plan->uptime;
	struct pns_offsets offsets;
	int r;

	r = read_offsets(&caller->offsets);
	if (r == 0 && clocks)
		r = parse_offsets(clocks, &offsets);
	else if (r == 0)
		offsets = offsets_for(wanted, caller->offsets);
	if (r < 0 || same_offsets(&offsets, &caller->offsets))
		return r;
	caller->clocks_set = true;
	return write_offsets(&offsets);
}

int pns_caller_aim_time(struct pns_caller *caller, const struct pns_plan *plan, const char *service,
			const char *clocks, struct pns_err *err)
{
	const bool thread = gettid() != getpid();
	int r;

	/* /proc has this file for the main thread alone, and would move that one's children. */
	if (plan->uptime != PNS_UPTIME_HOST && thread)
		return pns_err_add(err, EINVAL,
				   "the login program opens the session from a thread, "
				   "whose clocks cannot be set: write uptime = host for it");
	if (caller->threaded && !threads_survive() && clocks)
		return pns_err_add(err, EOPNOTSUPP,
				   "%s has threads, and with the time namespace of the instance "
				   "that it joins this kernel would never let it start another: "
				   "write scope = session and time = no under [service %s], or "
				   "time = no for all that share the instance",
				   service, service);
	if (caller->threaded && !threads_survive())
		return pns_err_add(err, EOPNOTSUPP,
				   "%s has threads, and with a time namespace this kernel would "
				   "never let it start another: write time = no under [service %s]",
				   service, service);
	if (unshare(CLONE_NEWTIME) < 0)
		return pns_ns_explain(&pns_nstab[PNS_NS_TIME], errno, err);
	caller->time_aimed = true;
	/* Who joins may have come from other clocks than who opened: a container's login program. */
	if (plan->uptime == PNS_UPTIME_HOST && (!clocks || thread))
		return 0;
	r = set_clocks(caller, plan, clocks);
	return r < 0 ? pns_err_sys(err, -r, "setting the session's clocks in " TIMENS_OFFSETS) : 0;
}

/*
 * cwd is a path that getcwd() gave, so it holds no symlink; one met on the way now was put
 * there since, and root must not be led along it.
 */
static int chdir_nofollow(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	pns_fd_auto int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 || fchdir(fd) < 0 ? -errno : 0;
}

/* The number that names a namespace, and the inode of an fd of it; 0 if it cannot be told. */
static ino_t number_of(int spaces, const char *name)
{
	char text[64], *bracket;
	ssize_t n =
		readlinkat(spaces, name, text, sizeof(text) - 1); /* stat() would make that inode */

	text[n > 0 ? n : 0] = '\0';
	bracket = strchr(text, '[');
	return bracket ? strtoul(bracket + 1, NULL, 10) : 0;
}

/* Wherever we came from, this must be another place: no word of anybody else's is taken for it. */
static int check_moved(const struct pns_caller *caller, const struct pns_plan *plan, int spaces,
		       struct pns_err *err)
{
	for (int i = 0; i < PNS_NS_COUNT; i++) {
		ino_t number;

		/* A network with a name may be where the login program is already. */
		if (!pns_nstab[i].wanted(plan) ||
		    (i == PNS_NS_NET && plan->network.mode == PNS_NETWORK_NAMED))
			continue;
		number = number_of(spaces, pns_nstab[i].aimed);
		if (!number)
			return pns_err_sys(err, errno, "/proc/thread-self/ns/%s",
					   pns_nstab[i].aimed);
		if (number == caller->ns[i].ino)
			return pns_err_add(err, EPROTO,
					   "the session has no %s namespace of its own: install "
					   "pam_ns again",
					   pns_nstab[i].name);
	}
	return 0;
}

int pns_caller_join(struct pns_caller *caller, const struct pns_plan *plan, int init, bool fresh,
		    struct pns_err *err)
{
	/* Not the time namespace: joining it would move our own clocks. Children get it anyway. */
	const int flags = pns_ns_flags(plan) & ~CLONE_NEWTIME;
	/* Of this /proc: the session's shows the session's processes, and we are none. */
	pns_fd_auto int spaces = open("/proc/thread-self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (spaces < 0)
		return pns_err_sys(err, errno, "/proc/thread-self/ns");
	if (flags && setns(init, flags) < 0)
		return pns_err_sys(err, errno,
				   "joining the session's namespaces (does the login program run "
				   "without CAP_SYS_ADMIN or CAP_SYS_PTRACE?)");
	caller->joined = true;
	caller->moved = plan->mount;
	/* Who joins an instance that is there may have been called from within it. */
	r = fresh ? check_moved(caller, plan, spaces, err) : 0;
	if (r < 0)
		return r;
	/* The kernel set cwd to the new root. A directory that the session has not is no error. */
	if (caller->moved && (!caller->cwd || chdir_nofollow(caller->cwd) < 0) && chdir("/") < 0)
		return pns_err_sys(err, errno, "chdir to the session's root");
	return 0;
}

static int restore_ns(const struct pns_kept *saved, const struct pns_ns *ns, struct pns_err *err)
{
	if (!pns_kept_is_ours(saved))
		return pns_err_add(err, EBADF,
				   "the login program closed pam_ns's file descriptor: "
				   "it stays in the session's %s namespace",
				   ns->name);
	if (setns(saved->fd, ns->flag) == 0)
		return 0;
	/* A thread that this one has started meanwhile shares its root and cwd again (setns(2)). */
	if (errno == EINVAL && ns->flag == CLONE_NEWNS && unshare(CLONE_FS) == 0 &&
	    setns(saved->fd, ns->flag) == 0)
		return 0;
	return pns_err_sys(err, errno, "returning to the %s namespace", ns->name);
}

/*
 * setns() to our own time namespace aims the children back, but wants a single thread, and rights
 * over whoever made it: a container's root has none over the machine's. In both cases the children
 * keep a namespace of their own, with the clocks that the caller has itself.
 */
static int restore_time(struct pns_caller *caller, struct pns_err *err)
{
	const struct pns_kept *saved = &caller->ns[PNS_NS_TIME];
	int r;

	if (!caller->threaded && pns_kept_is_ours(saved) && setns(saved->fd, CLONE_NEWTIME) == 0)
		return 0;
	if (!caller->clocks_set)
		return 0; /* the clocks are the same in both */
	if (unshare(CLONE_NEWTIME) < 0)
		return pns_err_sys(err, errno, "returning to the clocks of the host");
	r = write_offsets(&caller->offsets);
	return r < 0 ? pns_err_sys(err, -r, "returning to the clocks of the host") : 0;
}

static void restore_cwd(const struct pns_caller *caller)
{
	struct stat st;

	if (caller->cwd && chdir_nofollow(caller->cwd) == 0 && stat(".", &st) == 0 &&
	    st.st_dev == caller->cwd_dev && st.st_ino == caller->cwd_ino)
		return;
	if (chdir("/") < 0)
		return; /* root's own / cannot be missing; nothing better is left to do */
}

/*
 * A shell in a pid namespace sees the terminal's foreground group as 0 and cannot hand it
 * back when it ends; the script that called su would then get EIO from the terminal.
 */
static void restore_foreground(const struct pns_caller *caller)
{
	pns_fd_auto int tty = -1;
	sigset_t ttou, old;

	if (!caller->foreground)
		return;
	tty = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (tty < 0 || tcgetpgrp(tty) == caller->foreground)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &old);
	tcsetpgrp(tty, caller->foreground);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int pns_caller_restore(struct pns_caller *caller, struct pns_err *err)
{
	int result = 0, r;

	for (int i = 0; caller->joined && i < PNS_NS_COUNT; i++) {
		if (caller->ns[i].fd < 0 || i == PNS_NS_TIME)
			continue;
		r = restore_ns(&caller->ns[i], &pns_nstab[i], err);
		if (result == 0)
			result = r;
	}
	if (caller->time_aimed) {
		r = restore_time(caller, err);
		if (result == 0)
			result = r;
	}
	if (caller->moved)
		restore_cwd(caller);
	if (caller->joined)
		restore_foreground(caller);
	caller->joined = caller->moved = caller->time_aimed = false;
	return result;
}

void pns_caller_free(struct pns_caller *caller)
{
	for (int i = 0; i < PNS_NS_COUNT; i++)
		pns_kept_close(&caller->ns[i]);
	free(caller->cwd);
	caller->cwd = NULL;
}
