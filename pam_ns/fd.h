/* SPDX-License-Identifier: MIT */
/* File descriptors: closed by themselves, opened without being led astray, passed over sockets. */
#ifndef PNS_FD_H
#define PNS_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define PNS_FD_PASS_MAX 4 /* fds in one message */

/* Closes *fd if it is open and sets it to -1. Leaves errno alone. */
void pns_fd_close(int *fd);

/* An int that holds an fd and is closed when it goes out of scope; start it at -1. */
#define pns_fd_auto __attribute__((cleanup(pns_fd_close)))

/* Takes the fd out of its variable, which then no longer closes it. */
int pns_fd_steal(int *fd);

/*
 * An fd that stays open in a program that is not ours. It may close what it does not know, in
 * itself or in a forked copy, and get the number for a file of its own: so it is told by
 * device and inode, and only ever used or closed while it is what was kept.
 */
struct pns_kept {
	int fd;
	dev_t dev;
	ino_t ino;
};

#define PNS_KEPT_NONE    \
	{                \
		.fd = -1 \
	}

/* Takes fd over; -errno (and fd is closed) if it cannot be told. */
int pns_kept_take(struct pns_kept *kept, int fd);

/* Is it still the one that was taken? */
bool pns_kept_is_ours(const struct pns_kept *kept);

/* Closes it if it is still ours, and forgets it. */
void pns_kept_close(struct pns_kept *kept);

/*
 * Opens an absolute path of which every component (directories, symlinks, the last one too) is
 * root's and can be changed by nobody else; the last must be of file type type (S_IFREG or
 * S_IFDIR). flags as in open(2), O_CLOEXEC is added; never blocks on a FIFO (the type is checked
 * on an O_PATH fd before the real open). Symlinks are followed, since none but root's can be met.
 *
 * 0 and *ret_fd; -ENOENT if it does not exist (nothing added to err); -EPERM if somebody else
 * could have made it what it is (err names the component and what to do: chown, chmod);
 * another -errno.
 */
int pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd, struct pns_err *err);

/*
 * Reads the whole of fd from its start into a malloc'ed, NUL-terminated buffer. -EFBIG over
 * max bytes. The caller frees *ret_buf; *ret_len leaves the NUL out.
 */
int pns_fd_read_all(int fd, size_t max, char **ret_buf, size_t *ret_len);

/* Writes all of buf where fd stands. A short write, as on a full disk, is -ENOSPC. */
int pns_fd_write_all(int fd, const void *buf, size_t len);

/*
 * One message on a SEQPACKET socket with up to PNS_FD_PASS_MAX fds; never raises SIGPIPE. recv
 * wants exactly nfds fds (others are closed, -EPROTO; -EMFILE when there is no room for them), marks them O_CLOEXEC, and returns the
 * length, 0 when the other end is gone, or -errno. A message longer than size is -EMSGSIZE.
 */
int pns_fd_send(int sock, const void *buf, size_t len, const int *fds, unsigned int nfds);
ssize_t pns_fd_recv(int sock, void *buf, size_t size, int *ret_fds, unsigned int nfds);

#endif
