// SPDX-License-Identifier: MIT
/*
 * What init may rely on: it was complete before READY, and allocates nothing after. Its end is
 * the session's end: the kernel kills what is in a pid namespace whose PID 1 is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "init.h"
#include "wire.h"

#define LEADERS_MAX 512
#define CLIENTS_MAX 16
#define TICK_MAX_MS 50 /* how often init looks whether the last process has ended */

enum { POLL_SIGNALS, POLL_LISTENER, POLL_FIXED };

struct init {
	const struct init_fds *fds;
	bool own_pids; /* we are PID 1: kill(-1) means the session, and nothing else */
	uint32_t grace;
	uid_t uid;
	unsigned int number;
	char id[32];
	bool ending;
	struct timespec deadline; /* while ending */
	int tick_ms;
	unsigned int leaders;
	int leader[LEADERS_MAX]; /* pidfds by leader number; -1: free */
	int client[CLIENTS_MAX]; /* connections whose request has not come yet; -1: free */
};

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

int init_prepare(struct init_fds *fds, struct pns_err *err)
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
	return fds->signals < 0 ? pns_err_sys(err, errno, "signalfd") : 0;
}

/* Zombies whose parents are outside count too: only those parents can end them. */
static bool others_left(const struct init *init)
{
	return init->own_pids && !(kill(-1, 0) < 0 && errno == ESRCH);
}

/* Takes the entry out of the registry: from here on nobody finds this instance to join it. */
static void unlist(const struct init *init)
{
	char name[64];

	snprintf(name, sizeof(name), "%u/%u.socket", init->uid, init->number);
	unlinkat(init->fds->registry, name, 0);
	snprintf(name, sizeof(name), "%u/%u", init->uid, init->number);
	unlinkat(init->fds->registry, name, 0);
	snprintf(name, sizeof(name), "%u", init->uid);
	unlinkat(init->fds->registry, name, AT_REMOVEDIR); /* only if it was the user's last */
}

static int ms_to(const struct timespec *deadline)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline->tv_sec - now.tv_sec) * INT64_C(1000) +
	     (deadline->tv_nsec - now.tv_nsec) / 1000000;
	return ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static void begin_to_end(struct init *init)
{
	if (init->ending)
		return;
	init->ending = true;
	init->tick_ms = 1;
	clock_gettime(CLOCK_MONOTONIC, &init->deadline);
	init->deadline.tv_sec += init->grace;
	unlist(init);
	if (!init->own_pids)
		return;
	/* As a terminal that hangs up; SIGCONT so that what was stopped can obey. */
	kill(-1, SIGHUP);
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
}

static void detach(struct init *init, uint32_t leader)
{
	pns_fd_close(&init->leader[leader]);
	if (--init->leaders == 0)
		begin_to_end(init);
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

static int attach(struct init *init, int pidfd, uint32_t *ret_leader)
{
	if (init->ending)
		return ESHUTDOWN;
	for (uint32_t i = 0; i < LEADERS_MAX; i++) {
		if (init->leader[i] >= 0)
			continue;
		init->leader[i] = pidfd;
		init->leaders++;
		*ret_leader = i;
		return 0;
	}
	return EUSERS;
}

/* Does what the request says; returns the errno of the answer, 0 for OK. */
static int serve(struct init *init, const struct pns_msg *request, int *pidfd,
		 struct pns_msg *answer)
{
	int code = 0;

	switch (request->kind) {
	case PNS_MSG_ATTACH:
		if (*pidfd < 0)
			return EINVAL;
		code = attach(init, *pidfd, &answer->leader);
		if (code == 0)
			*pidfd = -1; /* it is the table's now */
		return code;
	case PNS_MSG_DETACH:
		if (request->leader >= LEADERS_MAX || init->leader[request->leader] < 0)
			return ENOENT;
		detach(init, request->leader);
		answer->code = others_left(init) ? EAGAIN : 0;
		return 0;
	case PNS_MSG_TERMINATE:
		begin_to_end(init);
		answer->code = others_left(init) ? EAGAIN : 0;
		return 0;
	case PNS_MSG_STATUS:
		snprintf(answer->text, sizeof(answer->text), "id=%s\nstate=%s\nleaders=%u\n",
			 init->id, init->ending ? "ending" : "running", init->leaders);
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

static void serve_client(struct init *init, int *client)
{
	struct pns_msg request = {0}, answer = {.kind = PNS_MSG_OK};
	pns_fd_auto int pidfd = -1;
	struct pns_msg peek;
	ssize_t n;
	int code;

	n = recv(*client, &peek, sizeof(peek), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof(peek))
		n = pns_fd_recv(*client, &request, sizeof(request), &pidfd,
				peek.kind == PNS_MSG_ATTACH);
	if (n > 0) {
		code = n == sizeof(request) ? serve(init, &request, &pidfd, &answer) : EBADMSG;
		if (code) {
			answer.kind = PNS_MSG_ERROR;
			answer.code = code;
		}
		(void)pns_fd_send(*client, &answer, sizeof(answer), NULL, 0);
	}
	pns_fd_close(client);
}

/* A client that connects and says nothing must not take a place for ever: the next takes it. */
static void accept_client(struct init *init)
{
	int fd = accept4(init->fds->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int *place = &init->client[0];

	if (fd < 0)
		return;
	if (!peer_is_root(fd)) {
		close(fd);
		return;
	}
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (init->client[i] < 0)
			place = &init->client[i];
	pns_fd_close(place);
	*place = fd;
}

static int wait_ms(struct init *init)
{
	int left;

	if (!init->ending)
		return -1;
	left = ms_to(&init->deadline);
	if (left > init->tick_ms)
		left = init->tick_ms;
	if (init->tick_ms < TICK_MAX_MS)
		init->tick_ms *= 2;
	return left;
}

static void wait_and_serve(struct init *init)
{
	struct pollfd fds[POLL_FIXED + CLIENTS_MAX + LEADERS_MAX];
	uint32_t who[LEADERS_MAX];
	int n = POLL_FIXED + CLIENTS_MAX, leaders = 0;

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
	if (poll(fds, (nfds_t)(n + leaders), wait_ms(init)) <= 0)
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

void init_run(const struct pns_plan *plan, const struct init_fds *fds)
{
	static struct init init;

	init.fds = fds;
	init.own_pids = plan->pid && getpid() == 1;
	init.grace = plan->kill_grace;
	init.uid = plan->who.uid;
	strcpy(init.id, plan->id);
	sscanf(plan->id, "%*u.%u", &init.number);
	memset(init.leader, -1, sizeof(init.leader));
	memset(init.client, -1, sizeof(init.client));
	init.leader[PNS_FIRST_LEADER] = fds->leader;
	init.leaders = 1;

	while (!init.ending || (others_left(&init) && ms_to(&init.deadline) > 0))
		wait_and_serve(&init);
	_exit(0);
}
