// SPDX-License-Identifier: MIT
/* Where mounts come from: opened before the first of them is made, so as the host has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "job.h"

#define DISK_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static int no_source(const struct pns_mount *mount, struct pns_err *err)
{
	char origin[128];

	if (mount->flags & PNS_MOUNT_OPTIONAL)
		return 0;
	pns_mount_origin(mount, origin, sizeof(origin));
	return pns_err_add(err, ENOENT,
			   "%s: %.200s does not exist: create it, or write optional behind it",
			   origin, mount->source);
}

/* By the numbers of Documentation/admin-guide/devices.txt: a name can be anybody's. */
static bool is_device(const char *path, const struct stat *st)
{
	static const struct {
		const char *path;
		unsigned int major, minor;
	} known[] = {
		{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
		{"/dev/ptmx", 5, 2},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].path, path) == 0)
			return S_ISCHR(st->st_mode) &&
			       st->st_rdev == makedev(known[i].major, known[i].minor);
	return false;
}

static int open_source(const struct pns_mount *mount, int *ret_fd, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	char origin[128];
	int r;

	pns_mount_origin(mount, origin, sizeof(origin));
	r = walk_open(mount->source, &walk, err);
	if (r < 0)
		return r;
	if (*walk.rest)
		return no_source(mount, err);
	if (mount->kind == PNS_MOUNT_DEVICE && !is_device(mount->source, &walk.st))
		return pns_err_add(err, ENODEV,
				   "%s: %s is not the device of that name: see what put it there",
				   origin, mount->source);
	if (mount->kind == PNS_MOUNT_ENTRIES) {
		*ret_fd = pns_fd_steal(&walk.fd);
		return 0;
	}
	r = tree_clone(walk.fd, NULL, ret_fd);
	if (r == 0 && (mount->flags & PNS_MOUNT_RO))
		r = tree_set(*ret_fd, MOUNT_ATTR_RDONLY, MS_PRIVATE);
	return r < 0 ? job_failed(mount, -r, mount->source, "taking", err) : 0;
}

/*
 * A directory of root's in another of root's, made if need be. What else lies there is not ours,
 * and whoever could put it there could put a way out there (CVE-2026-3888): refused.
 */
static int open_made(int dir, const char *name, mode_t mode, const char *path, int *ret_fd,
		     struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	struct stat st;

	if (mkdirat(dir, name, mode & 0777) < 0 && errno != EEXIST)
		return pns_err_sys(err, errno, "making %s", path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return pns_err_sys(err, errno,
				   "%s, which must be a directory of root's: remove what lies "
				   "there",
				   path);
	if (st.st_uid != 0 || (!(mode & S_ISVTX) && (st.st_mode & (S_IWGRP | S_IWOTH))))
		return pns_err_add(err, EPERM,
				   "%s belongs to uid %u or others can write it: chown root and "
				   "chmod go-w it, or remove it",
				   path, st.st_uid);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return pns_err_sys(err, errno, "chmod %s", path);
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

static int open_disk(const struct job *job, const struct pns_mount *mount, int *ret_fd,
		     struct pns_err *err)
{
	pns_fd_auto int lib = -1;
	pns_fd_auto int top = -1;
	pns_fd_auto int user = -1;
	pns_fd_auto int dir = -1;
	char name[16], path[sizeof(PNS_DISK) + 16];
	int r;

	snprintf(name, sizeof(name), "%u", job->plan->who.uid);
	snprintf(path, sizeof(path), PNS_DISK "/%s", name);
	r = pns_fd_open_trusted("/var/lib", O_RDONLY | O_DIRECTORY, S_IFDIR, &lib, err);
	if (r == -ENOENT)
		pns_err_add(err, ENOENT, "private_tmp: /var/lib does not exist: create it");
	if (r == 0)
		r = open_made(lib, strrchr(PNS_DISK, '/') + 1, 0700, PNS_DISK, &top, err);
	if (r == 0)
		r = open_made(top, name, 0700, path, &user, err);
	if (r == 0)
		r = open_made(user, strrchr(mount->source, '/') + 1, 01777, mount->source, &dir,
			      err);
	if (r < 0)
		return r;
	r = tree_clone(dir, NULL, ret_fd);
	if (r == 0)
		r = tree_set(*ret_fd, DISK_ATTR, 0);
	return r < 0 ? job_failed(mount, -r, mount->source, "taking", err) : 0;
}

int source_open(const struct job *job, const struct pns_mount *mount, int *ret_fd,
		struct pns_err *err)
{
	return mount->kind == PNS_MOUNT_DISK ? open_disk(job, mount, ret_fd, err)
					     : open_source(mount, ret_fd, err);
}
