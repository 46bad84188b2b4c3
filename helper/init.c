// SPDX-License-Identifier: MIT
/*
 * What init may rely on: it was complete before READY, and allocates nothing after. Its end is
 * the session's end: the kernel kills what is in a pid namespace whose PID 1 is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "entry.h"
#include "fd.h"
#include "init.h"
#include "wire.h"

#define LEADERS_MAX   512
#define STEPS_STACK   65536 /* more than the steps use */
#define CLIENTS_MAX   16
#define FILES_OF_OURS 16 /* fewer, and what comes with a message */
#define TICK_MAX_MS   50 /* how often init looks whether the last process has ended */
/* ... while it lingers: SIGCHLD says it at once, but for children of processes outside. */
#define LINGER_TICK_MAX_MS 10000

enum { POLL_SIGNALS, POLL_LISTENER, POLL_FIXED };

struct init {
	const struct init_fds *fds;
	bool own_pids; /* we are PID 1: kill(-1) means the session, and nothing else */
	int linger;
	uint32_t grace;
	uid_t uid;
	unsigned int number;
	char id[32];
	bool ending;
	bool over;		  /* ... and nobody is left: it was seen once, which is final */
	struct timespec deadline; /* while ending */
	int tick_ms;
	unsigned int leaders, leaders_max;
	int leader[LEADERS_MAX]; /* pidfds by leader number; -1: free */
	int client[CLIENTS_MAX]; /* connections whose request has not come yet; -1: free */
	int next_client;
	struct who { /* of each leader; last, and apart: its pages are only there when used */
		int32_t pid;
		char service[28];
	} who[LEADERS_MAX];
};

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

static struct init the_init; /* no stack of its size, and pages only where it is used */
static char clocks[PNS_CLOCKS_SIZE];

/* Who joins later gets the same clocks by the same offsets. */
static int read_clocks(struct pns_err *err)
{
	pns_fd_auto int fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, clocks, sizeof(clocks) - 1);

	return n < 0 ? pns_err_sys(err, errno, "/proc/self/timens_offsets") : 0;
}

int init_prepare(struct init_fds *fds, const struct pns_plan *plan, struct pns_err *err)
{
	sigset_t all, ours;

	/*
	 * A blocked signal is queued even for PID 1, so block all, and read only those that mean
	 * something: SIGCHLD, and SIGTERM from outside (systemctl stop, kill).
	 */
	sigfillset(&all);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGTERM);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return pns_err_sys(err, errno, "sigprocmask");
	/* What a hook left, and ended while nothing was queued yet. */
	reap();
	fds->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds->signals < 0)
		return pns_err_sys(err, errno, "signalfd");
	fds->self = pidfd_open(getpid(), 0);
	if (fds->self < 0)
		return pns_err_sys(err, errno, "pidfd_open");
	return plan->time ? read_clocks(err) : 0;
}

/* Zombies whose parents are outside count too: only those parents can end them. */
static bool others_left(const struct init *init)
{
	return init->own_pids && !(kill(-1, 0) < 0 && errno == ESRCH);
}

/* From here on nobody finds this instance to join it. */
static void unlist(const struct init *init)
{
	char name[32];

	snprintf(name, sizeof(name), "%u/%u", init->uid, init->number);
	pns_entry_remove(init->fds->registry, name, init->fds->lock);
	pns_entry_remove_user(init->fds->registry, init->uid);
}

/*
 * Is there nothing that could keep this process alive for a moment longer? Asked once too often it
 * costs: the kernel looks at every process of the machine for each kill(-1).
 */
static bool is_over(struct init *init)
{
	if (init->ending && !init->over)
		init->over = !others_left(init);
	return init->over;
}

static void begin_to_end(struct init *init)
{
	if (init->ending)
		return;
	init->ending = true;
	init->tick_ms = 1;
	init->deadline = pns_deadline_in(init->grace);
	unlist(init);
	if (is_over(init))
		return;
	/* As a terminal that hangs up; SIGCONT so that what was stopped can obey. */
	kill(-1, SIGHUP);
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
}

/* Waits for the last process to end, with nobody logged in. */
static bool is_emptying(const struct init *init)
{
	return !init->ending && !init->leaders && init->linger == PNS_LINGER_UNTIL_EMPTY;
}

static void end_if_empty(struct init *init)
{
	if (is_emptying(init) && !others_left(init))
		begin_to_end(init);
}

static void detach(struct init *init, uint32_t leader)
{
	pns_fd_close(&init->leader[leader]);
	if (--init->leaders)
		return;
	init->tick_ms = 1;
	if (init->linger == PNS_LINGER_NO)
		begin_to_end(init);
	else
		end_if_empty(init);
}

static void read_signals(struct init *init)
{
	struct signalfd_siginfo info;

	while (read(init->fds->signals, &info, sizeof(info)) == sizeof(info))
		/* 0: from outside. What root inside sends is not heard, as with any other signal. */
		if (info.ssi_signo == SIGTERM && (!init->own_pids || info.ssi_pid == 0))
			begin_to_end(init);
	reap();
}

