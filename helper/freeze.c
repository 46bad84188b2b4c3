// SPDX-License-Identifier: MIT
/*
 * A path that is not there cannot be covered, and nothing may be made on the host to cover it.
 * But its parent can: with an empty directory in which the entries that are there now are
 * mounted, each in its place. What is created later on the host is not in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "job.h"

#define ENTRIES_MAX 4000 /* each is a mount */

/*
 * In a directory that is frozen the stand-in takes the place of the entry's own mount. Upon it, it
 * would go with the file on the host, and leave the mount to show what that held.
 */
static int take_out(const struct job *job, struct walk *walk, int *on)
{
	const struct own *own;
	int r = walk_up(walk);

	own = r == 0 ? job_own(job, &walk->st) : NULL;
	if (!own || own->kind != OWN_FROZEN)
		return r;
	if (fchdir(walk->fd) < 0)
		return -errno;
	r = umount2(walk->name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
	if (chdir("/") < 0 || r < 0)
		return r < 0 ? r : -errno;
	pns_fd_close(on);
	*on = open_tree(walk->fd, walk->name, OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	return *on < 0 ? -errno : 0;
}

int hide_present(const struct job *job, struct walk *walk)
{
	pns_fd_auto int on = fcntl(walk->fd, F_DUPFD_CLOEXEC, 0);
	pns_fd_auto int tree = -1;
	int r = on < 0 ? -errno : 0;

	if (r == 0)
		r = tree_clone(job->hidden, S_ISDIR(walk->st.st_mode) ? "dir" : "file", &tree);
	if (r == 0 && is_mount_root(on))
		r = take_out(job, walk, &on);
	return r < 0 ? r : tree_attach(tree, on);
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int carry_entry(int from, int to, const char *name, mode_t mode)
{
	pns_fd_auto int tree = -1;
	int r;

	if (S_ISLNK(mode))
		return copy_link(from, to, name);
	r = tree_clone(from, name, &tree);
	if (r == 0 &&
	    (S_ISDIR(mode) ? mkdirat(to, name, 0755) : mknodat(to, name, S_IFREG | 0644, 0)) < 0)
		r = -errno;
	if (r == 0 && move_mount(tree, "", to, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

/* Entries that go away meanwhile are not there: nothing else may go wrong. */
static int carry_entries(int from, int to, freeze_keep_fn keep)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned int n = 0;
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		pns_fd_close(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		struct stat st;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
			r = errno == ENOENT ? 0 : -errno;
		else if (++n > ENTRIES_MAX)
			r = -E2BIG;
		else if (!keep || keep(name, st.st_mode))
			r = carry_entry(from, to, name, st.st_mode);
		if (r == -ENOENT)
			r = 0;
	}
	closedir(dir);
	return r;
}

int freeze(struct job *job, const struct walk *walk, freeze_keep_fn keep, bool seal)
{
	/* tree_tmpfs() lets it have 8192 files then, more than ENTRIES_MAX. */
	static const struct pns_size size = {.value = 64 << 20};
	pns_fd_auto int tree = -1;
	int r = tree_tmpfs(&size, walk->st.st_mode, &tree);

	if (r == 0)
		r = job_note(job, tree, OWN_FROZEN, false);
	if (r == 0) {
		job->own[job->n_own - 1].over_dev = walk->st.st_dev;
		job->own[job->n_own - 1].over_ino = walk->st.st_ino;
	}
	/* Attached first: older kernels mount on nothing that is not (move_mount(2)). */
	if (r == 0)
		r = tree_attach(tree, walk->fd);
	if (r == 0)
		r = carry_entries(walk->fd, tree, keep);
	if (r == 0 && seal) {
		struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

		if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			r = -errno;
	}
	return r;
}

/* Another absent name in a directory that is frozen already: now it is sealed, if it was not. */
static int seal_again(const struct walk *walk)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	return mount_setattr(walk->fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static bool made_by_kernel(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

static int refuse(const struct pns_mount *mount, const char *why, struct pns_err *err)
{
	char origin[128];

	pns_mount_origin(mount, origin, sizeof(origin));
	return pns_err_add(err, ENOENT, "%s: %.200s does not exist, and %s", origin, mount->target,
			   why);
}

static int too_many(const struct pns_mount *mount, struct pns_err *err)
{
	char origin[128];

	pns_mount_origin(mount, origin, sizeof(origin));
	return pns_err_add(err, E2BIG,
			   "%s: %.200s lies in a directory of more than %d entries, which cannot "
			   "be covered: name that directory, or take it out",
			   origin, mount->target, ENTRIES_MAX);
}

static bool is_root(const struct stat *st)
{
	struct stat root;

	return stat("/", &root) == 0 && root.st_dev == st->st_dev && root.st_ino == st->st_ino;
}

/*
 * What its owner removes or replaces by a new one: files, by rename(2), and sockets; in /run
 * directories too. Not what the host has mounted, or we have, nor what the kernel makes.
 */
static bool comes_anew(const struct job *job, const struct walk *walk)
{
	return !is_mount_root(walk->fd) && !made_by_kernel(walk->fd) &&
	       (!S_ISDIR(walk->st.st_mode) || walk->st.st_dev == job->run);
}

static bool can_be_frozen(const struct job *job, const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH)) && !job_own(job, st) &&
	       !is_root(st);
}

/* Freezes the uppermost of the directories for which it is needed: 1, or 0 if none is left. */
static int freeze_one(struct job *job, const struct pns_mount *mount, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE, top = PNS_WALK_NONE;
	int r = walk_open(mount->target, &walk, err);

	while (r == 0 && comes_anew(job, &walk)) {
		r = walk_up(&walk);
		if (r < 0 || !can_be_frozen(job, &walk.st))
			break;
		walk_close(&top);
		top.st = walk.st;
		top.fd = fcntl(walk.fd, F_DUPFD_CLOEXEC, 0);
		r = top.fd < 0 ? -errno : 0;
	}
	if (r < 0 || top.fd < 0)
		return r;
	r = freeze(job, &top, NULL, true);
	return r < 0 ? r : 1;
}

/*
 * The kernel takes a mount away from all namespaces with the removal of what it lies on. A
 * directory that is frozen has entries of its own, so they are frozen first, from above: what is
 * mounted then lies on one of those.
 */
int walk_held(struct job *job, const struct pns_mount *mount, struct walk *ret_walk,
	      struct pns_err *err)
{
	const unsigned int before = err->count;
	int r = mount->key == PNS_KEY_hide || mount->key == PNS_KEY_readonly;

	while (r == 1)
		r = freeze_one(job, mount, err);
	if (r == -E2BIG)
		return too_many(mount, err);
	if (r < 0 && err->count == before)
		return job_failed(mount, -r, mount->target, "freezing the directory of", err);
	return r < 0 ? r : walk_open(mount->target, ret_walk, err);
}

int hide_absent(struct job *job, const struct pns_mount *mount, struct walk *walk,
		struct pns_err *err)
{
	const struct own *own = job_own(job, &walk->st);
	/* For the buses alone root's programs need not be kept from writing in /run. */
	const bool seal = mount->key != PNS_KEY_buses;
	int r;

	if (own && own->kind == OWN_FROZEN) {
		r = seal ? seal_again(walk) : 0;
	} else if (own && own->kind == OWN_MEMORY) {
		r = job_create(job, walk, JOB_DIRECTORY);
		if (r == 0)
			r = hide_present(job, walk);
	} else if (is_root(&walk->st)) {
		return refuse(mount, "nothing can be hidden in / before it is there: make it", err);
	} else if (made_by_kernel(walk->fd)) {
		return refuse(mount, "it lies where the kernel alone makes files: take it out",
			      err);
	} else if (!walk->exclusive) {
		return refuse(
			mount,
			"others than root could create it: make it, or hide the directory that "
			"it would be in",
			err);
	} else {
		r = freeze(job, walk, NULL, seal);
	}
	if (r == -E2BIG)
		return too_many(mount, err);
	return r < 0 ? job_failed(mount, -r, mount->target, "hiding", err) : 0;
}
