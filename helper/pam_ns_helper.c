// SPDX-License-Identifier: MIT
/*
 * Run by the module as root, with an empty environment, one socket, and stdio on /dev/null, as the
 * first process of the session's namespaces: takes the plan, runs the steps, and becomes init. No
 * setuid bit, no file capability: whoever runs it by hand has no more rights in it than before.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "caps.h"
#include "fd.h"
#include "hook.h"
#include "init.h"
#include "nstab.h"
#include "report.h"
#include "scope.h"
#include "steps.h"
#include "wire.h"

#define BACKLOG	  64
#define FILES	  1024
#define FILES_MIN 64

/*
 * Init holds an fd for each login in it. A hard limit that cannot be raised is the machine's word, if
 * init can live with it at all.
 */
static int raise_files(void)
{
	struct rlimit files, more;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= FILES)
		return 0;
	more.rlim_cur = FILES;
	more.rlim_max = files.rlim_max < FILES ? FILES : files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return 0;
	more.rlim_cur = more.rlim_max = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		files.rlim_cur = more.rlim_cur;
	return files.rlim_cur < FILES_MIN ? -EPERM : 0;
}

/* What a login program hands down and what root's own program should not run under. */
static void sanitise(struct pns_err *err)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	static const unsigned char
		deflt[64]; /* the kernel's struct sigaction, all clear: SIG_DFL */
	sigset_t none;
	int r;

	/* exec leaves ignored signals ignored. By the call itself: sigaction() spares those of libc. */
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, deflt, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	/* Out of the terminal's reach: its Ctrl-C is for the login program. */
	setsid();
	/*
	 * su leaves the invoking user's as the real uid, which would let that user stop and kill us
	 * (kill(2)); groups may be the new user's already.
	 */
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		pns_err_sys(
			err, errno,
			"becoming root in full (does the login program run without some of "
			"root's capabilities, or has it given them up for an earlier session?)");
		report_and_die(err);
	}
	/*
	 * pam_limits has set the user's limits by now. Init is not the user's: a CPU limit must not
	 * end it. Without CAP_SYS_RESOURCE what cannot be raised stays, and is the machine's word.
	 */
	for (int limit = 0; limit < RLIM_NLIMITS; limit++)
		if (limit != RLIMIT_NOFILE && limit != RLIMIT_CORE)
			setrlimit((__rlimit_resource_t)limit, &unlimited);
	r = raise_files();
	if (r < 0) {
		pns_err_sys(err, -r,
			    "raising the limit of open files to %d (does the login program run "
			    "without cap_sys_resource, under a hard limit that is lower?)",
			    FILES_MIN);
		report_and_die(err);
	}
	/* exec of an fd leaves its number as the name. */
	prctl(PR_SET_NAME, "pam_ns");
	/* No ptrace, no /proc/PID/{mem,fd,root} for anyone but root, from the start (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0);
}

static void receive(struct pns_plan *plan, int *fds, char **ret_text, size_t *ret_len,
		    struct pns_err *err)
{
	char *text = malloc(PNS_PLAN_MAX);
	ssize_t n;

	if (!text) {
		pns_err_sys(err, ENOMEM, "plan");
		report_and_die(err);
	}
	n = pns_fd_recv(PNS_HELPER_SOCK, text, PNS_PLAN_MAX, fds, PNS_PLAN_FDS);
	if (n == 0)
		_exit(1); /* the login program is gone */
	if (n < 0)
		pns_err_sys(err, (int)-n, "receiving the plan");
	else
		pns_plan_decode(text, (size_t)n, plan, err);
	if (err->count)
		report_and_die(err);
	*ret_text = text;
	*ret_len = (size_t)n;
}

/* The registry's name for this instance: "UID/N" from the plan's "UID.N". */
static int entry_name(const struct pns_plan *plan, char *buf, size_t size)
{
	unsigned int uid, number;

	if (sscanf(plan->id, "%u.%u", &uid, &number) != 2 || uid != plan->who.uid)
		return -EPROTO;
	snprintf(buf, size, "%u/%u", uid, number);
	return 0;
}

/*
 * Has the login program given us up, or died? It kills us then, if it knows whom to kill, and takes its
 * entry back: the number may be another login's from that moment on.
 */
static bool given_up(int lock)
{
	struct pollfd sock = {.fd = PNS_HELPER_SOCK};
	struct stat st;

	return (poll(&sock, 1, 0) == 1 && sock.revents & POLLHUP) ||
	       (fstat(lock, &st) == 0 && st.st_nlink == 0);
}

static int listen_at(int registry, const char *entry, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	pns_fd_auto int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;
	int r;

	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s.socket", registry,
		 entry);
	/* The number is ours, since the plan's file is: what lies there is of an init that died. */
	unlink(addr.sun_path);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(old);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = pns_fd_steal(&fd);
	return r;
}

/* Writes the plan into the entry and opens the instance's socket. */
static void enlist(const struct pns_plan *plan, const char *text, size_t len, struct init_fds *fds,
		   struct pns_err *err)
{
	char entry[32], name[48];
	int r;

