// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "fd.h"
#include "job.h"
#include "steps.h"

#define BYTES_AN_INODE 8192
#define MIN_INODES     1024

/* ---- trees: mounts that are not attached yet ---- */

static int finish(int fs, unsigned int attr, int *ret_tree)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	*ret_tree = fsmount(fs, FSMOUNT_CLOEXEC, attr);
	return *ret_tree < 0 ? -errno : 0;
}

static int set(int fs, const char *option, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, option, value, 0) < 0 ? -errno : 0;
}

int tree_new(const char *type, const char *option, const char *value, unsigned int attr,
	     int *ret_tree)
{
	pns_fd_auto int fs = fsopen(type, FSOPEN_CLOEXEC);
	int r = fs < 0 ? -errno : 0;

	if (r == 0 && option)
		r = set(fs, option, value);
	return r < 0 ? r : finish(fs, attr, ret_tree);
}

/* tmpfs(5) would allow half the memory in files of no bytes: so many files as so many bytes hold. */
int tree_tmpfs(const struct pns_size *size, mode_t mode, int *ret_tree)
{
	pns_fd_auto int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	char bytes[32], inodes[32], octal[8];
	uint64_t limit = size->value;
	struct sysinfo info = {0};
	int r = fs < 0 ? -errno : 0;

	if (size->percent && sysinfo(&info) == 0)
		limit = (uint64_t)info.totalram * info.mem_unit / 100 * size->value;
	limit /= BYTES_AN_INODE;
	snprintf(bytes, sizeof(bytes), "%" PRIu64 "%s", size->value, size->percent ? "%" : "");
	snprintf(inodes, sizeof(inodes), "%" PRIu64, limit < MIN_INODES ? MIN_INODES : limit);
	snprintf(octal, sizeof(octal), "%o", mode & 01777);
	if (r == 0)
		r = set(fs, "size", bytes);
	if (r == 0)
		r = set(fs, "nr_inodes", inodes);
	if (r == 0)
		r = set(fs, "mode", octal);
	return r < 0 ? r : finish(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, ret_tree);
}

int tree_clone(int fd, const char *name, int *ret_tree)
{
	*ret_tree =
		open_tree(fd, name ? name : "",
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
				  (name ? AT_NO_AUTOMOUNT : AT_EMPTY_PATH));
	return *ret_tree < 0 ? -errno : 0;
}

int tree_set(int tree, unsigned int attr, unsigned long propagation)
{
	struct mount_attr set = {.attr_set = attr, .propagation = propagation};

	return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set)) < 0 ? -errno
											    : 0;
}

bool is_mount_root(int fd)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH, 0, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int tree_attach(int tree, int on)
{
	return move_mount(tree, "", on, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

/* ---- what is the session's own ---- */

int job_note(struct job *job, int tree, int kind, bool user)
{
	struct stat st;

	if (job->n_own == JOB_OWN_MAX)
		return -EDQUOT;
	if (fstat(tree, &st) < 0)
		return -errno;
	job->own[job->n_own++] =
		(struct own){.dev = st.st_dev, .root = st.st_ino, .kind = kind, .user = user};
	return 0;
}

const struct own *job_own(const struct job *job, const struct stat *st)
{
	for (size_t i = 0; i < job->n_own; i++)
		if (job->own[i].dev == st->st_dev &&
		    (job->own[i].kind != OWN_DISK || job->own[i].root == st->st_ino))
			return &job->own[i];
	return NULL;
}

int job_owe(struct job *job, int tree, uid_t uid, gid_t gid)
{
	int fd;

	if (job->n_owed == JOB_OWN_MAX)
		return -EDQUOT;
	fd = fcntl(tree, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	job->owed[job->n_owed++] = (struct owed){.fd = fd, .uid = uid, .gid = gid};
	return 0;
}

/* Where the user may write too, as in a kept /tmp, what lies there already may be anything. */
static int make_component(struct walk *walk, const char *name, mode_t mode)
{
	pns_fd_auto int fd = -1;
	struct stat st;
	int r = S_ISDIR(mode) ? mkdirat(walk->fd, name, mode & 0777)
			      : mknodat(walk->fd, name, mode, 0);

	if (r < 0 && errno != EEXIST)
		return -errno;
	fd = open_tree(walk->fd, name, OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != (mode & S_IFMT))
		return -EEXIST;
	pns_fd_close(&walk->fd);
	walk->fd = pns_fd_steal(&fd);
	walk->st = st;
	return 0;
}

int job_create(struct job *job, struct walk *walk, mode_t mode)
{
	const struct own *own = job_own(job, &walk->st);
	const struct pns_who *who = &job->plan->who;
	int r = 0;

	if (!own || own->kind == OWN_FROZEN)
		return -ENOENT;
	while (r == 0 && *walk->rest) {
		char *slash = strchr(walk->rest, '/');
		const bool last = !slash;

		if (slash)
			*slash = '\0';
		/* What was made in a directory that is kept is the host's from there on. */
		r = job_own(job, &walk->st)
			    ? make_component(walk, walk->rest, last ? mode : JOB_DIRECTORY)
			    : -ENOENT;
		if (r == 0 && own->user)
			r = job_owe(job, walk->fd, who->uid, who->gid);
		if (last)
			walk->rest[0] = '\0';
		else
			memmove(walk->rest, slash + 1, strlen(slash + 1) + 1);
	}
	return r;
}

int job_failed(const struct pns_mount *mount, int code, const char *path, const char *what,
	       struct pns_err *err)
{
	char origin[128], whole[sizeof(origin) + PATH_MAX + 64];

	pns_mount_origin(mount, origin, sizeof(origin));
	if (code == EDQUOT)
		return pns_err_add(
			err, code,
			"%s: %s %.200s: a session has at most %d directories of its own: "
			"take some of its mounts out",
			origin, what, path, JOB_OWN_MAX);
	snprintf(whole, sizeof(whole), "%s: %s %s", origin, what, path);
	return mount_failed(err, code, whole);
}
