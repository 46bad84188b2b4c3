// SPDX-License-Identifier: MIT
/*
 * Mounts are made in the order of their paths, and a path may be led elsewhere by a symbolic link of
 * root's: what it led to can be covered by a mount whose turn came later, as /sys is. Then
 * a hidden path would show again. So at the end every one is looked at once more.
 */
#include <errno.h>
#include <sys/statvfs.h>

#include "job.h"
#include "steps.h"

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_source(int source, const struct stat *st)
{
	struct stat theirs;

	return source < 0 || (fstat(source, &theirs) == 0 && same(&theirs, st));
}

static bool is_root_of_own(const struct job *job, const struct stat *st)
{
	const struct own *own = job_own(job, st);

	return own && own->root == st->st_ino;
}

static bool is_readonly(int fd)
{
	struct statvfs vfs;

	return fstatvfs(fd, &vfs) == 0 && (vfs.f_flag & ST_RDONLY);
}

/* Nobody can make one like it: they all lie in the stand-in for the registry. */
static bool is_stand_in(const struct job *job, const struct stat *st)
{
	struct stat hidden;

	return fstat(job->hidden, &hidden) == 0 && st->st_dev == hidden.st_dev;
}

/* Does what is there now say that the mount is in force? */
static bool in_force(const struct job *job, const struct pns_mount *mount, int source,
		     const struct walk *walk)
{
	switch (mount->kind) {
	case PNS_MOUNT_BIND:
		return is_source(source, &walk->st);
	case PNS_MOUNT_TMPFS:
	case PNS_MOUNT_DISK:
		return is_root_of_own(job, &walk->st);
	case PNS_MOUNT_READONLY:
		return is_readonly(walk->fd);
	case PNS_MOUNT_HIDE:
		return is_stand_in(job, &walk->st);
	default: /* where the system has it, which no other mount of a policy may cover */
		return true;
	}
}

/* Is it right that nothing is there? */
static bool may_be_absent(const struct pns_mount *mount, int source)
{
	return mount->kind == PNS_MOUNT_HIDE || (mount->flags & PNS_MOUNT_OPTIONAL) ||
	       (mount->kind == PNS_MOUNT_BIND && source < 0);
}

static int verify(const struct job *job, const struct pns_mount *mount, int source,
		  struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	char origin[128];
	int r = walk_open(mount->target, &walk, err);

	if (r < 0)
		return r;
	if (*walk.rest ? may_be_absent(mount, source) : in_force(job, mount, source, &walk))
		return 0;
	pns_mount_origin(mount, origin, sizeof(origin));
	return pns_err_add(err, EBUSY,
			   "%s: %.200s: another mount came to lie over it: write the path that it "
			   "leads to, without symbolic links",
			   origin, mount->target);
}

int layout_verify(const struct job *job, struct pns_err *err)
{
	const struct pns_plan *plan = job->plan;
	int r = 0;

	/* Without paths of the admin's own there is nothing that could lie over another. */
	if (!plan->bind.n && !plan->tmpfs.n && !plan->readonly.n && !plan->hide.n)
		return 0;
	for (size_t i = 0; r == 0 && i < job->layout.n; i++)
		if (!(job->layout.mount[i].flags & PNS_MOUNT_COVER))
			r = verify(job, &job->layout.mount[i], job->source[i], err);
	return r;
}
