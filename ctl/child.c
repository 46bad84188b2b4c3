// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "ctl.h"
#include "fd.h"
#include "out.h"
#include "relay.h"

#define USER_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define ROOT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- before ---- */

int child_look_up(struct child *child, const char *user)
{
	const struct passwd *pw;
	int n = 64;

	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return fail("%s: %s: %s", child->verb, user,
			    errno ? strerror(errno) : "NSS knows no such user");
	child->uid = pw->pw_uid;
	child->gid = pw->pw_gid;
	child->name = strdup(user);
	child->home = strdup(pw->pw_dir && *pw->pw_dir ? pw->pw_dir : "/");
	child->shell = strdup(pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	for (;;) {
		const int had = n;
		gid_t *grown = realloc(child->groups, (size_t)n * sizeof(*grown));

		if (!grown)
			break;
		child->groups = grown;
		child->group_count = n;
		if (getgrouplist(user, child->gid, child->groups, &child->group_count) >= 0)
			break;
		n = child->group_count > had ? child->group_count : 2 * had;
	}
	if (!child->name || !child->home || !child->shell || !child->groups)
		return fail("%s: out of memory", child->verb);
	return 0;
}

static int open_terminal(struct child *child)
{
	struct winsize size;

	child->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* By the fd: a path would be looked up in a /dev that need not be this terminal's. */
	if (child->master >= 0 && unlockpt(child->master) == 0)
		child->slave = ioctl(child->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (child->slave < 0 || tcgetattr(STDIN_FILENO, &child->saved) < 0 ||
	    tcsetattr(child->slave, TCSANOW, &child->saved) < 0)
		return fail("%s: a terminal for the command: %s", child->verb, strerror(errno));
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(child->slave, TIOCSWINSZ, &size);
	/* So that the user's programs can open it by name; its group stays tty. */
	if (fchown(child->slave, child->uid, (gid_t)-1) < 0)
		return fail("%s: a terminal for the command: %s", child->verb, strerror(errno));
	child->on_terminal = true;
	return 0;
}

int child_prepare(struct child *child, const char *user)
{
	int r = child_look_up(child, user);

	if (r == 0 && isatty(STDIN_FILENO))
		r = open_terminal(child);
	if (r == 0)
		relay_block_signals();
	return r;
}

void child_free(struct child *child)
{
	free(child->name);
	free(child->home);
	free(child->shell);
	free(child->groups);
	pns_fd_close(&child->master);
	pns_fd_close(&child->slave);
}

/* ---- in the child ---- */

static void set_environment(const struct child *child)
{
	static const char *const kept[] = {"TERM", "COLORTERM", "NO_COLOR"};
	char *value[3];

	for (size_t i = 0; i < 3; i++) {
		value[i] = getenv(kept[i]);
		if (value[i])
			value[i] = strdup(value[i]);
	}
	clearenv();
	for (size_t i = 0; i < 3; i++)
		if (value[i])
			setenv(kept[i], value[i], 1);
	setenv("HOME", child->home, 1);
	setenv("SHELL", child->shell, 1);
	setenv("USER", child->name, 1);
	setenv("LOGNAME", child->name, 1);
	setenv("PATH", child->uid == 0 ? ROOT_PATH : USER_PATH, 1);
	if (child->id)
		setenv("PAM_NS_SESSION", child->id, 1);
}

__attribute__((noreturn)) static void die(const struct child *child, const char *what, int code)
{
	fail("%s: %s: %s", child->verb, what, strerror(code));
	fflush(stderr);
	_exit(code == ENOENT || code == ENOTDIR ? 127 : 126);
}

int child_confine(const struct pns_plan *plan, struct pns_err *err)
{
	const struct pns_confine confine = {.caps = plan->capabilities,
					    .no_new_privs = plan->no_new_privs};

	return pns_confine(&confine, err);
}

static void become_user(const struct child *child)
{
	struct pns_err *err = calloc(1, sizeof(*err));

	if (!err)
		die(child, child->name, ENOMEM);
	if (child->confined_by && child_confine(child->confined_by, err) < 0) {
		fail_err(err, "%s: ", child->verb);
		_exit(126);
	}
	free(err);
	if (setgroups((size_t)child->group_count, child->groups) < 0 ||
	    setresgid(child->gid, child->gid, child->gid) < 0 ||
	    setresuid(child->uid, child->uid, child->uid) < 0)
		die(child, child->name, errno);
}

__attribute__((noreturn)) static void exec_command(const struct child *child)
{
	char *shell[2] = {NULL, NULL};
	const char *slash = strrchr(child->shell, '/');

	become_user(child);
	if (child->to_home && chdir(child->home) < 0 && chdir("/") < 0)
		die(child, "/", errno);
	set_environment(child);
	if (child->command) {
		execvp(child->command[0], child->command);
		die(child, child->command[0], errno);
	}
	if (asprintf(&shell[0], "%s%s", child->login ? "-" : "", slash ? slash + 1 : child->shell) <
	    0)
		die(child, child->shell, ENOMEM);
	execv(child->shell, shell);
	die(child, child->shell, errno);
}

static void reset_signals(void)
{
	struct sigaction deflt = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &deflt, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Hands the terminal to the command. We are in the background of it by then, or soon. */
static void give_terminal(pid_t group)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	tcsetpgrp(STDIN_FILENO, group);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/*
 * On a terminal the command must not lead the session: the kernel takes no SIGTSTP for a process
 * group without a parent in the same session. So it has one, which stops when the command does.
 */
__attribute__((noreturn)) static void monitor(const struct child *child)
{
	sigset_t all;
	int status, sig;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	pid = fork();
	if (pid < 0)
		die(child, "fork", errno);
	if (pid == 0) {
		setpgid(0, 0);
		give_terminal(getpid());
		reset_signals();
		exec_command(child);
	}
	setpgid(pid, pid);
	for (;;) {
		while (waitpid(pid, &status, WNOHANG | WUNTRACED) == pid) {
			if (!WIFSTOPPED(status))
				_exit(WIFEXITED(status) ? WEXITSTATUS(status)
							: 128 + WTERMSIG(status));
			kill(getpid(), SIGSTOP);
			give_terminal(pid);
			kill(-pid, SIGCONT);
		}
		sigwait(&all, &sig);
		if (sig != SIGCHLD && sig != SIGCONT) {
			kill(-pid, sig);
			if (sig != SIGTSTP)
				kill(-pid, SIGCONT);
		}
	}
}

static void take_terminal(const struct child *child)
{
	const bool out = isatty(STDOUT_FILENO), err = isatty(STDERR_FILENO);

	if (ioctl(child->slave, TIOCSCTTY, 0) < 0 || dup2(child->slave, STDIN_FILENO) < 0 ||
	    (out && dup2(child->slave, STDOUT_FILENO) < 0) ||
	    (err && dup2(child->slave, STDERR_FILENO) < 0))
		die(child, "the terminal", errno);
}

__attribute__((noreturn)) static void be_child(const struct child *child)
{
	/* Off root's terminal, whatever of it stdio still is. */
	setsid();
	if (child->on_terminal)
		take_terminal(child);
	/* What our caller left open is the host's, and no business of the session's (CVE-2024-21626). */
	syscall(SYS_close_range, 3, ~0U, 0);
	if (child->on_terminal)
		monitor(child);
	reset_signals();
	exec_command(child);
}

int child_run(struct child *child)
{
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0)
		return fail("%s: fork: %s", child->verb, strerror(errno));
	if (pid == 0)
		be_child(child);
	pns_fd_close(&child->slave);
	return relay(pid, child->master, &child->saved);
}
