// SPDX-License-Identifier: MIT
/* pidfds SOCKET: does for shim.c, outside valgrind, the calls that valgrind does not know. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shim.h"

static void serve(int sock)
{
	struct shim_call call;
	struct shim_answer answer = {0};
	int fd = -1, made = -1;

	if (shim_recv(sock, &call, sizeof(call), &fd) != sizeof(call))
		return;
	switch (call.call) {
	case SHIM_PIDFD:
		answer.r = made = pidfd_open(call.number, call.flags);
		break;
	case SHIM_SIGNAL:
		answer.r = pidfd_send_signal(fd, call.number, NULL, call.flags);
		break;
	case SHIM_TREE:
		answer.r = made = open_tree(fd, "", call.flags);
		break;
	}
	answer.code = answer.r < 0 ? errno : 0;
	shim_send(sock, &answer, sizeof(answer), made);
	if (made >= 0)
		close(made);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), sock;

	if (argc != 2 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	strcpy(addr.sun_path, argv[1]);
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 8) < 0) {
		perror(argv[1]);
		return 1;
	}
	while ((sock = accept(listener, NULL, NULL)) >= 0) {
		serve(sock);
		close(sock);
	}
	return 1;
}
