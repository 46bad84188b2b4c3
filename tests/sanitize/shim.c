// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program under valgrind: valgrind 3.19 answers ENOSYS to pidfd_open(2),
 * pidfd_send_signal(2) and open_tree(2), without which no session opens. A program outside it, pidfds.c, makes
 * the calls. Async-signal-safe, as the calls themselves are.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "shim.h"

static int ask(struct shim_call *call, int fd, int *ret_fd)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = SHIM_SOCKET};
	struct shim_answer answer = {.r = -1, .code = ENOSYS};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock >= 0 && connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    shim_send(sock, call, sizeof(*call), fd) == sizeof(*call))
		shim_recv(sock, &answer, sizeof(answer), ret_fd);
	close(sock);
	if (answer.r < 0)
		errno = answer.code;
	return answer.r;
}

int pidfd_open(pid_t pid, unsigned int flags)
{
	struct shim_call call = {.call = SHIM_PIDFD, .number = pid, .flags = flags};
	int fd = -1;

	return ask(&call, -1, &fd) < 0 ? -1 : fd;
}

int pidfd_send_signal(int fd, int sig, siginfo_t *info, unsigned int flags)
{
	struct shim_call call = {.call = SHIM_SIGNAL, .number = sig, .flags = flags};
	int none = -1;

	(void)info;
	return ask(&call, fd, &none);
}

int open_tree(int dir, const char *path, unsigned int flags)
{
	struct shim_call call = {.call = SHIM_TREE, .flags = flags};
	int fd = -1;

	(void)path; /* always "" */
	return ask(&call, dir, &fd) < 0 ? -1 : fd;
}
