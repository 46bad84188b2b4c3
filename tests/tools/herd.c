// SPDX-License-Identifier: MIT
/*
 * herd logins SERVICE USER LOGINS AT-ONCE [hold]: so many logins, so many of them at a time; with hold
 *   each stays until all of a batch are in. One line: "in N denied N un-isolated N".
 * herd stuff UID NUMBER: what root might send to an instance's init by mistake or malice, then a
 *   proper question. One line a message that was not refused, then init's answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

enum { IN, DENIED, UN_ISOLATED, VERDICTS };

static char host_net[64];

static int no_talk(int n, const struct pam_message **msg, struct pam_response **ret, void *data)
{
	(void)n, (void)msg, (void)ret, (void)data;
	return PAM_CONV_ERR;
}

static void net_of_child(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/thread-self/ns/net", buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
}

/* said: a byte for each login that is in. go: ends when all may leave. */
static int login(const char *service, const char *user, int said, int go)
{
	const struct pam_conv conv = {.conv = no_talk};
	pam_handle_t *pamh = NULL;
	char net[64], byte = 0;
	int verdict = IN;

	if (pam_start(service, user, &conv, &pamh) != PAM_SUCCESS)
		return DENIED;
	if (pam_open_session(pamh, 0) != PAM_SUCCESS) {
		verdict = DENIED;
	} else {
		/* /proc/thread-self is not ours any more: the one inside does not know us. */
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			net_of_child(net, sizeof(net));
			_exit(*net && strcmp(net, host_net) != 0 ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			verdict = UN_ISOLATED;
	}
	if (write(said, &byte, 1) != 1)
		return UN_ISOLATED;
	while (go >= 0 && read(go, &byte, 1) < 0 && errno == EINTR)
		;
	if (verdict != DENIED && pam_close_session(pamh, 0) != PAM_SUCCESS)
		verdict = UN_ISOLATED;
	pam_end(pamh, PAM_SUCCESS);
	return verdict;
}

static void batch(char **argv, int size, bool hold, unsigned int *count)
{
	int said[2], go[2];
	char bytes[64];

	if (pipe2(said, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		exit(1);
	for (int i = 0; i < size; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			close(go[1]);
			close(said[0]);
			_exit(login(argv[2], argv[3], said[1], hold ? go[0] : -1));
		}
		if (pid < 0)
			exit(1);
	}
	close(said[1]);
	for (ssize_t have = 0, n; have < size; have += n) {
		n = read(said[0], bytes, sizeof(bytes));
		if (n <= 0)
			break;
	}
	if (hold) {
		printf("all\n");
		fflush(stdout);
	}
	close(go[1]);
	for (int i = 0, status; i < size; i++) {
		if (wait(&status) < 0)
			exit(1);
		count[WIFEXITED(status) && WEXITSTATUS(status) < VERDICTS ? WEXITSTATUS(status)
									  : UN_ISOLATED]++;
	}
	close(said[0]);
	close(go[0]);
}

static int logins(int argc, char **argv)
{
	int left = atoi(argv[4]), at_once = atoi(argv[5]);
	unsigned int count[VERDICTS] = {0};

	net_of_child(host_net, sizeof(host_net));
	for (; left > 0; left -= at_once)
		batch(argv, left < at_once ? left : at_once, argc > 6, count);
	printf("in %u denied %u un-isolated %u\n", count[IN], count[DENIED], count[UN_ISOLATED]);
	return 0;
}

static int connect_to(char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), PNS_REGISTRY "/%s/%s.socket", argv[2],
		 argv[3]);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror(addr.sun_path);
		exit(1);
	}
	return fd;
}

static void send_with(int sock, const void *buf, size_t len, int nfds)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	union {
		char buf[CMSG_SPACE(sizeof(int) * 200)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg = &control.align;

	if (nfds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
		for (int i = 0; i < nfds; i++) {
			int fd = sock; /* the connection itself: a cycle, and still to be freed */

			memcpy(CMSG_DATA(cmsg) + sizeof(int) * (size_t)i, &fd, sizeof(fd));
		}
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		perror("sendmsg");
}

/* Init's answer: closed without one, an error, or (false) neither within 5 s. */
static bool refused(int sock, struct pns_msg *answer)
{
	struct pollfd wait = {.fd = sock, .events = POLLIN};
	ssize_t n;

	if (poll(&wait, 1, 5000) != 1)
		return false;
	n = recv(sock, answer, sizeof(*answer), 0);
	return n <= 0 || (n == sizeof(*answer) && answer->kind == PNS_MSG_ERROR);
}

static int stuff(char **argv)
{
	static char huge[100000];
	const struct pns_msg status = {.kind = PNS_MSG_STATUS};
	static const struct {
		const char *name;
		struct pns_msg msg;
		size_t len;
		int nfds;
	} bad[] = {
		{"nothing", {0}, 0, 0},
		{"one byte", {0}, 1, 0},
		{"one byte short", {.kind = PNS_MSG_TERMINATE}, sizeof(struct pns_msg) - 1, 0},
		{"one byte long", {.kind = PNS_MSG_TERMINATE}, sizeof(struct pns_msg) + 1, 0},
		{"far too long", {.kind = PNS_MSG_TERMINATE}, sizeof(huge), 0},
		{"kind 0", {0}, sizeof(struct pns_msg), 0},
		{"kind -1", {.kind = UINT32_MAX}, sizeof(struct pns_msg), 0},
		{"READY", {.kind = PNS_MSG_READY}, sizeof(struct pns_msg), 0},
		{"OK", {.kind = PNS_MSG_OK}, sizeof(struct pns_msg), 0},
		{"ATTACH without an fd", {.kind = PNS_MSG_ATTACH}, sizeof(struct pns_msg), 0},
		{"ATTACH with two", {.kind = PNS_MSG_ATTACH}, sizeof(struct pns_msg), 2},
		{"ATTACH with 200", {.kind = PNS_MSG_ATTACH}, sizeof(struct pns_msg), 200},
		{"STATUS with an fd", {.kind = PNS_MSG_STATUS}, sizeof(struct pns_msg), 1},
		{"TERMINATE with 200", {.kind = PNS_MSG_TERMINATE}, sizeof(struct pns_msg), 200},
		{"nothing, with fds", {0}, 0, 4},
		{"DETACH of nobody",
		 {.kind = PNS_MSG_DETACH, .leader = 77},
		 sizeof(struct pns_msg),
		 0},
		{"DETACH of -1",
		 {.kind = PNS_MSG_DETACH, .leader = UINT32_MAX},
		 sizeof(struct pns_msg),
		 0},
	};
	struct pns_msg answer;
	int idle[100], sock;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(huge, 'x', sizeof(huge));
		memcpy(huge, &bad[i].msg, sizeof(bad[i].msg));
		sock = connect_to(argv);
		send_with(sock, huge, bad[i].len, bad[i].nfds);
		if (!refused(sock, &answer))
			printf("not refused: %s\n", bad[i].name);
		close(sock);
	}
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		idle[i] = connect_to(argv);
	sock = connect_to(argv);
	send_with(sock, &status, sizeof(status), 0);
	if (!refused(sock, &answer))
		printf("%.*s", (int)sizeof(answer.text), answer.text);
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		close(idle[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 6 && strcmp(argv[1], "logins") == 0)
		return logins(argc, argv);
	if (argc == 4 && strcmp(argv[1], "stuff") == 0)
		return stuff(argv);
	return 2;
}
