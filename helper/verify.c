// SPDX-License-Identifier: MIT
/*
 * Mounts are made in the order of their paths, and a path may be led elsewhere by a symbolic link of
 * root's: what it led to can be covered by a mount whose turn came later, as /sys is. Then a hidden
 * path would show again. So what each path led to when its turn was over, it must lead to in the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "job.h"
#include "steps.h"

/* Where a mount's target leads; if nothing is there, the directory that it would be in. */
struct seen {
	bool matters;
	bool readonly;
	dev_t dev;
	ino_t ino;
};

static int look(const struct pns_mount *mount, struct seen *ret_seen, struct walk *walk,
		struct pns_err *err)
{
	struct statvfs vfs;
	int r = walk_open(mount->target, walk, err);

	if (r < 0)
		return r;
	if (fstatvfs(walk->fd, &vfs) < 0)
		return job_failed(mount, errno, mount->target, "looking at", err);
	*ret_seen = (struct seen){
		.matters = true,
		.readonly = vfs.f_flag & ST_RDONLY,
		.dev = walk->st.st_dev,
		.ino = walk->st.st_ino,
	};
	return 0;
}

/* Without paths of the admin's own there is nothing that could come to lie over another. */
static bool is_needed(const struct pns_plan *plan)
{
	return plan->bind.n || plan->tmpfs.n || plan->readonly.n || plan->hide.n;
}

/* Was there something to do for it? An optional one may have been left out. */
static bool was_made(const struct pns_mount *mount, int source, bool absent)
{
	if (mount->kind == PNS_MOUNT_ENTRIES || (mount->source && source < 0))
		return false;
	return !absent || !(mount->flags & PNS_MOUNT_OPTIONAL);
}

int verify_begin(struct job *job, struct pns_err *err)
{
	if (!is_needed(job->plan))
		return 0;
	job->seen = calloc(job->layout.n + 1, sizeof(*job->seen));
	return job->seen ? 0 : pns_err_sys(err, ENOMEM, "mounts");
}

int verify_note(struct job *job, size_t i, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	const struct pns_mount *mount = &job->layout.mount[i];
	struct seen *seen = job->seen ? &job->seen[i] : NULL;
	int r = seen ? look(mount, seen, &walk, err) : 0;

	if (seen && r == 0)
		seen->matters = was_made(mount, job->source[i], *walk.rest);
	return r;
}

/*
 * What is hidden by now is no less than that, and that very directory, frozen later, holds what it
 * held (freeze.c).
 */
static bool holds(const struct job *job, const struct seen *then, const struct seen *now,
		  const struct walk *walk)
{
	const struct own *own = job_own(job, &walk->st);
	struct stat hidden;

	if (fstat(job->hidden, &hidden) == 0 && now->dev == hidden.st_dev)
		return true;
	if (then->readonly && !now->readonly)
		return false;
	if (own && own->kind == OWN_FROZEN && own->over_dev == then->dev &&
	    own->over_ino == then->ino)
		return true;
	return then->dev == now->dev && then->ino == now->ino;
}

int verify_end(const struct job *job, struct pns_err *err)
{
	char origin[128];
	int r = 0;

	for (size_t i = 0; job->seen && r == 0 && i < job->layout.n; i++) {
		walk_auto struct walk walk = PNS_WALK_NONE;
		const struct pns_mount *mount = &job->layout.mount[i];
		struct seen now;

		if (!job->seen[i].matters)
			continue;
		r = look(mount, &now, &walk, err);
		if (r < 0 || holds(job, &job->seen[i], &now, &walk))
			continue;
		pns_mount_origin(mount, origin, sizeof(origin));
		r = pns_err_add(err, EBUSY,
				"%s: %.200s: another mount came to lie over it: write the paths "
				"that they lead to, without symbolic links",
				origin, mount->target);
	}
	return r;
}