/* Names are data: in a line of STATUS no byte of them may look like more. */
static void note_leader(struct init *init, uint32_t leader, int32_t pid, const char *service)
{
	struct who *who = &init->who[leader];

	who->pid = pid;
	snprintf(who->service, sizeof(who->service), "%s", service);
	for (char *p = who->service; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			*p = '?';
}

static int attach(struct init *init, const struct pns_msg *request, int pidfd,
		  struct pns_msg *answer)
{
	if (init->ending)
		return ESHUTDOWN;
	if (init->leaders >= init->leaders_max)
		return EUSERS;
	for (uint32_t i = 0; i < LEADERS_MAX; i++) {
		if (init->leader[i] >= 0)
			continue;
		init->leader[i] = pidfd;
		init->leaders++;
		note_leader(init, i, request->code, request->text);
		answer->leader = i;
		strcpy(answer->text, clocks);
		return 0;
	}
	return EUSERS;
}

/* As many leaders as fit; leaders= counts them all. */
static void put_status(const struct init *init, char *text, size_t size)
{
	int len = snprintf(text, size, "id=%s\nstate=%s\nleaders=%u\n", init->id,
			   init->ending	   ? "ending"
			   : init->leaders ? "running"
					   : "lingering",
			   init->leaders);

	for (uint32_t i = 0; i < LEADERS_MAX; i++) {
		const struct who *who = &init->who[i];
		char line[80];
		int n;

		if (init->leader[i] < 0)
			continue;
		n = snprintf(line, sizeof(line), "leader=%u pid=%d service=%s\n", i, who->pid,
			     who->service);
		if ((size_t)(len + n) >= size)
			return;
		strcpy(text + len, line);
		len += n;
	}
}

/*
 * Does what the request says; returns the errno of the answer, 0 for OK. *pidfd came along and is
 * taken out if it is kept; *ret_fd goes along with the answer.
 */
static int serve(struct init *init, struct pns_msg *request, int *pidfd, struct pns_msg *answer,
		 int *ret_fd)
{
	int code = 0;

	switch (request->kind) {
	case PNS_MSG_ATTACH:
		if (*pidfd < 0)
			return EINVAL;
		request->text[sizeof(request->text) - 1] = '\0';
		code = attach(init, request, *pidfd, answer);
		if (code == 0)
			*pidfd = -1; /* it is the table's now */
		*ret_fd = init->fds->self;
		return code;
	case PNS_MSG_DETACH:
		if (request->leader >= LEADERS_MAX || init->leader[request->leader] < 0)
			return ENOENT;
		detach(init, request->leader);
		answer->code = is_over(init) ? 0 : EAGAIN;
		return 0;
	case PNS_MSG_TERMINATE:
		begin_to_end(init);
		answer->code = is_over(init) ? 0 : EAGAIN;
		return 0;
	case PNS_MSG_STATUS:
		put_status(init, answer->text, sizeof(answer->text));
		*ret_fd = init->fds->self;
		return 0;
	default:
		return EOPNOTSUPP;
	}
}

/* Only root can reach the socket by its path; a second look costs nothing. */
static bool peer_is_root(int client)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);

	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0;
}

/* -EPROTO: the fd that should have come did not, for want of a number for it. */
static int read_request(int client, struct pns_msg *request, int *pidfd)
{
	struct pns_msg peek;
	ssize_t n = recv(client, &peek, sizeof(peek), MSG_PEEK | MSG_DONTWAIT);
	const bool attach = n == sizeof(peek) && peek.kind == PNS_MSG_ATTACH;

	if (n <= 0)
		return n < 0 ? errno : ECONNRESET;
	n = pns_fd_recv(client, request, sizeof(*request), pidfd, attach);
	if (n == -EPROTO && attach)
		return EMFILE;
	return n == sizeof(*request) ? 0 : EBADMSG;
}

static void serve_client(struct init *init, int *client)
{
	struct pns_msg request = {0}, answer = {.kind = PNS_MSG_OK};
	pns_fd_auto int pidfd = -1;
	int code, fd = -1, r;

	code = read_request(*client, &request, &pidfd);
	if (code == EAGAIN)
		return;
	if (code == 0)
		code = serve(init, &request, &pidfd, &answer, &fd);
	if (code) {
		answer.kind = PNS_MSG_ERROR;
		answer.code = code;
	}
	r = pns_fd_send(*client, &answer, sizeof(answer), &fd, code == 0 && fd >= 0);
	/* A login that did not hear that it is in will not say when it leaves. */
	if (r < 0 && code == 0 && request.kind == PNS_MSG_ATTACH)
		detach(init, answer.leader);
	pns_fd_close(client);
}

