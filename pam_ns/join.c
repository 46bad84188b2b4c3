// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "fd.h"
#include "join.h"

/* ---- asking an init ---- */

/* A full backlog is waited for in connect(2), which takes its timeout from SO_SNDTIMEO. */
static int connect_init(uid_t uid, unsigned int number, int timeout_ms, int *ret_fd)
{
	const struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000 + 1};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	pns_fd_auto int fd = -1;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%u/%u.socket", pns_instance_registry(),
		 uid, number);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		if (errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

/* An ERROR carries no fd. */
static ssize_t recv_answer(int fd, struct pns_msg *msg, int *ret_init)
{
	struct pns_msg peek;
	ssize_t n = recv(fd, &peek, sizeof(peek), MSG_PEEK | MSG_DONTWAIT);
	const bool with_init = ret_init && n == sizeof(peek) && peek.kind == PNS_MSG_OK;

	if (n < 0)
		return -errno;
	return n == 0 ? -ECONNRESET : pns_fd_recv(fd, msg, sizeof(*msg), ret_init, with_init);
}

int pns_instance_request(uid_t uid, unsigned int number, struct pns_msg *msg, int fd, int *ret_init,
			 int timeout_ms)
{
	struct pollfd wait = {.events = POLLIN};
	pns_fd_auto int sock = -1;
	ssize_t n;
	int r;

	r = connect_init(uid, number, timeout_ms, &sock);
	if (r == 0)
		r = pns_fd_send(sock, msg, sizeof(*msg), &fd, fd >= 0);
	if (r < 0)
		return r;
	wait.fd = sock;
	do
		r = poll(&wait, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = recv_answer(sock, msg, ret_init);
	if (n < 0)
		return (int)n;
	if (n != sizeof(*msg))
		return -EPROTO;
	msg->text[sizeof(msg->text) - 1] = '\0';
	if (msg->kind == PNS_MSG_ERROR)
		return msg->code > 0 ? -msg->code : -EPROTO;
	return msg->kind == PNS_MSG_OK ? 0 : -EPROTO;
}

/* Not there, or not any more: the instance's own end, and no failure. */
static bool is_gone(int r)
{
	return r == -ESHUTDOWN || r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET ||
	       r == -EPIPE;
}

/*
 * The plan of a live entry. False for one that is not (wholly) written: of a login that is being
 * opened, or was killed just then; or for one of another version of pam_ns.
 */
static bool read_plan(const struct pns_instance *instance, unsigned int number, int fd,
		      struct pns_plan *ret_plan)
{
	struct pns_err *ignored = calloc(1, sizeof(*ignored));
	char id[sizeof(ret_plan->id)], *text;
	bool good = false;
	size_t len;

	snprintf(id, sizeof(id), "%u.%u", instance->uid, number);
	if (ignored && pns_fd_read_all(fd, PNS_PLAN_MAX, &text, &len) == 0) {
		good = pns_plan_decode(text, len, ret_plan, ignored) == 0;
		free(text);
	}
	free(ignored);
	if (good && (ret_plan->who.uid != instance->uid || strcmp(ret_plan->id, id) != 0)) {
		pns_plan_free(ret_plan);
		good = false;
	}
	return good;
}

/* ---- counting ---- */

struct count {
	const struct pns_instance *instance;
	uint64_t logins;
};

/* Leaders that init has. What does not answer is being opened: by one login. */
static unsigned int ask_leaders(uid_t uid, unsigned int number)
{
	struct pns_msg msg = {.kind = PNS_MSG_STATUS};
	pns_fd_auto int init = -1;
	unsigned int leaders = 1;
	const char *line;
	int r;

	r = pns_instance_request(uid, number, &msg, -1, &init, PNS_REQUEST_MS);
	if (is_gone(r))
		return 0;
	line = r == 0 ? strstr(msg.text, "\nleaders=") : NULL;
	if (line)
		sscanf(line, "\nleaders=%u", &leaders);
	return leaders;
}

static int count_one(void *arg, unsigned int number, int fd)
{
	struct count *count = arg;
	struct pns_plan plan;
	unsigned int logins = 1;

	if (read_plan(count->instance, number, fd, &plan)) {
		if (plan.scope == PNS_SCOPE_USER || plan.linger != PNS_LINGER_NO)
			logins = ask_leaders(count->instance->uid, number);
		pns_plan_free(&plan);
	}
	count->logins += logins;
	return 0;
}

int pns_join_count(const struct pns_plan *plan, const struct pns_instance *instance,
		   struct pns_err *err)
{
	struct count count = {.instance = instance};
	int r;

	if (plan->max_sessions == PNS_UNLIMITED)
		return 0;
	r = pns_instance_each(instance->user, count_one, &count);
	if (r < 0)
		return r;
	if (count.logins >= plan->max_sessions)
		return pns_err_add(err, EUSERS,
				   "the user has %u logins already: end one, or "
				   "raise max_sessions in the policy",
				   plan->max_sessions);
	return 0;
}

/* ---- joining ---- */

struct search {
	const struct pns_plan *plan;
	const struct timespec *deadline;
	struct pns_instance *instance;
	struct pns_err *err;
};

static int explain(const struct search *search, unsigned int number, int code)
{
	const uid_t uid = search->instance->uid;

	switch (code) {
	case EUSERS:
		return pns_err_add(
			search->err, code,
			"instance %u.%u has as many logins as it can take: end some of them", uid,
			number);
	case EMFILE:
		return pns_err_add(
			search->err, code,
			"instance %u.%u has no file descriptor left for another login: end "
			"some, or raise the limit of open files that logins start with",
			uid, number);
	case ETIMEDOUT:
		return pns_err_add(search->err, code,
				   "the init of instance %u.%u does not answer: if it is stopped, "
				   "continue it, or pam_nsctl end %u.%u --now; or raise timeout "
				   "in the policy",
				   uid, number, uid, number);
	default:
		return pns_err_sys(search->err, code, "joining instance %u.%u", uid, number);
	}
}

static int attach(const struct search *search, unsigned int number)
{
	struct pns_instance *instance = search->instance;
	struct pns_msg msg = {.kind = PNS_MSG_ATTACH, .code = getpid()};
	pns_fd_auto int self = pidfd_open(getpid(), 0);
	int r;

	if (self < 0)
		return pns_err_sys(search->err, errno, "pidfd_open");
	snprintf(msg.text, sizeof(msg.text), "%s", search->plan->who.service);
	r = pns_instance_request(instance->uid, number, &msg, self, &instance->init,
				 pns_deadline_ms(search->deadline));
	if (is_gone(r))
		return 0;
	if (r < 0)
		return explain(search, number, -r);
	instance->joined = true;
	instance->number = number;
	instance->leader = msg.leader;
	snprintf(instance->clocks, sizeof(instance->clocks), "%.*s", PNS_CLOCKS_SIZE - 1, msg.text);
	return 0;
}

/* 1 when joined: the search is over. */
static int try_one(void *arg, unsigned int number, int fd)
{
	const struct search *search = arg;
	struct pns_instance *instance = search->instance;
	struct pns_plan *theirs = calloc(1, sizeof(*theirs));
	int r = 0;

	if (!theirs)
		return pns_err_sys(search->err, ENOMEM, "plan");
	if (read_plan(instance, number, fd, theirs) && theirs->scope == PNS_SCOPE_USER)
		r = attach(search, number);
	if (instance->joined) {
		instance->changed = !pns_plan_same(search->plan, theirs);
		instance->plan = theirs;
		return 1;
	}
	pns_plan_free(theirs);
	free(theirs);
	return r;
}

int pns_join(const struct pns_plan *plan, const struct timespec *deadline,
	     struct pns_instance *instance, struct pns_err *err)
{
	struct search search = {plan, deadline, instance, err};
	int r = pns_instance_each(instance->user, try_one, &search);

	return r < 0 ? r : 0;
}
