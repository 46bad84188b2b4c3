// SPDX-License-Identifier: MIT
/*
 * faults SERVICE USER: makes each system call of a session's opening and closing fail once, with each
 * error that its manual gives, and kills each process at each call; in the login program, the
 * helper and init alike. With "stop" as last argument: stops helper and init at each call instead, for
 * ever if the login is denied. One line a case that is not as it must be, then a line that counts.
 *
 * A seccomp filter hands every call of a login program of our own, and of all that comes from it, to this
 * process (seccomp_unotify(2)), which lets it go on or answers in the kernel's place. Which call
 * is the N-th differs a little from run to run where processes run side by side: more cases, not fewer.
 *
 * Not made to fail: close() and munmap(), which do their work whatever they return; calls whose only
 * errors are those of wrong arguments; exit; and what the user's own process calls.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 6000 /* the policy's timeout is 2 s, and what is undone takes some more */
#define GONE_MS	   4000 /* from the login program's end to that of all that came from it */
#define SPACES	   6
#define PLACES	   7
#define ERRORS_MAX 7

/* Mounts of the session's own with the default policy: another device than the host's. */
static const char *const places[PLACES] = {"/proc",    "/sys",	      "/tmp",	    "/var/tmp",
					   "/dev/shm", "/dev/mqueue", "/run/pam_ns"};
static const char *const spaces[SPACES] = {
	"mnt", "ipc", "uts", "pid_for_children", "time_for_children", "net"};

/* clang-format off */
/* The errors of section 2 of the manual that can befall these calls here. */
static const struct fault {
	int nr;
	const char *name;
	int error[ERRORS_MAX];
} faults[] = {
#define F(call, ...) {SYS_##call, #call, {__VA_ARGS__}}
	F(accept4, EMFILE, ECONNABORTED, EINTR, ENOMEM),
	F(bind, EACCES, EADDRINUSE, ENOSPC, EROFS),
	F(brk, ENOMEM),
	F(capget, EPERM, EINVAL),
	F(capset, EPERM, EINVAL),
	F(chdir, EACCES, ENOENT, EIO),
	F(chmod, EPERM, EROFS, EIO),
	F(clone, EAGAIN, ENOMEM, ENOSPC, EINVAL, EPERM),
	F(clone3, EAGAIN, ENOMEM, ENOSPC, EINVAL, EPERM, ENOSYS),
	F(close_range, EINVAL, ENOMEM, ENOSYS),
	F(connect, ECONNREFUSED, ENOENT, EAGAIN, EINTR),
	F(dup2, EBADF, EBUSY, EINTR, EMFILE),
	F(dup3, EBADF, EBUSY, EINTR, EMFILE),
	F(execveat, EACCES, ENOENT, ENOMEM, EIO, ETXTBSY),
	F(fchdir, EACCES, EIO),
	F(fchmod, EPERM, EROFS, EIO),
	F(fchown, EPERM, EROFS, EIO),
	F(fcntl, EMFILE, EBADF, EINVAL),
	F(flock, EINTR, ENOLCK, EWOULDBLOCK),
	F(fork, EAGAIN, ENOMEM),
	F(fsconfig, EINVAL, ENOMEM, EPERM),
	F(fsmount, EPERM, ENOMEM, EMFILE),
	F(fsopen, EPERM, ENOMEM, EMFILE, ENODEV),
	F(fstat, EIO, ENOMEM),
	F(fstatfs, EIO, EINTR),
	F(getcwd, ENOENT, ENOMEM),
	F(getdents64, EIO, ENOENT),
	F(getsockopt, ENOBUFS),
	F(ioctl, EIO, ENODEV, EPERM),
	F(kill, EPERM, ESRCH),
	F(linkat, ENOSPC, EMLINK, EIO, EACCES),
	F(listen, EADDRINUSE),
	F(lseek, EINVAL),
	F(lstat, EIO, ENOMEM),
	F(madvise, EINVAL, ENOMEM, EAGAIN),
	F(mkdir, ENOSPC, EROFS, EACCES),
	F(mkdirat, ENOSPC, EROFS, EACCES),
	F(mmap, ENOMEM, EAGAIN),
	F(mount, EPERM, ENOMEM, ENOSPC, EBUSY, EINVAL),
	F(mount_setattr, EPERM, ENOMEM, EBUSY),
	F(move_mount, EPERM, ENOENT, ENOSPC, EBUSY),
	F(mprotect, ENOMEM),
	F(newfstatat, EIO, ENOMEM, EACCES),
	F(open, EMFILE, ENOMEM, EACCES, EINTR),
	F(open_tree, EPERM, ENOSPC, ENOMEM),
	F(openat, EMFILE, ENFILE, ENOMEM, EACCES, EINTR, ENOENT),
	F(openat2, EMFILE, ENOMEM, EAGAIN, ENOSYS),
	F(pidfd_open, EMFILE, ENOMEM, ESRCH),
	F(pidfd_send_signal, EPERM, ESRCH),
	F(pipe2, EMFILE, ENFILE),
	F(poll, EINTR, ENOMEM),
	F(ppoll, EINTR, ENOMEM),
	F(prctl, EPERM, EINVAL),
	F(pread64, EIO, EINTR),
	F(prlimit64, EPERM),
	F(read, EIO, EINTR, EAGAIN),
	F(readlink, EIO, ENOENT),
	F(readlinkat, EIO, ENOENT),
	F(recvfrom, EINTR, ENOMEM, ECONNRESET),
	F(recvmsg, EINTR, ENOMEM, ECONNRESET),
	F(rt_sigaction, EINVAL),
	F(sendmsg, EINTR, ENOMEM, EPIPE, ENOBUFS),
	F(sendto, EINTR, ENOMEM, EPIPE),
	F(setdomainname, EPERM),
	F(setfsuid, EPERM),
	F(setgroups, EPERM, ENOMEM),
	F(sethostname, EPERM),
	F(setns, EPERM, ENOMEM, EINVAL, EUSERS),
	F(setresgid, EPERM, EAGAIN),
	F(setresuid, EPERM, EAGAIN),
	F(setsid, EPERM),
	F(signalfd4, EMFILE, ENOMEM),
	F(socket, EMFILE, ENOBUFS, EAFNOSUPPORT),
	F(socketpair, EMFILE, ENFILE),
	F(stat, EIO, ENOMEM, EACCES),
	F(statfs, EIO, EINTR),
	F(symlinkat, ENOSPC, EIO),
	F(sysinfo, EFAULT),
	F(umount2, EBUSY, EPERM),
	F(uname, EFAULT),
	F(unlink, EROFS, EIO),
	F(unlinkat, EROFS, EIO),
	F(unshare, ENOSPC, ENOMEM, EPERM, EINVAL),
	F(utimensat, EPERM),
	F(vfork, EAGAIN, ENOMEM),
	F(wait4, EINTR),
	F(write, ENOSPC, EIO, EINTR),
#undef F
};
/* clang-format on */

