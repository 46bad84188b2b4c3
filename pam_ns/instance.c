// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"
#include "entry.h"
#include "fd.h"
#include "instance.h"
#include "join.h"
#include "types.h"

#define CREATE_TRIES	 100 /* each lost race is somebody else's login that got on */
#define LOCK_LOOK_NS	 500000
#define LOCK_LOOK_MAX_NS 10000000

/* Inside a session its own: a session that is opened there lives and ends in there. */
const char *pns_instance_registry(void)
{
	return pns_instance_inside() ? PNS_REGISTRY "/" PNS_NESTED : PNS_REGISTRY;
}

static int open_registry(int *ret_fd, struct pns_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	int r;

	r = pns_fd_open_trusted(pns_instance_registry(), flags, S_IFDIR, ret_fd, err);
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
	pns_fd_auto int fd = -1;
	struct stat st;
	char name[16];

	snprintf(name, sizeof(name), "%u", uid);
	if (mkdirat(registry, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(registry, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* By a umask of su's caller it may be closed to the helper, which has no CAP_DAC_OVERRIDE. */
	if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700) < 0)
		return -errno;
	*ret_fd = pns_fd_steal(&fd);
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

/* An fd of the entry if it is alive, else -1. A dead one is removed. */
static int open_alive(int user, const char *name)
{
	pns_fd_auto int fd = openat(user, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return pns_fd_steal(&fd);
	pns_entry_remove(user, name, fd);
	return -1;
}

int pns_instance_each(int user, pns_instance_fn fn, void *arg)
{
	struct dirent *entry;
	DIR *dir;
	int fd, r = 0;

	fd = openat(user, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		pns_fd_close(&fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir))) {
		const unsigned int number = entry_number(entry->d_name);
		pns_fd_auto int alive = number ? open_alive(user, entry->d_name) : -1;

		if (alive >= 0)
			r = fn(arg, number, alive);
	}
	closedir(dir);
	return r;
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

static int find_highest(void *arg, unsigned int number, int fd)
{
	unsigned int *highest = arg;

	(void)fd;
	if (number > *highest)
		*highest = number;
	return 0;
}

static int create(int user, struct pns_instance *instance)
{
	pns_fd_auto int fd = -1;
	unsigned int highest = 0;
	int r;

	r = pns_instance_each(user, find_highest, &highest);
	if (r == 0)
		r = make_locked_file(user, &fd);
	if (r == 0)
		r = link_next(user, fd, highest, &instance->number);
	if (r == 0)
		instance->lock = pns_fd_steal(&fd);
	return r;
}

/* An init that ends removes the user's directory if it is empty: a lock on that one locks nobody out. */
static bool still_there(int registry, uid_t uid, int user)
{
	struct stat ours, named;
	char name[16];

	snprintf(name, sizeof(name), "%u", uid);
	return fstat(user, &ours) == 0 &&
	       fstatat(registry, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* flock(2) cannot be told how long to wait, and the program's signals and timers are not ours. */
static int wait_for_lock(int user, const struct timespec *deadline)
{
	struct timespec pause = {.tv_nsec = LOCK_LOOK_NS};

	while (flock(user, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (pns_deadline_ms(deadline) == 0)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < LOCK_LOOK_MAX_NS)
			pause.tv_nsec *= 2;
	}
	return 0;
}

/* By name, not by closing: a forked copy of the program may hold the same open file description. */
static void unlock_user(struct pns_instance *instance)
{
	if (instance->user >= 0)
		flock(instance->user, LOCK_UN);
	pns_fd_close(&instance->user);
}

static int lock_user(const struct timespec *deadline, struct pns_instance *instance)
{
	pns_fd_auto int user = -1;
	int r;

	do {
		pns_fd_close(&user);
		r = open_user(instance->registry, instance->uid, &user);
		if (r == 0)
			r = wait_for_lock(user, deadline);
		if (r == 0 && !still_there(instance->registry, instance->uid, user))
			r = -ENOENT;
	} while (r == -ENOENT && pns_deadline_ms(deadline) > 0);
	if (r == 0)
		instance->user = pns_fd_steal(&user);
	return r;
}

/* One try; -ENOENT if an init that ended just then took the user's directory away under us. */
static int enter_once(const struct pns_plan *plan, const struct timespec *deadline,
		      struct pns_instance *instance, struct pns_err *err)
{
	const bool share = plan->scope == PNS_SCOPE_USER;
	pns_fd_auto int user = -1;
	int r;

	if (!share && plan->max_sessions == PNS_UNLIMITED) {
		r = open_user(instance->registry, instance->uid, &user);
		return r < 0 ? r : create(user, instance);
	}
	r = lock_user(deadline, instance);
	if (r == 0)
		r = pns_join_count(plan, instance, err);
	if (r == 0 && share)
		r = pns_join(plan, deadline, instance, err);
	if (r == 0 && !instance->joined)
		r = create(instance->user, instance);
	/* Who creates for others to join lets them wait until there is something to join. */
	if (r < 0 || instance->joined || !share)
		unlock_user(instance);
	return r;
}

int pns_instance_enter(const struct pns_plan *plan, const struct timespec *deadline,
		       struct pns_instance *ret_instance, struct pns_err *err)
{
	struct pns_instance instance = PNS_INSTANCE_NONE;
	int r;

	instance.uid = plan->who.uid;
	r = open_registry(&instance.registry, err);
	if (r < 0)
		return r;
	for (int try = 0; try < CREATE_TRIES; try++) {
		r = enter_once(plan, deadline, &instance, err);
		if (r != -ENOENT)
			break;
	}
	if (r == 0) {
		*ret_instance = instance;
		return 0;
	}
	pns_entry_remove_user(instance.registry, instance.uid);
	pns_instance_release(&instance);
	if (err->count)
		return r;
	if (r == -ETIMEDOUT)
		return pns_err_add(err, ETIMEDOUT,
				   "another login of this user has been opening its session for "
				   "%u seconds: look for what hangs there, or raise timeout in the "
				   "policy",
				   plan->timeout);
	return pns_err_sys(err, -r,
			   "cannot make an entry in " PNS_REGISTRY " (is /run full or read-only?)");
}

void pns_instance_release(struct pns_instance *instance)
{
	unlock_user(instance);
	pns_fd_close(&instance->lock);
	pns_fd_close(&instance->registry);
	pns_fd_close(&instance->init);
	if (instance->plan)
		pns_plan_free(instance->plan);
	free(instance->plan);
	instance->plan = NULL;
}

void pns_instance_discard(struct pns_instance *instance)
{
	char name[32];

	if (instance->joined) {
		struct pns_msg msg = {.kind = PNS_MSG_DETACH, .leader = instance->leader};

		/* If it does not hear that, it sees the login program end. */
		pns_instance_request(instance->uid, instance->number, &msg, -1, NULL,
				     PNS_REQUEST_MS);
	} else if (instance->registry >= 0) {
		snprintf(name, sizeof(name), "%u/%u", instance->uid, instance->number);
		if (instance->number)
			pns_entry_remove(instance->registry, name, instance->lock);
		pns_entry_remove_user(instance->registry, instance->uid);
	}
	pns_instance_release(instance);
}

static int look_alone(void *arg, unsigned int number, int fd)
{
	(void)arg;
	(void)number;
	(void)fd;
	return 0;
}

void pns_instance_sweep(uid_t uid)
{
	pns_fd_auto int registry = -1;
	pns_fd_auto int user = -1;
	struct pns_err ignored = {0};
	char name[16];

	snprintf(name, sizeof(name), "%u", uid);
	if (pns_fd_open_trusted(pns_instance_registry(), O_RDONLY | O_DIRECTORY, S_IFDIR, &registry,
				&ignored) < 0)
		return;
	user = openat(registry, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (user < 0)
		return;
	pns_instance_each(user, look_alone, NULL);
	pns_entry_remove_user(registry, uid);
}

bool pns_instance_inside(void)
{
	struct stat st;

	return lstat(PNS_REGISTRY "/" PNS_INSIDE, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == 0;
}
