/* SPDX-License-Identifier: MIT */
/* What shim.c and pidfds.c say to one another: a call with at most one fd, and its answer. */
#ifndef SHIM_H
#define SHIM_H

#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

struct shim_call { /* pidfd_open(number); with an fd: pidfd_send_signal(fd, number) or open_tree(fd, "") */
	enum { SHIM_PIDFD, SHIM_SIGNAL, SHIM_TREE } call;
	int number;
	unsigned int flags;
};

struct shim_answer { /* with an fd, if the call gave one */
	int r, code;
};

union shim_control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static inline ssize_t shim_send(int sock, void *data, size_t len, int fd)
{
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union shim_control control = {0};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static inline ssize_t shim_recv(int sock, void *data, size_t len, int *ret_fd)
{
	struct iovec iov = {.iov_base = data, .iov_len = len};
	union shim_control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	if (n > 0 && msg.msg_controllen && CMSG_FIRSTHDR(&msg))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(*ret_fd));
	return n;
}

#endif
