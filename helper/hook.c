// SPDX-License-Identifier: MIT
/*
 * The admin's programs. They run as root with all that the login program's bounding set leaves, as
 * children of init, when the namespaces are finished and before anyone is in them.
 *
 * Each is opened before there is a session, by a walk that only root can have laid, and executed by
 * that fd: what the session's own mounts cover or hide makes no difference, and nothing can be put in
 * its place between check and use.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "fd.h"
#include "hook.h"
#include "paths.h"
#include "report.h"
#include "steps.h"
#include "wire.h"

#define PROGRAM_FD   3 /* in the hook: of a script alone, whose interpreter reads it there */
#define PROGRAM_PATH "/proc/self/fd/3"
#define LINES_MAX    64	 /* of a hook in the log */
#define LINE_SIZE    512 /* a longer line is cut */
#define DRAIN_MAX    65536
#define MARGIN_MS    300 /* before the module's own bound: what hung is then known by name */

/* The order of the plan's list. */
static struct program {
	int fd;
	bool script;
} * programs;
static struct timespec deadline;

static const char *name_of(const struct pns_item *item, char *buf, size_t size)
{
	snprintf(buf, size, "hook%s%s", *item->label ? "." : "", item->label);
	return buf;
}

static int open_program(const struct pns_item *item, struct program *program, struct pns_err *err)
{
	static struct pns_err walk;
	static struct pns_words words;
	char name[128], magic[4] = "";
	const char *path;
	int r;

	walk = (struct pns_err){0};
	name_of(item, name, sizeof(name));
	if (pns_words_split(item->value, &words, &walk) < 0 || words.n == 0)
		return pns_err_add(err, EPROTO, "malformed plan at %s", name);
	path = words.word[0];
	r = pns_fd_open_trusted(path, O_RDONLY, S_IFREG, &program->fd, &walk);
	if (r == -ENOENT)
		return pns_err_add(
			err, ENOENT,
			"%s: %s does not exist: install it, or take it out of the policy", name,
			path);
	if (r < 0)
		return pns_err_add(err, -r, "%s: %s", name, walk.text);
	/* Anything else than a program of the machine's own needs an interpreter to read it. */
	program->script = pread(program->fd, magic, sizeof(magic), 0) != sizeof(magic) ||
			  memcmp(magic, "\177ELF", sizeof(magic)) != 0;
	return 0;
}

