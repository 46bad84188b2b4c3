// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

#define SYMLINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

void pns_fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int pns_fd_steal(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

int pns_kept_take(struct pns_kept *kept, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int code = errno;

		pns_fd_close(&fd);
		return -code;
	}
	*kept = (struct pns_kept){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

bool pns_kept_is_ours(const struct pns_kept *kept)
{
	struct stat st;

	if (kept->fd < 0)
		return false;
	/* Only a number without a file proves that it was closed; memory can be short as well. */
	if (fstat(kept->fd, &st) < 0)
		return errno != EBADF;
	return st.st_dev == kept->dev && st.st_ino == kept->ino;
}

void pns_kept_close(struct pns_kept *kept)
{
	if (pns_kept_is_ours(kept))
		pns_fd_close(&kept->fd);
	kept->fd = -1;
}

/* Only root may have made it what it is: its owner, and nobody else who may write. */
static int trusted(const char *path, const struct stat *st, struct pns_err *err)
{
	if (st->st_uid != 0)
		return pns_err_add(err, EPERM, "%s belongs to uid %u: chown root it", path,
				   st->st_uid);
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)))
		return pns_err_add(err, EPERM,
				   "%s can be written by others than root: "
				   "chmod go-w it",
				   path);
	return 0;
}

/*
 * The walk of pns_fd_open_trusted(): todo holds what is still to be walked, done what was walked
 * (for messages), *dir the directory reached. A symlink met on the way was checked to be
 * root's, in a directory that only root can write: following it is following root.
 */
struct walk {
	int dir;
	unsigned int symlinks;
	char todo[PATH_MAX];
	char done[PATH_MAX + NAME_MAX + 2];
};

static int walk_restart(struct walk *walk)
{
	pns_fd_close(&walk->dir);
	strcpy(walk->done, "/");
	walk->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return walk->dir < 0 ? -errno : 0;
}

static int walk_symlink(struct walk *walk, int link, const char *rest)
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (++walk->symlinks > SYMLINKS_MAX)
		return -ELOOP;
	len = snprintf(joined, sizeof(joined), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(walk->todo, joined, (size_t)len + 1);
	return target[0] == '/' ? walk_restart(walk) : 0;
}

/* Takes the next component off todo into name; false at the end. */
static bool walk_next(struct walk *walk, char name[NAME_MAX + 1], int *ret_err)
{
	char *from = walk->todo + strspn(walk->todo, "/");
	size_t len = strcspn(from, "/");

	*ret_err = 0;
	if (len == 0)
		return false;
	if (len > NAME_MAX) {
		*ret_err = -ENAMETOOLONG;
		return false;
	}
	memcpy(name, from, len);
	name[len] = '\0';
	memmove(walk->todo, from + len, strlen(from + len) + 1);
	return true;
}

static int walk_step(struct walk *walk, const char *name, struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	size_t base = strlen(walk->done);
	struct stat st;
	int r;

	fd = openat(walk->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (base + strlen(name) + 2 > sizeof(walk->done))
		return -ENAMETOOLONG;
	sprintf(walk->done + base, "%s%s", base > 1 ? "/" : "", name);
	r = trusted(walk->done, &st, err);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode)) {
		char rest[PATH_MAX];

		strcpy(rest, walk->todo);
		walk->done[base] = '\0';
		return walk_symlink(walk, fd, rest);
	}
	pns_fd_close(&walk->dir);
	walk->dir = pns_fd_steal(&fd);
	return 0;
}

/* A path that a walk ended on can be opened through /proc without being looked up again. */
static int reopen(int path_fd, int flags)
{
	char proc[32];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path_fd);
	return open(proc, flags | O_CLOEXEC | O_NOCTTY);
}

static int walk_open(struct walk *walk, const char *path, int flags, mode_t type, int *ret_fd,
		     struct pns_err *err)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int fd, r;

	r = walk_restart(walk);
	if (r < 0)
		return r;
	while (walk_next(walk, name, &r)) {
		r = walk_step(walk, name, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (fstat(walk->dir, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != type)
		return pns_err_add(err, EPERM, "%s is not a %s: put one there", path,
				   type == S_IFDIR ? "directory" : "regular file");
	fd = flags & O_PATH ? pns_fd_steal(&walk->dir) : reopen(walk->dir, flags);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd, struct pns_err *err)
{
	struct walk *walk;
	unsigned int before = err->count;
	int r;

	if (path[0] != '/')
		return pns_err_add(err, EINVAL,
				   "%s: not an absolute path: write one that "
				   "starts with /",
				   path);
	if (strlen(path) >= sizeof(walk->todo))
		return pns_err_sys(err, ENAMETOOLONG, "%.64s...", path);
	walk = calloc(1, sizeof(*walk)); /* too large for the stack of a threaded program */
	if (!walk)
		return pns_err_sys(err, ENOMEM, "%s", path);
	walk->dir = -1;
	strcpy(walk->todo, path);
	r = walk_open(walk, path, flags, type, ret_fd, err);
	if (r < 0 && r != -ENOENT && err->count == before)
		pns_err_sys(err, -r, "%s", path);
	pns_fd_close(&walk->dir);
	free(walk);
	return r;
}

int pns_fd_read_all(int fd, size_t max, char **ret_buf, size_t *ret_len)
{
	size_t len = 0, room = 4096;
	char *buf = malloc(room), *grown;
	int r = -ENOMEM;

	while (buf) {
		ssize_t n = pread(fd, buf + len, room - len - 1, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		len += (size_t)n;
		if (len > max) {
			r = -EFBIG;
			break;
		}
		if (n == 0) {
			buf[len] = '\0';
			*ret_buf = buf;
			*ret_len = len;
			return 0;
		}
		if (room - len > 1)
			continue;
		grown = realloc(buf, room *= 2);
		if (!grown)
			break;
		buf = grown;
	}
	free(buf);
	return r;
}

int pns_fd_write_all(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = write(fd, buf, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ENOSPC;
}

union control {
	char buf[CMSG_SPACE(sizeof(int) * PNS_FD_PASS_MAX)];
	struct cmsghdr align;
};

int pns_fd_send(int sock, const void *buf, size_t len, const int *fds, unsigned int nfds)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t n;

	if (nfds > PNS_FD_PASS_MAX)
		return -EINVAL;
	if (nfds) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Everything that came along as fds, wanted or not: what is not handed on must be closed. */
static unsigned int collect_fds(struct msghdr *msg, int *fds, unsigned int max)
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t off = 0; off + CMSG_LEN(sizeof(int)) <= c->cmsg_len;
		     off += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + off, sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

ssize_t pns_fd_recv(int sock, void *buf, size_t size, int *ret_fds, unsigned int nfds)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fds[PNS_FD_PASS_MAX];
	unsigned int got;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	got = collect_fds(&msg, fds, PNS_FD_PASS_MAX);
	if (n > 0 && (msg.msg_flags & MSG_TRUNC))
		n = -EMSGSIZE;
	else if (n > 0 && (msg.msg_flags & MSG_CTRUNC))
		n = -EMFILE; /* the kernel closed what found no number, or were more than fit */
	else if (n > 0 && got != nfds)
		n = -EPROTO;
	if (n <= 0) {
		while (got)
			close(fds[--got]);
		return n;
	}
	if (nfds)
		memcpy(ret_fds, fds, sizeof(int) * nfds);
	return n;
}