/*
 * A client that connects and says nothing must not take a place for ever: when all are taken, the
 * one that came first loses its own.
 */
static void accept_client(struct init *init)
{
	int fd = accept4(init->fds->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int *place = NULL;

	if (fd < 0)
		return;
	if (!peer_is_root(fd)) {
		close(fd);
		return;
	}
	for (int i = 0; i < CLIENTS_MAX && !place; i++)
		if (init->client[i] < 0)
			place = &init->client[i];
	if (!place) {
		place = &init->client[init->next_client];
		init->next_client = (init->next_client + 1) % CLIENTS_MAX;
	}
	pns_fd_close(place);
	*place = fd;
}

/* The next wait is twice as long, up to most. */
static int tick(struct init *init, int most)
{
	const int ms = init->tick_ms;

	init->tick_ms = ms > most / 2 ? most : 2 * ms;
	return ms;
}

static int wait_ms(struct init *init)
{
	int left, ms;

	if (is_emptying(init))
		return tick(init, LINGER_TICK_MAX_MS);
	if (!init->ending)
		return -1;
	left = pns_deadline_ms(&init->deadline);
	ms = tick(init, TICK_MAX_MS);
	return ms < left ? ms : left;
}

static void wait_and_serve(struct init *init)
{
	struct pollfd fds[POLL_FIXED + CLIENTS_MAX + LEADERS_MAX];
	uint32_t who[LEADERS_MAX];
	int n = POLL_FIXED + CLIENTS_MAX, leaders = 0, r;

	fds[POLL_SIGNALS] = (struct pollfd){.fd = init->fds->signals, .events = POLLIN};
	fds[POLL_LISTENER] = (struct pollfd){.fd = init->fds->listener, .events = POLLIN};
	for (int i = 0; i < CLIENTS_MAX; i++)
		fds[POLL_FIXED + i] = (struct pollfd){.fd = init->client[i], .events = POLLIN};
	for (uint32_t i = 0; i < LEADERS_MAX; i++) {
		if (init->leader[i] < 0)
			continue;
		fds[n + leaders] = (struct pollfd){.fd = init->leader[i], .events = POLLIN};
		who[leaders++] = i;
	}
	r = poll(fds, (nfds_t)(n + leaders), wait_ms(init));
	/* Root inside has lowered our limit of open files: who cannot watch must not stay. */
	if (r < 0 && errno == EINVAL) {
		unlist(init);
		_exit(1);
	}
	if (r <= 0)
		return;
	/* Clients first: a DETACH is better known as one than as a leader that died. */
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (init->client[i] >= 0 && fds[POLL_FIXED + i].revents)
			serve_client(init, &init->client[i]);
	for (int i = 0; i < leaders; i++)
		if (fds[n + i].revents && init->leader[who[i]] >= 0)
			detach(init, who[i]);
	if (fds[POLL_SIGNALS].revents)
		read_signals(init);
	if (fds[POLL_LISTENER].revents)
		accept_client(init);
}

/* Beside their fds there must be room for all others: an accept() without would be tried for ever. */
static unsigned int leaders_max(void)
{
	const rlim_t others = POLL_FIXED + CLIENTS_MAX + FILES_OF_OURS;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > others + LEADERS_MAX)
		return LEADERS_MAX;
	return files.rlim_cur > others ? (unsigned int)(files.rlim_cur - others) : 1;
}

/*
 * Gives the machine back what the steps have used and nobody will again: init may live for months, and
 * there are as many of them as there are sessions. What lies below this frame on the stack is such;
 * inlined, it would lie above part of the living one.
 */
__attribute__((noinline)) static void shed(struct pns_plan *plan)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

	pns_plan_free(plan);
	free(plan);
	malloc_trim(0);
	/* Two pages for this function and what it calls. Memory that is not there is no error. */
	madvise((void *)(here - STEPS_STACK), STEPS_STACK - 2 * page, MADV_DONTNEED);
}

void init_run(struct pns_plan *plan, const struct init_fds *fds, pid_t pid)
{
	struct init *init = &the_init;

	memset(init, 0, offsetof(struct init, who));
	init->fds = fds;
	init->own_pids = plan->pid && getpid() == 1;
	init->linger = plan->linger;
	init->grace = plan->kill_grace;
	init->uid = plan->who.uid;
	strcpy(init->id, plan->id);
	sscanf(plan->id, "%*u.%u", &init->number);
	memset(init->leader, -1, sizeof(init->leader));
	memset(init->client, -1, sizeof(init->client));
	init->leader[PNS_FIRST_LEADER] = fds->leader;
	init->leaders = 1;
	init->leaders_max = leaders_max();
	note_leader(init, PNS_FIRST_LEADER, pid, plan->who.service);
	shed(plan);

	while (!init->ending || (!is_over(init) && pns_deadline_ms(&init->deadline) > 0)) {
		wait_and_serve(init);
		end_if_empty(init);
	}
	_exit(0);
}