int hooks_open(const struct pns_plan *plan, struct pns_err *err)
{
	const long whole = plan->timeout * 1000L;
	const long margin = whole / 10 < MARGIN_MS ? whole / 10 : MARGIN_MS;

	if (plan->hook.n == 0)
		return 0;
	deadline = pns_deadline_in((uint32_t)((whole - margin) / 1000));
	deadline.tv_nsec += (whole - margin) % 1000 * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_nsec -= 1000000000;
		deadline.tv_sec++;
	}
	programs = calloc(plan->hook.n, sizeof(*programs));
	if (!programs)
		return pns_err_sys(err, ENOMEM, "hooks");
	for (size_t i = 0; i < plan->hook.n; i++) {
		int r = open_program(&plan->hook.item[i], &programs[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- what it is given ---- */

static char *environment[16];

static void add_env(size_t *n, const char *name, const char *value)
{
	if (asprintf(&environment[*n], "%s=%s", name, value) < 0)
		environment[*n] = NULL;
	else
		(*n)++;
}

/* Nothing of the login program's: who logs in may have had a hand in that (CVE-2010-3853). */
static void make_environment(const struct pns_plan *plan)
{
	char uid[16];
	size_t n = 0;

	snprintf(uid, sizeof(uid), "%u", plan->who.uid);
	add_env(&n, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
	add_env(&n, "PAM_NS_USER", plan->who.user);
	add_env(&n, "PAM_NS_UID", uid);
	add_env(&n, "PAM_NS_SERVICE", plan->who.service);
	add_env(&n, "PAM_NS_SESSION", plan->id);
	add_env(&n, "PAM_NS_HOME", plan->who.home);
	add_env(&n, "PAM_NS_RHOST", plan->who.rhost);
	add_env(&n, "PAM_NS_TTY", plan->who.tty);
	environment[n] = NULL;
}

static int make_arguments(const char *text, struct pns_words *words, char **argv,
			  struct pns_err *err)
{
	int r = pns_words_split(text, words, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words->n; i++)
		argv[i] = words->buf + (words->word[i] - words->buf);
	argv[words->n] = NULL;
	return 0;
}

/* ---- its output ---- */

struct output {
	const char *name;
	int fd;
	char line[LINE_SIZE];
	size_t len;
	unsigned int lines;
};

static void end_line(struct output *out)
{
	if (out->len && out->lines++ < LINES_MAX)
		report_log(out->name, out->line, out->len);
	out->len = 0;
}

/* One read. False at the end, or when nothing is there. */
static bool read_output(struct output *out)
{
	char buf[4096];
	ssize_t n = read(out->fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			end_line(out);
		else if (out->len < sizeof(out->line))
			out->line[out->len++] = buf[i];
	}
	if (n == 0)
		pns_fd_close(&out->fd);
	return n > 0;
}

/*
 * What the hook itself said lies in the pipe by now. What a daemon that it left behind goes on saying is
 * not waited for.
 */
static void drain_output(struct output *out)
{
	char text[64];
	int n;

	for (int i = 0; out->fd >= 0 && i < DRAIN_MAX / 4096 && read_output(out); i++)
		;
	end_line(out);
	if (out->lines > LINES_MAX) {
		n = snprintf(text, sizeof(text), "%u more lines, not logged",
			     out->lines - LINES_MAX);
		report_log(out->name, text, (size_t)n);
	}
}

/* ---- running it ---- */

/* Only async-signal-safe calls, and vfork()'s child shares our memory: *failed is how it tells. */
__attribute__((noreturn)) static void exec_hook(const struct program *program, int out,
						char *const *argv, volatile int *failed)
{
	setsid();
	if (chdir("/") == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    (program->fd == PROGRAM_FD || dup2(program->fd, PROGRAM_FD) == PROGRAM_FD) &&
	    fcntl(PROGRAM_FD, F_SETFD, program->script ? 0 : FD_CLOEXEC) == 0 &&
	    syscall(SYS_close_range, PROGRAM_FD + 1, ~0U, 0) == 0) {
		/*
		 * A script's interpreter gets a path that leads to the fd, which must be open then: the
		 * one fd that a hook inherits is itself.
		 */
		if (program->script)
			execve(PROGRAM_PATH, argv, environment);
		else
			syscall(SYS_execveat, PROGRAM_FD, "", argv, environment, AT_EMPTY_PATH);
	}
	*failed = errno;
	_exit(127);
}

static int start(const struct program *program, int out, char *const *argv, pid_t *ret_pid)
{
	volatile int failed = 0;
	pid_t pid = vfork();

	if (pid == 0)
		exec_hook(program, out, argv, &failed);
	if (pid < 0)
		return -errno;
	if (failed) {
		waitpid(pid, NULL, 0);
		return -failed;
	}
	*ret_pid = pid;
	return 0;
}

/* Until it ends: 0; -ETIMEDOUT at the bound; -EPIPE when the login program has given up. */
static int watch(int pidfd, struct output *out)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = PNS_HELPER_SOCK, .events = 0},
			{.fd = out->fd, .events = POLLIN},
		};
		int n = poll(fds, 3, pns_deadline_ms(&deadline));

		if (n < 0)
			return -errno;
		/* Also when output keeps coming: a flood must not hold off the end. */
		if (pns_deadline_ms(&deadline) == 0)
			return -ETIMEDOUT;
		if (fds[1].revents)
			return -EPIPE;
		if (fds[2].revents)
			read_output(out);
		if (fds[0].revents)
			return 0;
	}
}

