// SPDX-License-Identifier: MIT
/*
 * What a session's mounts begin with, and /sys. The paths here are the system's own, whose parents
 * are all root's: no user can put a symlink in their way, so plain paths are safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "steps.h"

int mount_failed(struct pns_err *err, int code, const char *what)
{
	if (code == ENOSPC)
		return pns_err_add(err, code,
				   "%s: too many mounts: raise the limit fs.mount-max with "
				   "sysctl",
				   what);
	return pns_err_sys(err, code, "%s", what);
}

int step_propagation(const struct pns_plan *plan, struct pns_err *err)
{
	const unsigned long how =
		plan->propagation == PNS_PROPAGATION_SLAVE ? MS_SLAVE : MS_PRIVATE;

	if (mount(NULL, "/", NULL, MS_REC | how, NULL) < 0)
		return pns_err_sys(err, errno, "cutting the session's mounts off from the host's");
	return 0;
}

/*
 * A login program in a chroot would leave it by joining us: setns() sets its root to that of the
 * namespace. Entering our own namespace does the same to us, so that a chroot shows.
 */
int step_root(const struct pns_plan *plan, struct pns_err *err)
{
	pns_fd_auto int self = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct stat before, after;

	(void)plan;
	if (self < 0 || stat("/", &before) < 0 || setns(self, CLONE_NEWNS) < 0 ||
	    stat("/", &after) < 0)
		return pns_err_sys(err, errno, "finding the root directory");
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return pns_err_add(err, EOPNOTSUPP,
				   "the login program runs in a chroot, which it would "
				   "leave: write mount = no for this service, or run it outside");
	return 0;
}

/* One line of /proc/self/mountinfo, proc_pid_mountinfo(5): id, parent, and where. */
struct mountinfo {
	int id, parent;
	char path[256]; /* cut: only those below /sys are of interest, and theirs are short */
};

/* Reads the line at *at and moves on to the next. By hand: a host may have thousands of mounts. */
static void mountinfo_next(const char **at, struct mountinfo *ret)
{
	const char *field = *at, *end = strchrnul(*at, '\n');
	char *behind;
	size_t len;

	*at = *end ? end + 1 : end;
	ret->path[0] = '\0';
	ret->id = (int)strtol(field, &behind, 10);
	ret->parent = (int)strtol(behind, &behind, 10);
	field = behind;
	for (int skip = 0; skip < 2 && field && field < end; skip++) /* device, root */
		field = memchr(field + 1, ' ', (size_t)(end - field - 1));
	if (!field || field >= end)
		return;
	len = strcspn(++field, " \n");
	if (len >= sizeof(ret->path))
		return;
	memcpy(ret->path, field, len);
	ret->path[len] = '\0';
	mountinfo_field(ret->path);
}

/* The mounts right below /sys, cloned with all that hangs on them. */
struct carried {
	size_t n;
	struct {
		int tree;
		char *path;
	} mount[64];
};

static void carried_cleanup(struct carried *carried)
{
	while (carried->n) {
		carried->n--;
		pns_fd_close(&carried->mount[carried->n].tree);
		free(carried->mount[carried->n].path);
	}
}

static int carry(struct carried *carried, const char *path)
{
	int tree;

	if (carried->n == sizeof(carried->mount) / sizeof(carried->mount[0]))
		return -E2BIG;
	tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return -errno;
	carried->mount[carried->n].tree = tree;
	carried->mount[carried->n].path = strdup(path);
	carried->n++;
	return carried->mount[carried->n - 1].path ? 0 : -ENOMEM;
}

static int carry_submounts(const char *text, struct carried *carried)
{
	struct mountinfo line;
	int sys = -1, r = 0;

	for (const char *at = text; *at;) {
		mountinfo_next(&at, &line);
		if (strcmp(line.path, "/sys") == 0)
			sys = line.id; /* the last one lies on top */
	}
	for (const char *at = text; r == 0 && *at;) {
		mountinfo_next(&at, &line);
		if (line.parent == sys && strncmp(line.path, "/sys/", 5) == 0)
			r = carry(carried, line.path);
	}
	return r;
}

static int replace_sys(const char *mountinfo, unsigned long flags)
{
	__attribute__((cleanup(carried_cleanup))) struct carried carried = {0};
	int r;

	r = carry_submounts(mountinfo, &carried);
	if (r < 0)
		return r;
	if (mount("sysfs", "/sys", "sysfs", flags, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < carried.n; i++)
		/* ENOENT: a directory that only the host's network namespace has. */
		if (move_mount(carried.mount[i].tree, "", AT_FDCWD, carried.mount[i].path,
			       MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
		    errno != ENOENT)
			return -errno;
	return 0;
}

/*
 * sysfs shows the network namespace of whoever mounted it. A fresh one hides the cgroup tree and
 * whatever else is mounted below: those are carried over.
 */
int mount_sys(struct pns_err *err)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct statvfs vfs;
	struct statfs fs;
	const char *text;
	int r;

	if (statfs("/sys", &fs) < 0)
		return errno == ENOENT ? 0 : pns_err_sys(err, errno, "/sys");
	if (fs.f_type != SYSFS_MAGIC)
		return 0; /* so nothing of the host's network shows */
	if (statvfs("/sys", &vfs) < 0)
		return pns_err_sys(err, errno, "/sys");
	if (vfs.f_flag & ST_RDONLY)
		flags |= MS_RDONLY;
	r = mountinfo_before(&text, err);
	if (r < 0)
		return r;
	r = replace_sys(text, flags);
	return r < 0 ? mount_failed(err, -r, "mounting /sys") : 0;
}
