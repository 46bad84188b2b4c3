// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "instance.h"
#include "types.h"

#define CREATE_TRIES 100 /* each lost race is somebody else's login that got on */

/* Inside a session its own: a session that is opened there lives and ends in there. */
static const char *registry_path(void)
{
	return pns_instance_inside() ? PNS_REGISTRY "/" PNS_NESTED : PNS_REGISTRY;
}

static int open_registry(int *ret_fd, struct pns_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	int r;

	r = pns_fd_open_trusted(registry_path(), flags, S_IFDIR, ret_fd, err);
	if (r != -ENOENT)
		return r;
	/* chmod: the login program's umask is not ours to change, nor to obey. */
	if ((mkdir(PNS_REGISTRY, 0700) < 0 && errno != EEXIST) || chmod(PNS_REGISTRY, 0700) < 0)
		return pns_err_sys(err, errno,
				   "cannot make " PNS_REGISTRY
				   " (is /run mounted, writable and not full?)");
	r = pns_fd_open_trusted(PNS_REGISTRY, flags, S_IFDIR, ret_fd, err);
	return r == -ENOENT ? pns_err_sys(err, ENOENT, PNS_REGISTRY) : r;
}

static int open_user(int registry, uid_t uid, int *ret_fd)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%u", uid);
	if (mkdirat(registry, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(registry, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* The number of an entry's plan file, or 0: what else lies there is not an entry. */
static unsigned int entry_number(const char *name)
{
	unsigned long n;
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	n = strtoul(name, &end, 10);
	return *end || n >= UINT32_MAX ? 0 : (unsigned int)n;
}

static void entry_unlink(int user, unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "%u.socket", number);
	unlinkat(user, name, 0);
	snprintf(name, sizeof(name), "%u", number);
	unlinkat(user, name, 0);
}

/* Is the entry alive? A dead one is removed. */
static bool entry_alive(int user, const char *name, unsigned int number)
{
	pns_fd_auto int fd = openat(user, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return true;
	/* Removed by somebody else since we opened it? Then the name may be a new entry's. */
	if (fstat(fd, &st) == 0 && st.st_nlink > 0)
		entry_unlink(user, number);
	return false;
}

/*
 * Counts the live entries below a number (0: all) and finds the highest. Numbers only grow while
 * entries live, so "how many live below mine" is the order in which logins came.
 */
static int scan_user(int user, unsigned int below, unsigned int *ret_live,
		     unsigned int *ret_highest)
{
	unsigned int live = 0, highest = 0, number;
	struct dirent *entry;
	DIR *dir;
	int fd;

	fd = openat(user, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		pns_fd_close(&fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		number = entry_number(entry->d_name);
		if (!number || (below && number >= below))
			continue;
		if (!entry_alive(user, entry->d_name, number))
			continue;
		live++;
		if (number > highest)
			highest = number;
	}
	closedir(dir);
	*ret_live = live;
	*ret_highest = highest;
	return 0;
}

/* A nameless file that is locked before it gets its name: no entry is ever seen unlocked. */
static int make_locked_file(int user, int *ret_fd)
{
	pns_fd_auto int fd = openat(user, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

static int link_next(int user, int fd, unsigned int highest, unsigned int *ret_number)
{
	char from[32], name[16];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	for (unsigned int n = highest + 1; n < highest + 10000; n++) {
		snprintf(name, sizeof(name), "%u", n);
		if (linkat(AT_FDCWD, from, user, name, AT_SYMLINK_FOLLOW) == 0) {
			*ret_number = n;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int create_once(int registry, uid_t uid, uint32_t max, struct pns_instance *instance)
{
	pns_fd_auto int user = -1;
	pns_fd_auto int fd = -1;
	unsigned int live, highest, number = 0;
	int r;

	r = open_user(registry, uid, &user);
	if (r < 0)
		return r;
	r = scan_user(user, 0, &live, &highest);
	if (r < 0)
		return r;
	r = make_locked_file(user, &fd);
	if (r < 0)
		return r;
	r = link_next(user, fd, highest, &number);
	if (r < 0)
		return r;
	if (max != PNS_UNLIMITED) {
		r = scan_user(user, number, &live, &highest);
		if (r == 0 && live >= max)
			r = -EUSERS;
		if (r < 0) {
			entry_unlink(user, number);
			return r;
		}
	}
	instance->uid = uid;
	instance->number = number;
	instance->lock = pns_fd_steal(&fd);
	return 0;
}

/* Only goes if it is empty: other instances of the user keep it. */
static void remove_user(int registry, uid_t uid)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", uid);
	unlinkat(registry, name, AT_REMOVEDIR);
}

int pns_instance_create(uid_t uid, uint32_t max, struct pns_instance *ret_instance,
			struct pns_err *err)
{
	pns_fd_auto int registry = -1;
	int r;

	r = open_registry(&registry, err);
	if (r < 0)
		return r;
	/* ENOENT: the user's empty directory was removed by an init that ended just then. */
	for (int try = 0; try < CREATE_TRIES; try++) {
		r = create_once(registry, uid, max, ret_instance);
		if (r != -ENOENT)
			break;
	}
	if (r < 0)
		remove_user(registry, uid);
	if (r == -EUSERS)
		return pns_err_add(err, EUSERS,
				   "the user has %u logins already: end one, or "
				   "raise max_sessions in the policy",
				   max);
	if (r < 0)
		return pns_err_sys(err, -r,
				   "cannot make an entry in " PNS_REGISTRY
				   " (is /run full or read-only?)");
	ret_instance->registry = pns_fd_steal(&registry);
	return 0;
}

void pns_instance_release(struct pns_instance *instance)
{
	pns_fd_close(&instance->lock);
	pns_fd_close(&instance->registry);
}

void pns_instance_discard(struct pns_instance *instance)
{
	pns_fd_auto int user = -1;

	if (instance->registry >= 0 && open_user(instance->registry, instance->uid, &user) == 0) {
		if (instance->number)
			entry_unlink(user, instance->number);
		remove_user(instance->registry, instance->uid);
	}
	pns_instance_release(instance);
}

static int connect_init(uid_t uid, unsigned int number, int *ret_fd)
{
	pns_fd_auto int fd = -1;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%u/%u.socket", registry_path(), uid,
		 number);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

int pns_instance_request(uid_t uid, unsigned int number, struct pns_msg *msg, const int *fds,
			 unsigned int nfds, int timeout_ms)
{
	pns_fd_auto int fd = -1;
	struct pollfd wait = {.events = POLLIN};
	ssize_t n;
	int r;

	r = connect_init(uid, number, &fd);
	if (r < 0)
		return r;
	r = pns_fd_send(fd, msg, sizeof(*msg), fds, nfds);
	if (r < 0)
		return r;
	wait.fd = fd;
	r = poll(&wait, 1, timeout_ms);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = pns_fd_recv(fd, msg, sizeof(*msg), NULL, 0);
	if (n < 0)
		return (int)n;
	if (n != sizeof(*msg))
		return -EPROTO;
	msg->text[sizeof(msg->text) - 1] = '\0';
	if (msg->kind == PNS_MSG_ERROR)
		return msg->code > 0 ? -msg->code : -EPROTO;
	return msg->kind == PNS_MSG_OK ? 0 : -EPROTO;
}

bool pns_instance_inside(void)
{
	struct stat st;

	return lstat(PNS_REGISTRY "/" PNS_INSIDE, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == 0;
}