enum phase { BEFORE, OPENING, USER, CLOSING, AFTER };

/* What the login program says of itself, in memory that it shares with us. */
static struct shared {
	volatile enum phase phase;
	volatile int listener; /* its fd number; -1 until it is there */
	volatile int taken;
	volatile int opened;  /* PAM's answers */
	volatile int changed; /* something of its own is not as before */
	volatile int user_pid;
	volatile int looked;			 /* the user's process saw its namespaces */
	volatile ino_t host[SPACES], in[SPACES]; /* before opening, and the user's */
	volatile dev_t host_dev[PLACES], in_dev[PLACES];
	volatile bool lo_up;
	char what[256];
} * shared;

#define STOP (-1)

/* Fail (error > 0), kill (error == 0) or STOP at the at-th call that counts; at < 0: only count. */
struct
try {
	long at;
	int error;
};

struct seen {
	long calls;
	bool done; /* the try was made */
	int nr;
	enum phase phase;
	bool caller;
	bool hang, leak;
	int stopped; /* pidfd, if it is not -1 */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct fault *fault_of(int nr)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].nr == nr)
			return &faults[i];
	return NULL;
}

/* ---- the login program ---- */

static int no_talk(int n, const struct pam_message **msg, struct pam_response **ret, void *data)
{
	(void)n, (void)msg, (void)ret, (void)data;
	return PAM_CONV_ERR;
}

static void see_namespaces(volatile ino_t *ino, bool self)
{
	for (int i = 0; i < SPACES; i++) {
		char path[64];
		struct stat st = {0};

		/* In the user's process the children's namespaces are its own. */
		snprintf(path, sizeof(path), "/proc/self/ns/%.*s",
			 self ? (int)strcspn(spaces[i], "_") : 32, spaces[i]);
		if (stat(path, &st) < 0)
			snprintf(shared->what, sizeof(shared->what), "stat %s: %s", path,
				 strerror(errno));
		ino[i] = st.st_ino;
	}
}

