// SPDX-License-Identifier: MIT
/*
 * Init at its socket, as root's programs see it, sane or not. The input is a list of what happens,
 * one thing before each poll(2) of init: a client connects, says something, leaves; a leader
 * dies; SIGTERM comes. init.c is compiled with its system calls renamed to fuzz_*(): so it runs
 * in this process, with a clock of ours, and _exit() comes back here.
 *
 * The promises: init ends when the last leader is gone or somebody says so, and never else; it
 * obeys well-formed requests alone; one answer a client; no fd is kept that nobody needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "fuzz.h"
#include "init.h"
#include "wire.h"

#define ASKERS_MAX   24
#define OPS_MAX	     400
#define LEADERS_MAX  512 /* as in init.c */
#define CLIENTS_MAX  16
#define BASE	     200 /* the fds of a run lie above, so that it is known which are its own */
#define END_POLLS    2000
#define SILENT_POLLS 45

int fuzz_poll(struct pollfd *fds, nfds_t n, int timeout);
int fuzz_kill(pid_t pid, int sig);
pid_t fuzz_waitpid(pid_t pid, int *status, int options);
pid_t fuzz_getpid(void);
int fuzz_clock_gettime(clockid_t clock, struct timespec *ret_time);
int fuzz_unlinkat(int dir, const char *path, int flags);
struct timespec __wrap_pns_deadline_in(uint32_t seconds);
int __wrap_pns_deadline_ms(const struct timespec *deadline);
__attribute__((noreturn)) void fuzz__exit(int status);

/* A connection's end that is ours, and what was said on it first. */
struct asker {
	int fd;
	bool asked, sane;
	struct pns_msg request;
	int leader; /* our end of the pidfd that came along */
};

/* A leader's pidfd is a pipe here: it becomes readable when our end is closed. */
struct leader {
	bool held, dead;
	int fd;
};

static struct run {
	const uint8_t *at, *end;
	unsigned int ops, polls;
	bool terminated; /* somebody said so */
	bool signalled;	 /* init told all to end */
	bool own_pids, others_left;
	int64_t now_ms;
	int signals; /* our end */
	struct sockaddr_storage address;
	socklen_t address_len;
	struct asker asker[ASKERS_MAX];
	struct leader leader[LEADERS_MAX];
	jmp_buf out;
} run;

static uint8_t next(void)
{
	return run.at < run.end ? *run.at++ : 0;
}

static int up(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, BASE);

	must(high >= 0, "no fd: %m");
	close(fd);
	return high;
}

/* ---- what is true ---- */

static unsigned int alive(void)
{
	unsigned int n = 0;

	for (int i = 0; i < LEADERS_MAX; i++)
		n += run.leader[i].held && !run.leader[i].dead;
	return n;
}

static unsigned int held(void)
{
	unsigned int n = 0;

	for (int i = 0; i < LEADERS_MAX; i++)
		n += run.leader[i].held;
	return n;
}

/* 1 if the answer can be true by now, 0 if not yet: in one round of init the order is its own. */
static int apply(struct asker *asker, const struct pns_msg *answer)
{
	const struct pns_msg *request = &asker->request;
	const uint32_t number = request->kind == PNS_MSG_ATTACH ? answer->leader : request->leader;
	struct leader *leader = number < LEADERS_MAX ? &run.leader[number] : NULL;

	switch (request->kind) {
	case PNS_MSG_ATTACH:
		must(leader, "leader number %u", number);
		if (leader->held && !leader->dead)
			return 0;
		pns_fd_close(&leader->fd);
		*leader = (struct leader){.held = true, .fd = pns_fd_steal(&asker->leader)};
		return 1;
	case PNS_MSG_DETACH:
		if (!leader || !leader->held)
			return 0;
		pns_fd_close(&leader->fd);
		leader->held = false;
		return 1;
	case PNS_MSG_TERMINATE:
		run.terminated = true;
		return 1;
	case PNS_MSG_STATUS:
		must(memchr(answer->text, '\0', sizeof(answer->text)) &&
			     strncmp(answer->text, "id=2001.7\n", 10) == 0,
		     "status: %.100s", answer->text);
		return 1;
	default:
		broken("OK to an unknown kind %u", request->kind);
	}
}

