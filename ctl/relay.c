// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "relay.h"

#define KILL_AFTER_S 2

struct relaying {
	pid_t child;
	int master; /* -1: none, or its other side is closed */
	bool raw;
	bool input; /* ours can still be read */
	const struct termios *saved;
	char to[4096]; /* typed, and not yet taken by the child's terminal */
	size_t from, len;
	bool ended;
	int status;
	time_t kill_at; /* 0: never */
};

static void ours(sigset_t *set)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGHUP,	  SIGINT,  SIGQUIT,
				      SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
}

void relay_block_signals(void)
{
	sigset_t set;

	ours(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A reader of our output that is gone must not leave a session behind. */
	signal(SIGPIPE, SIG_IGN);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void set_raw(struct relaying *r, bool raw)
{
	struct termios mode = *r->saved;

	if (raw)
		cfmakeraw(&mode);
	if (r->raw != raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
	r->raw = raw;
}

static void copy_size(const struct relaying *r)
{
	struct winsize size;

	if (r->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(r->master, TIOCSWINSZ, &size);
}

static bool write_all(const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf += n;
		len -= (size_t)n;
	}
	return true;
}

/* What the child's terminal shows. EIO: nobody has it open any more. */
static void read_master(struct relaying *r)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(r->master, buf, sizeof(buf))) > 0)
		if (!write_all(buf, (size_t)n))
			break;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		pns_fd_close(&r->master);
}

static void read_input(struct relaying *r)
{
	ssize_t n = read(STDIN_FILENO, r->to, sizeof(r->to));

	if (n > 0) {
		r->from = 0;
		r->len = (size_t)n;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		r->input = false;
		kill(r->child, SIGHUP); /* the terminal is gone */
	}
}

static void write_master(struct relaying *r)
{
	ssize_t n = write(r->master, r->to + r->from, r->len);

	if (n > 0) {
		r->from += (size_t)n;
		r->len -= (size_t)n;
	}
}

/* The child of a terminal passes on by itself; one without leads a process group, if it got that far. */
static void pass_on(const struct relaying *r, int sig)
{
	if (r->saved || kill(-r->child, sig) < 0)
		kill(r->child, sig);
}

/* As the child has stopped, so do we, as a job of the shell that runs us; and go on as one. */
static void stop(struct relaying *r)
{
	if (r->saved)
		set_raw(r, false);
	kill(getpid(), SIGSTOP);
	if (r->saved) {
		set_raw(r, true);
		copy_size(r);
	}
	pass_on(r, SIGCONT);
}

static void reap(struct relaying *r)
{
	int status;

	while (!r->ended && waitpid(r->child, &status, WNOHANG | WUNTRACED) == r->child) {
		if (WIFSTOPPED(status)) {
			stop(r);
			continue;
		}
		r->ended = true;
		r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static void handle(struct relaying *r, int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
		break;
	case SIGWINCH:
		copy_size(r);
		break;
	case SIGTSTP:
		pass_on(r, r->saved ? SIGTSTP : SIGSTOP); /* then SIGCHLD comes, and we follow */
		break;
	case SIGTERM:
	case SIGHUP:
		if (!r->kill_at)
			r->kill_at = now() + KILL_AFTER_S;
		pass_on(r, sig);
		break;
	default:
		pass_on(r, sig);
	}
}

static void wait_and_serve(struct relaying *r, int signals)
{
	struct pollfd fds[3] = {
		{.fd = signals, .events = POLLIN},
		{.fd = r->master, .events = POLLIN},
		{.fd = r->master >= 0 && r->input && !r->len ? STDIN_FILENO : -1, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	if (r->master >= 0 && r->len)
		fds[1].events |= POLLOUT;
	if (poll(fds, 3, r->kill_at ? 200 : -1) < 0)
		return;
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_master(r);
	if (r->master >= 0 && (fds[1].revents & POLLOUT))
		write_master(r);
	if (fds[2].revents)
		read_input(r);
	while (read(signals, &info, sizeof(info)) == sizeof(info))
		handle(r, (int)info.ssi_signo);
	reap(r);
	if (!r->ended && r->kill_at && now() >= r->kill_at)
		kill(r->child, SIGKILL);
}

int relay(pid_t child, int master, const struct termios *saved)
{
	struct relaying r = {.child = child, .master = -1, .input = true};
	pns_fd_auto int signals = -1;
	sigset_t set;
	int status;

	ours(&set);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (master >= 0) {
		r.saved = saved;
		r.master = fcntl(master, F_DUPFD_CLOEXEC, 3);
		fcntl(r.master, F_SETFL, O_RDWR | O_NONBLOCK);
		set_raw(&r, true);
	}
	while (signals >= 0 && !r.ended)
		wait_and_serve(&r, signals);
	if (signals < 0) { /* no fd left: serve no terminal, but wait */
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	if (r.master >= 0)
		read_master(&r);
	if (r.saved)
		set_raw(&r, false);
	pns_fd_close(&r.master);
	return r.status;
}
