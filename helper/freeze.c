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

#define ENTRIES_MAX 1000

int hide_present(const struct job *job, const struct walk *walk)
{
	pns_fd_auto int tree = -1;
	int r = tree_clone(job->hidden, S_ISDIR(walk->st.st_mode) ? "dir" : "file", &tree);

	return r < 0 ? r : tree_attach(tree, walk->fd);
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
	static const struct pns_size size = {.value = 4 << 20};
	pns_fd_auto int tree = -1;
	int r = tree_tmpfs(&size, walk->st.st_mode, &tree);

	if (r == 0)
		r = job_note(job, tree, OWN_FROZEN, false);
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

static bool is_root(const struct stat *st)
{
	struct stat root;

	return stat("/", &root) == 0 && root.st_dev == st->st_dev && root.st_ino == st->st_ino;
}

/* A socket is made anew whenever its daemon starts, a directory in /run by its unit. */
static bool comes_anew(const struct stat *st)
{
	struct stat run;

	return S_ISSOCK(st->st_mode) ||
	       (S_ISDIR(st->st_mode) && (stat("/run", &run) < 0 || run.st_dev == st->st_dev));
}

/*
 * The kernel takes a mount away from all namespaces with the removal of what it lies on. So what
 * may be removed and made anew is hidden, and then its parent is covered as if it were absent: the
 * cover holds copies of the mounts, which lie on entries of its own.
 */
int hide_for_good(struct job *job, const struct pns_mount *mount, const struct stat *st,
		  struct pns_err *err)
{
	struct stat below = *st;
	char path[PATH_MAX], *slash;
	int r = 0;

	snprintf(path, sizeof(path), "%s", mount->target);
	/* Up to /run: the cover itself lies on a directory that may be made anew. */
	while (r == 0 && mount->key == PNS_KEY_hide && comes_anew(&below)) {
		walk_auto struct walk walk = PNS_WALK_NONE;

		slash = strrchr(path, '/');
		if (!slash || slash == path)
			break;
		*slash = '\0';
		r = walk_open(path, &walk, err);
		if (r < 0)
			return r;
		below = walk.st;
		if (*walk.rest || below.st_uid != 0 || (below.st_mode & 022) ||
		    job_own(job, &below) || is_root(&below))
			break;
		r = freeze(job, &walk, NULL, true);
	}
	return r < 0 ? job_failed(mount, -r, path, "hiding what comes anew in", err) : 0;
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
		return refuse(mount,
			      "there are too many others in its directory: make it, or hide that",
			      err);
	return r < 0 ? job_failed(mount, -r, mount->target, "hiding", err) : 0;
}