static void hear(void)
{
	struct pns_msg answers[ASKERS_MAX];
	bool open[ASKERS_MAX] = {false}, progress = true;
	char more[8];
	ssize_t n;

	for (int i = 0; i < ASKERS_MAX; i++) {
		struct asker *asker = &run.asker[i];

		if (asker->fd < 0)
			continue;
		n = recv(asker->fd, &answers[i], sizeof(answers[i]), MSG_DONTWAIT | MSG_TRUNC);
		if (n <= 0)
			continue;
		must(n == sizeof(answers[i]), "an answer of %zd bytes", n);
		must(asker->asked, "an answer to no question");
		must(answers[i].kind == PNS_MSG_OK || answers[i].kind == PNS_MSG_ERROR,
		     "an answer of kind %u", answers[i].kind);
		must(recv(asker->fd, more, sizeof(more), MSG_DONTWAIT) <= 0, "two answers");
		if (answers[i].kind == PNS_MSG_ERROR)
			must(answers[i].code > 0, "ERROR without a code");
		else
			must(asker->sane, "OK to a malformed request");
		open[i] = answers[i].kind == PNS_MSG_OK;
	}
	while (progress) {
		progress = false;
		for (int i = 0; i < ASKERS_MAX; i++)
			if (open[i] && apply(&run.asker[i], &answers[i])) {
				open[i] = false;
				progress = true;
			}
	}
	for (int i = 0; i < ASKERS_MAX; i++)
		must(!open[i], "OK to kind %u for leader %u, %u", run.asker[i].request.kind,
		     run.asker[i].request.leader, answers[i].leader);
	must(!run.signalled || run.terminated || alive() == 0, "signals with %u leaders", alive());
}

/* ---- what happens ---- */

static int make_leader(int *ret_ours)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0, "pipe: %m");
	*ret_ours = up(ends[1]);
	return up(ends[0]);
}

static void leave(struct asker *asker)
{
	pns_fd_close(&asker->fd);
	pns_fd_close(&asker->leader);
}