	if (given_up(fds->lock))
		_exit(1);
	r = entry_name(plan, entry, sizeof(entry));
	if (r == 0)
		r = pns_fd_write_all(fds->lock, text, len);
	if (r == 0)
		r = listen_at(fds->registry, entry, &fds->listener);
	if (r < 0) {
		pns_err_sys(err, -r, "writing the entry in " PNS_REGISTRY " (is /run full?)");
		report_and_die(err);
	}
	/* It came after what the login program has removed: nobody else will remove it. */
	if (given_up(fds->lock)) {
		snprintf(name, sizeof(name), "%s.socket", entry);
		unlinkat(fds->registry, name, 0);
		_exit(1);
	}
}

/* The process behind a pidfd, by its number here; 0 if it is gone already. */
static pid_t pid_of(int pidfd)
{
	pns_fd_auto int fd = -1;
	char path[64], text[512];
	const char *line;
	ssize_t n;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "\nPid:");
	return line && sscanf(line, "\nPid: %d", &pid) == 1 && pid > 0 ? pid : 0;
}

/* Where a process's namespaces have their names; -1 if it is gone. */
static int open_namespaces(const char *process)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%s/ns", process);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * Is this namespace the session's own? The first step would else take the machine's mounts apart. By
 * its name in /proc, which is still that of the login program.
 */
static bool is_own(const struct pns_ns *ns, int ours, int leaders)
{
	char own[64] = "", theirs[64] = "";

	return readlinkat(leaders, ns->name, theirs, sizeof(theirs) - 1) > 0 &&
	       readlinkat(ours, ns->name, own, sizeof(own) - 1) > 0 && strcmp(own, theirs) != 0;
}

/* All but those that come later. */
static void check_namespaces(const struct pns_plan *plan, pid_t leader, struct pns_err *err)
{
	char number[16];
	pns_fd_auto int ours = open_namespaces("self");
	pns_fd_auto int leaders = -1;

	snprintf(number, sizeof(number), "%d", leader);
	leaders = open_namespaces(number);
	for (int i = 0; i < PNS_NS_COUNT; i++) {
		if (i == PNS_NS_NET || i == PNS_NS_CGROUP || !pns_nstab[i].wanted(plan) ||
		    is_own(&pns_nstab[i], ours, leaders))
			continue;
		pns_err_add(err, EPROTO,
			    "the helper is not in a %s namespace of its own: install pam_ns again",
			    pns_nstab[i].name);
		report_and_die(err);
	}
}

__attribute__((noreturn)) static void become_init(struct pns_plan *plan, struct init_fds *fds,
						  pid_t leader, struct pns_err *err)
{
	if (init_prepare(fds, plan, err) < 0)
		report_and_die(err);
	if (chdir("/") < 0)
		pns_err_sys(err, errno, "chdir to /");
	if (err->count || caps_keep_for_init(err) < 0)
		report_and_die(err);
	/* Giving up capabilities may have made us dumpable again (prctl(2)). */
	prctl(PR_SET_DUMPABLE, 0);
	if (report_ready() < 0)
		_exit(1);

	/* From here on nothing may fail: a login stands on this process. */
	close(PNS_HELPER_SOCK);
	init_run(plan, fds, leader);
}

static bool run_by_module(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(PNS_HELPER_SOCK, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

int main(void)
{
	static struct pns_err err;
	struct pns_plan *plan;
	struct init_fds init = {-1, -1, -1, -1, -1, -1};
	int fds[PNS_PLAN_FDS];
	pid_t leader;
	char *text;
	size_t len;

	if (!run_by_module()) {
		static const char usage[] =
			"pam_ns_helper is run by pam_ns.so, not by hand: see pam_ns_helper(8)\n";

		return write(STDERR_FILENO, usage, sizeof(usage) - 1) < 0 ? 3 : 2;
	}
	sanitise(&err);
	plan = calloc(1, sizeof(*plan));
	if (!plan) {
		pns_err_sys(&err, ENOMEM, "plan");
		report_and_die(&err);
	}
	receive(plan, fds, &text, &len, &err);
	if (scope_enter(plan, &err) < 0) {
		report_note(&err);
		err = (struct pns_err){0};
	}
	/* Early, as it takes the kernel longer than all that comes until it is needed. */
	if (network_begin(plan, &err) < 0)
		report_and_die(&err);
	init.leader = fds[0];
	init.registry = fds[1];
	init.lock = fds[2];
	leader = pid_of(init.leader);
	check_namespaces(plan, leader, &err);
	/* Its root is where we are now. */
	if (pns_nstab[PNS_NS_CGROUP].wanted(plan) && unshare(CLONE_NEWCGROUP) < 0)
		pns_ns_explain(&pns_nstab[PNS_NS_CGROUP], errno, &err);
	if (err.count || caps_keep_for_steps(&err) < 0)
		report_and_die(&err);
	enlist(plan, text, len, &init, &err);
	free(text);
	if (hooks_open(plan, &err) < 0 || steps_run(plan, &err) < 0)
		report_and_die(&err);
	become_init(plan, &init, leader, &err);
}