static void see_places(volatile dev_t *dev)
{
	for (int i = 0; i < PLACES; i++) {
		struct stat st = {0};

		dev[i] = stat(places[i], &st) == 0 ? st.st_dev : 0;
	}
}

static bool lo_is_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP);
}

struct self {
	ino_t ns[SPACES];
	int fds;
	char cwd[256];
	sigset_t mask;
	long ahead;
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void see_self(struct self *self)
{
	struct timespec real, mono;

	memset(self, 0, sizeof(*self));
	see_namespaces(self->ns, false);
	self->fds = count_fds();
	if (!getcwd(self->cwd, sizeof(self->cwd)))
		strcpy(self->cwd, "(none)");
	sigprocmask(SIG_SETMASK, NULL, &self->mask);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	self->ahead = real.tv_sec - mono.tv_sec;
}

static void changed(const char *what, long before, long after)
{
	shared->changed = 1;
	snprintf(shared->what, sizeof(shared->what), "%s: %ld, then %ld", what, before, after);
}

static void compare_self(const struct self *a, const struct self *b)
{
	for (int i = 0; i < SPACES; i++)
		/* Children may be left with clocks like the host's in a namespace of their own. */
		if (a->ns[i] != b->ns[i] && strncmp(spaces[i], "time", 4) != 0)
			changed(spaces[i], (long)a->ns[i], (long)b->ns[i]);
	if (a->fds != b->fds)
		changed("fds", a->fds, b->fds);
	if (strcmp(a->cwd, b->cwd) != 0)
		changed(b->cwd, 0, 0);
	if (memcmp(&a->mask, &b->mask, sizeof(a->mask)) != 0)
		changed("signal mask", 0, 0);
	if (labs(a->ahead - b->ahead) > 2)
		changed("clocks", a->ahead, b->ahead);
	if (waitpid(-1, NULL, WNOHANG | __WALL) >= 0 || errno != ECHILD)
		changed("children", 0, 1);
}

static int install_filter(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
	const struct sock_fprog program = {.len = 1, .filter = code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static void user_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* Its phase is USER: whatever it calls goes on. */
		see_namespaces(shared->in, true);
		see_places(shared->in_dev);
		shared->lo_up = lo_is_up();
		shared->looked = 1;
		_exit(0);
	}
	shared->user_pid = pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

__attribute__((noreturn)) static void login(const char *service, const char *user)
{
	const struct pam_conv conv = {.conv = no_talk};
	struct self before, after;
	pam_handle_t *pamh;
	int listener;

	if (pam_start(service, user, &conv, &pamh) != PAM_SUCCESS)
		_exit(3);
	openlog(NULL, LOG_NDELAY, LOG_AUTHPRIV); /* syslog(3) keeps its fd, whoever logs first */
	see_namespaces(shared->host, false);
	see_places(shared->host_dev);
	see_self(&before);
	listener = install_filter();
	shared->listener = listener;
	while (!shared->taken)
		; /* a call would wait for the one who has not taken the listener yet */
	close(listener);
	shared->phase = OPENING;
	shared->opened = pam_open_session(pamh, 0);
	if (shared->opened == PAM_SUCCESS) {
		shared->phase = USER;
		user_process();
		shared->phase = CLOSING;
		pam_close_session(pamh, 0);
	}
	shared->phase = AFTER;
	/* libpam itself may fail behind the module: then the end of the handle undoes the session. */
	if (shared->opened != PAM_SUCCESS)
		pam_end(pamh, shared->opened);
	see_self(&after);
	compare_self(&before, &after);
	if (shared->opened == PAM_SUCCESS)
		pam_end(pamh, PAM_SUCCESS);
	_exit(0);
}

/* ---- the one that answers for the kernel ---- */

/* Does this call count? Only those that open and close the session do. */
static bool counts(const struct seccomp_notif *call, pid_t caller)
{
	if (!fault_of(call->data.nr))
		return false;
	if ((pid_t)call->pid == caller)
		return shared->phase == OPENING || shared->phase == CLOSING;
	/* The user's process starts with the program's own memory and ends without a word. */
	return shared->phase != BEFORE && shared->phase != USER && shared->phase != AFTER;
}

/* The error to answer with: the one that is tried, or where the call is another now, one of its own. */
static int error_for(int nr, int error)
{
	const struct fault *fault = fault_of(nr);

	for (int i = 0; i < ERRORS_MAX; i++)
		if (fault->error[i] == error)
			return error;
	return fault->error[0];
}

/*
 * Only what root alone can stop. Before the exec it is the login program's own memory, which stands still
 * until then (vfork(2)): who may stop it there, may stop that as well.
 */
static bool is_helper(pid_t pid)
{
	char path[32], exe[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, exe, sizeof(exe) - 1) > 0 && strstr(exe, "pam_ns_helper");
}

static void answer(int listener, pid_t caller, const struct try *try, struct seen *seen)
{
	struct seccomp_notif call = {0};
	struct seccomp_notif_resp resp = {0};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return; /* killed meanwhile */
	resp.id = call.id;
	resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (counts(&call, caller) && seen->calls++ == try->at) {
		seen->done = try->error != STOP || is_helper((pid_t)call.pid);
		seen->nr = call.data.nr;
		seen->phase = shared->phase;
		seen->caller = (pid_t)call.pid == caller;
		if (try->error > 0) {
			resp.flags = 0;
			resp.error = -error_for(call.data.nr, try->error);
		} else if (try->error == STOP && seen->done) {
			seen->stopped = pidfd_open((pid_t)call.pid, 0);
			kill((pid_t)call.pid, SIGSTOP);
		} else if (try->error == 0) {
			kill((pid_t)call.pid, SIGKILL);
		}
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

/* Until every process under the filter is gone; *seen says what happened on the way. */
static void supervise(int listener, pid_t caller, const struct try *try, struct seen *seen)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	int64_t end = now_ms() + TIMEOUT_MS;
	bool gone = false;

	for (;;) {
		int left = (int)(end - now_ms());

		if (poll(&wait, 1, left > 20 ? 20 : left < 0 ? 0 : left) > 0) {
			if (wait.revents & POLLIN)
				answer(listener, caller, try, seen);
			else if (wait.revents & POLLHUP)
				break;
		}
		if (!gone && waitpid(caller, NULL, WNOHANG) == caller) {
			gone = true;
			end = now_ms() + GONE_MS;
			/* The init of a session that was open ends when it can; that of another is gone. */
			if (seen->stopped >= 0 && shared->opened == PAM_SUCCESS)
				pidfd_send_signal(seen->stopped, SIGCONT, NULL, 0);
		}
		if (now_ms() < end)
			continue;
		seen->hang = !gone;
		seen->leak = gone;
		break;
	}
	if (!gone) {
		if (seen->hang)
			kill(caller, SIGKILL);
		waitpid(caller, NULL, 0);
	}
	if (seen->stopped >= 0) {
		if (seen->leak || seen->hang) /* so that the next case begins with nothing */
			pidfd_send_signal(seen->stopped, SIGKILL, NULL, 0);
		close(seen->stopped);
	}
}

static void run_login(const char *service, const char *user, const struct try *try,
		      struct seen *seen)
{
	int pidfd, listener;
	pid_t caller;

	memset(shared, 0, sizeof(*shared));
	memset(seen, 0, sizeof(*seen));
	seen->stopped = -1;
	shared->listener = -1;
	shared->opened = -1;
	caller = fork();
	if (caller == 0)
		login(service, user);
	while (shared->listener < 0)
		if (waitpid(caller, NULL, WNOHANG) == caller) {
			fprintf(stderr, "faults: no login program\n");
			exit(1);
		}
	pidfd = pidfd_open(caller, 0);
	listener = pidfd_getfd(pidfd, shared->listener, 0);
	if (listener < 0) {
		perror("faults: listener");
		exit(1);
	}
	fcntl(listener, F_SETFD, FD_CLOEXEC);
	shared->taken = 1;
	supervise(listener, caller, try, seen);
	close(listener);
	close(pidfd);
}

/* ---- the verdict ---- */

static struct tally {
	long cases, isolated, denied, killed, unisolated, leaks, hangs, not_undone, next_failed;
} tally;

static bool isolated(void)
{
	for (int i = 0; i < SPACES; i++)
		if (!shared->in[i] || shared->in[i] == shared->host[i])
			return false;
	for (int i = 0; i < PLACES; i++) {
		if (shared->host_dev[i] && shared->in_dev[i] == shared->host_dev[i]) {
			snprintf(shared->what, sizeof(shared->what), "%s is the host's", places[i]);
			return false;
		}
	}
	return shared->lo_up;
}

static void complain(const char *what, const struct try *try, const struct seen *seen)
{
	const struct fault *fault = fault_of(seen->nr);

	printf("%s: call %ld, %s of %s while %s: %s%s%s\n", what, try->at,
	       fault ? fault->name : "?", seen->caller ? "the login program" : "helper or init",
	       seen->phase == OPENING ? "opening" : "closing",
	       try->error > 0	    ? strerrorname_np(try->error)
	       : try->error == STOP ? "SIGSTOP"
				    : "SIGKILL",
	       shared->what[0] ? ": " : "", shared->what);
	fflush(stdout);
}

static void judge(const struct try *try, const struct seen *seen)
{
	const bool killed = !try->error && seen->caller;

	tally.cases++;
	if (shared->looked && !isolated()) {
		tally.unisolated++;
		complain("UN-ISOLATED", try, seen);
	} else if (shared->opened == PAM_SUCCESS) {
		tally.isolated++;
	} else if (killed) {
		tally.killed++;
	} else {
		tally.denied++;
	}
	if (seen->hang) {
		tally.hangs++;
		complain("HANG", try, seen);
	}
	if (seen->leak) {
		tally.leaks++;
		complain("LEAK: a process is left", try, seen);
	}
	/* Who may not go back cannot; all else must be undone. */
	if (shared->changed && !(seen->nr == SYS_setns && seen->caller && try->error > 0)) {
		tally.not_undone++;
		complain("NOT UNDONE", try, seen);
	}
}

/* The same login with nothing failing: it must work, and leave nothing. */
static void next_login(const char *service, const char *user, const struct try *try,
		       const struct seen *before)
{
	const struct try none = {.at = -1};
	struct seen seen;

	run_login(service, user, &none, &seen);
	if (shared->opened == PAM_SUCCESS && isolated() && !seen.hang && !seen.leak &&
	    !shared->changed)
		return;
	tally.next_failed++;
	complain("NEXT LOGIN FAILED", try, before);
}

static void one_case(const char *service, const char *user, long at, int error, int *ret_nr)
{
	const struct try try = {.at = at, .error = error};
	struct seen seen;

	run_login(service, user, &try, &seen);
	*ret_nr = seen.done ? seen.nr : -1;
	if (!seen.done)
		return;
	judge(&try, &seen);
	next_login(service, user, &try, &seen);
}

int main(int argc, char **argv)
{
	const struct try none = {.at = -1};
	struct seen seen;
	long first, step;
	int nr;

	if (argc < 3 || argc > 6 || (argc == 6 && strcmp(argv[5], "stop") != 0)) {
		fprintf(stderr, "usage: faults SERVICE USER [FIRST [STEP [stop]]]\n");
		return 2;
	}
	first = argc > 3 ? atol(argv[3]) : 0;
	step = argc > 4 ? atol(argv[4]) : 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || step < 1)
		return 1;
	run_login(argv[1], argv[2], &none, &seen);
	if (shared->opened != PAM_SUCCESS || !isolated() || shared->changed || seen.leak) {
		printf("faults: a login with nothing failing does not work: %s\n", shared->what);
		return 1;
	}
	printf("%ld calls open and close a session\n", seen.calls);
	for (long at = first; at < seen.calls; at += step) {
		const struct fault *fault;

		one_case(argv[1], argv[2], at, argc > 5 ? STOP : 0, &nr);
		fault = nr >= 0 && argc <= 5 ? fault_of(nr) : NULL;
		for (int i = 0; fault && i < ERRORS_MAX && fault->error[i]; i++)
			one_case(argv[1], argv[2], at, fault->error[i], &nr);
	}
	printf("cases %ld, isolated %ld, denied %ld, killed %ld, un-isolated %ld, leaks %ld, "
	       "hangs %ld, not undone %ld, next login failed %ld\n",
	       tally.cases, tally.isolated, tally.denied, tally.killed, tally.unisolated,
	       tally.leaks, tally.hangs, tally.not_undone, tally.next_failed);
	return tally.unisolated || tally.leaks || tally.hangs || tally.not_undone ||
	       tally.next_failed;
}