static int judge(const struct pns_item *item, const char *name, int status, struct pns_err *err)
{
	const int len = (int)strcspn(item->value, " ");

	if (WIFSIGNALED(status))
		return pns_err_add(err, ECANCELED,
				   "%s: %.*s was killed by signal %d (%s): mend it, or take it out "
				   "of the policy",
				   name, len, item->value, WTERMSIG(status),
				   sigdescr_np(WTERMSIG(status)) ?: "unknown");
	if (WEXITSTATUS(status))
		return pns_err_add(
			err, ECANCELED,
			"%s: %.*s ended with exit status %d: see what it said in the log "
			"before this line",
			name, len, item->value, WEXITSTATUS(status));
	return 0;
}

static int failed_start(const struct pns_item *item, const char *name, int code,
			struct pns_err *err)
{
	const int len = (int)strcspn(item->value, " ");

	if (code == ENOEXEC)
		return pns_err_add(err, code,
				   "%s: %.*s is no program: a script begins with #! and its "
				   "interpreter",
				   name, len, item->value);
	if (code == EACCES)
		return pns_err_add(err, code,
				   "%s: %.*s may not be executed: chmod 755 it, and keep it off "
				   "noexec mounts",
				   name, len, item->value);
	if (code == ENOENT)
		return pns_err_add(err, code,
				   "%s: %.*s: its interpreter does not exist: install it", name,
				   len, item->value);
	return pns_err_sys(err, code, "%s: executing %.*s", name, len, item->value);
}

static int wait_for(const struct pns_plan *plan, const struct pns_item *item, pid_t pid,
		    struct output *out, struct pns_err *err)
{
	pns_fd_auto int pidfd = pidfd_open(pid, 0);
	int status = 0;
	int r = pidfd < 0 ? -errno : watch(pidfd, out);

	if (r < 0) {
		/* In a pid namespace our own end kills all. Without one this is all we can reach. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	drain_output(out);
	if (r == -ETIMEDOUT)
		return pns_err_add(err, ETIMEDOUT,
				   "%s: %.*s did not end within the %u seconds of timeout: raise "
				   "timeout in the policy, or look for what hangs",
				   out->name, (int)strcspn(item->value, " "), item->value,
				   plan->timeout);
	if (r < 0)
		return pns_err_sys(err, -r, "%s: waiting for it", out->name);
	r = judge(item, out->name, status, err);
	if (r < 0)
		kill(-pid, SIGKILL);
	return r;
}

static int run_hook(const struct pns_plan *plan, size_t i, struct pns_err *err)
{
	static struct pns_words words;
	static char *argv[PNS_WORDS_MAX + 1];
	const struct pns_item *item = &plan->hook.item[i];
	char name[128];
	struct output out = {.name = name_of(item, name, sizeof(name)), .fd = -1};
	pns_fd_auto int theirs = -1;
	int pipes[2], r;
	pid_t pid;

	r = make_arguments(item->value, &words, argv, err);
	if (r < 0)
		return r;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return pns_err_sys(err, errno, "%s: pipe", name);
	out.fd = pipes[0];
	theirs = pipes[1];
	fcntl(out.fd, F_SETFL, O_NONBLOCK);
	r = start(&programs[i], theirs, argv, &pid);
	pns_fd_close(&theirs);
	pns_fd_close(&programs[i].fd);
	if (r < 0)
		failed_start(item, name, -r, err);
	else
		r = wait_for(plan, item, pid, &out, err);
	pns_fd_close(&out.fd);
	return r;
}

int step_hook(const struct pns_plan *plan, struct pns_err *err)
{
	int r = 0;

	make_environment(plan);
	for (size_t i = 0; r == 0 && i < plan->hook.n; i++)
		r = run_hook(plan, i, err);
	return r;
}