static void connect_asker(struct asker *asker)
{
	leave(asker);
	*asker = (struct asker){.leader = -1};
	asker->fd = up(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (connect(asker->fd, (struct sockaddr *)&run.address, run.address_len) < 0)
		pns_fd_close(&asker->fd);
}

static void say(struct asker *asker, const void *what, size_t len, unsigned int nfds)
{
	int fds[PNS_FD_PASS_MAX] = {-1, -1, -1, -1}, ours = -1;
	bool first;

	nfds %= PNS_FD_PASS_MAX + 1;
	for (unsigned int i = 0; i < nfds; i++) {
		pns_fd_close(&ours);
		fds[i] = make_leader(&ours);
	}
	first = asker->fd >= 0 && !asker->asked &&
		pns_fd_send(asker->fd, what, len, fds, nfds) == 0;
	if (asker->fd >= 0 && asker->asked)
		(void)pns_fd_send(asker->fd, what, len, fds, nfds);
	for (unsigned int i = 0; i < nfds; i++)
		pns_fd_close(&fds[i]);
	if (first) {
		asker->asked = true;
		asker->sane = len == sizeof(asker->request);
		memcpy(&asker->request, what,
		       len < sizeof(struct pns_msg) ? len : sizeof(struct pns_msg));
		if (asker->sane)
			asker->sane = nfds == (asker->request.kind == PNS_MSG_ATTACH);
		asker->leader = pns_fd_steal(&ours);
	}
	pns_fd_close(&ours);
}

static void say_request(struct asker *asker)
{
	struct pns_msg msg = {.kind = next()};
	const uint8_t how = next();

	msg.leader = next();
	if (how & 8)
		msg.leader <<= 24;
	memset(msg.text, how & 16 ? 0xff : 0, sizeof(msg.text));
	say(asker, &msg, sizeof(msg), how & 7);
}

static void say_bytes(struct asker *asker)
{
	uint8_t bytes[2 * sizeof(struct pns_msg)];
	const uint8_t how = next();
	size_t len = next() | (size_t)(how & 0xf0) << 4;

	len %= sizeof(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = next();
	say(asker, bytes, len, how & 7);
}

static void send_signal(void)
{
	struct signalfd_siginfo info = {.ssi_signo = SIGTERM, .ssi_pid = next() & 1};

	if (write(run.signals, &info, sizeof(info)) == sizeof(info) &&
	    (!run.own_pids || info.ssi_pid == 0))
		run.terminated = true;
}

static void happen(void)
{
	const uint8_t what = next();
	struct asker *asker = &run.asker[next() % ASKERS_MAX];
	struct leader *leader;

	switch (what % 8) {
	case 0:
	case 1:
		connect_asker(asker);
		break;
	case 2:
	case 3:
		say_request(asker);
		break;
	case 4:
		say_bytes(asker);
		break;
	case 5:
		leave(asker);
		break;
	case 6:
		leader = &run.leader[next()];
		pns_fd_close(&leader->fd);
		leader->dead = true;
		break;
	default:
		if (next() & 1)
			send_signal();
		run.others_left = next() & 1;
	}
}

/* ---- init's system calls ---- */

/* What is open above BASE and not ours is init's: its clients, and the leaders it holds. */
static void must_hold_few(void)
{
	unsigned int open = 0, ours = 1; /* run.signals */

	for (int fd = BASE; fd < BASE + 1000; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	for (int i = 0; i < ASKERS_MAX; i++)
		ours += (run.asker[i].fd >= 0) + (run.asker[i].leader >= 0);
	for (int i = 0; i < LEADERS_MAX; i++)
		ours += run.leader[i].fd >= 0;
	ours += 3; /* listener, signals, /dev/null */
	must(open <= ours + held() + CLIENTS_MAX, "%u fds open: %u ours, %u leaders", open, ours,
	     held());
}

int fuzz_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	hear();
	if (run.at < run.end && run.ops++ < OPS_MAX) {
		happen();
		return poll(fds, n, 0);
	}
	/* No more happens. Whoever has spoken is heard, and whoever must end does. */
	run.now_ms += timeout > 0 ? timeout : 0;
	run.polls++;
	if (!run.terminated && alive() > 0 && run.polls > SILENT_POLLS) {
		must(timeout < 0, "ends with %u leaders alive", alive());
		must_hold_few();
		longjmp(run.out, 1);
	}
	must(run.polls < END_POLLS, "does not end");
	return poll(fds, n, 0);
}

void fuzz__exit(int status)
{
	hear();
	must(status == 0, "init exits with %d", status);
	must(run.terminated || alive() == 0, "init ends with %u leaders", alive());
	must_hold_few();
	longjmp(run.out, 1);
}

int fuzz_kill(pid_t pid, int sig)
{
	must(pid == -1 && run.own_pids, "kill(%d, %d)", pid, sig);
	run.signalled |= sig != 0; /* judged once the answer that goes with it is there */
	if (run.others_left)
		return 0;
	errno = ESRCH;
	return -1;
}

pid_t fuzz_waitpid(pid_t pid, int *status, int options)
{
	(void)pid;
	(void)status;
	(void)options;
	return 0;
}

pid_t fuzz_getpid(void)
{
	return 1;
}

int fuzz_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	(void)clock;
	*ret_time = (struct timespec){.tv_sec = 1000 + run.now_ms / 1000,
				      .tv_nsec = run.now_ms % 1000 * 1000000};
	return 0;
}

struct timespec __wrap_pns_deadline_in(uint32_t seconds)
{
	struct timespec at;

	fuzz_clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += seconds;
	return at;
}

int __wrap_pns_deadline_ms(const struct timespec *deadline)
{
	const int64_t ms = (deadline->tv_sec - 1000) * INT64_C(1000) + deadline->tv_nsec / 1000000 -
			   run.now_ms;

	return ms < 0 ? 0 : (int)ms;
}

int fuzz_unlinkat(int dir, const char *path, int flags)
{
	(void)dir;
	(void)flags;
	must(strncmp(path, "2001", 4) == 0, "unlinks %s", path);
	return 0;
}

/* ---- a run ---- */

static int make_listener(void)
{
	const struct sockaddr family = {.sa_family = AF_UNIX};
	int fd = up(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	/* The kernel finds an abstract name. */
	run.address_len = sizeof(run.address);
	must(bind(fd, &family, sizeof(family.sa_family)) == 0 && listen(fd, 64) == 0 &&
		     getsockname(fd, (struct sockaddr *)&run.address, &run.address_len) == 0,
	     "listener: %m");
	return fd;
}

static void start(struct init_fds *fds)
{
	int ends[2];

	for (int i = 0; i < ASKERS_MAX; i++)
		run.asker[i] = (struct asker){.fd = -1, .leader = -1};
	for (int i = 0; i < LEADERS_MAX; i++)
		run.leader[i].fd = -1;
	run.leader[PNS_FIRST_LEADER].held = true;
	fds->leader = make_leader(&run.leader[PNS_FIRST_LEADER].fd);
	fds->listener = make_listener();
	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe: %m");
	fds->signals = up(ends[0]);
	run.signals = up(ends[1]);
	fds->lock = fds->registry = up(open("/dev/null", O_PATH | O_CLOEXEC));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pns_plan *plan = calloc(1, sizeof(*plan)); /* init_run() frees it */
	static struct init_fds fds;
	uint8_t how;

	run = (struct run){.at = data, .end = data + size};
	how = next();
	must(plan != NULL, "calloc: %m");
	strcpy(plan->id, "2001.7");
	plan->who.uid = 2001;
	run.own_pids = plan->pid = how & 1;
	plan->kill_grace = how >> 5;
	start(&fds);
	if (setjmp(run.out) == 0)
		init_run(plan, &fds, 1);
	must(close_range(BASE, ~0U, 0) == 0, "close_range: %m");
	return 0;
}
