// SPDX-License-Identifier: MIT
/* Carries a layout out: first every source is opened, in the host's view, then mount by mount. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fd.h"
#include "job.h"
#include "steps.h"
#include "wire.h"

#define PROC_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define DISK_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define LEFT_OUT  1 /* there is nothing to do for this one */

static int open_sources(struct job *job, struct pns_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->layout.n; i++) {
		const struct pns_mount *mount = &job->layout.mount[i];

		if (!mount->source)
			continue;
		r = source_open(job, mount, &job->source[i], err);
	}
	return r;
}

/* ---- targets ---- */

/* Goes to a mount's target; makes it where that is the session's own. 0, LEFT_OUT or -errno. */
static int open_target(struct job *job, const struct pns_mount *mount, bool directory,
		       struct walk *walk, bool *ret_made, struct pns_err *err)
{
	char origin[128];
	int r = walk_open(mount->target, walk, err);

	if (ret_made)
		*ret_made = r == 0 && *walk->rest;
	if (r < 0 || !*walk->rest)
		return r;
	r = job_create(job, walk, directory ? JOB_DIRECTORY : JOB_FILE);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return job_failed(mount, -r, mount->target, "making", err);
	if (mount->flags & PNS_MOUNT_OPTIONAL)
		return LEFT_OUT;
	pns_mount_origin(mount, origin, sizeof(origin));
	return pns_err_add(err, ENOENT, "%s: %.200s does not exist: create it, to be mounted on",
			   origin, mount->target);
}

static int attach(const struct pns_mount *mount, int tree, const struct walk *walk,
		  struct pns_err *err)
{
	struct stat st;
	char origin[128];
	int r;

	if (fstat(tree, &st) == 0 && S_ISDIR(st.st_mode) != S_ISDIR(walk->st.st_mode)) {
		pns_mount_origin(mount, origin, sizeof(origin));
		return pns_err_add(err, ENOTDIR,
				   "%s: %.200s: a directory can be mounted on a directory alone, "
				   "a file on a file",
				   origin, mount->target);
	}
	r = tree_attach(tree, walk->fd);
	return r < 0 ? job_failed(mount, -r, mount->target, "mounting on", err) : 0;
}

/* Is it there already? /var/tmp may be a symbolic link to /tmp, and /home to where homes are. */
static bool is_done(const struct job *job, const struct pns_mount *mount, const struct walk *walk)
{
	const struct own *own = job_own(job, &walk->st);

	return (mount->key == PNS_KEY_private_tmp || mount->key == PNS_KEY_home) && own &&
	       own->root == walk->st.st_ino;
}

/* ---- one kind each ---- */

static int mount_new(struct job *job, const struct pns_mount *mount, struct pns_err *err,
		     const char *type, const char *option, const char *value)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	pns_fd_auto int tree = -1;
	int r = open_target(job, mount, true, &walk, NULL, err);

	if (r)
		return r < 0 ? r : 0;
	r = tree_new(type, option, value, PROC_ATTR, &tree);
	return r < 0 ? job_failed(mount, -r, mount->target, "mounting", err)
		     : attach(mount, tree, &walk, err);
}

static int do_proc(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	const bool own = mount->flags & PNS_MOUNT_OWN;

	(void)source;
	return mount_new(job, mount, err, "proc", own ? "hidepid" : NULL, "invisible");
}

static int do_mqueue(struct job *job, const struct pns_mount *mount, int source,
		     struct pns_err *err)
{
	(void)source;
	return mount_new(job, mount, err, "mqueue", NULL, NULL);
}

/* It shows the network of who mounts it. */
static int do_sys(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	int r = job->plan->network.mode == PNS_NETWORK_NAMED ? 0 : step_new_network(job->plan, err);

	(void)mount;
	(void)source;
	return r < 0 ? r : mount_sys(err);
}

static int do_tmpfs(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	pns_fd_auto int tree = -1;
	const struct pns_who *who = &job->plan->who;
	bool made, user;
	mode_t mode = 0755;
	int r;

	(void)source;
	if (mount->flags & PNS_MOUNT_COVER) {
		r = walk_open(mount->target, &walk, err);
		if (r < 0 || *walk.rest)
			return r < 0 ? r : hide_absent(job, mount, &walk, err);
		walk_close(&walk);
	}
	r = open_target(job, mount, true, &walk, &made, err);
	if (r || is_done(job, mount, &walk))
		return r < 0 ? r : 0;
	user = (mount->flags & PNS_MOUNT_USER) || ((mount->flags & PNS_MOUNT_LIKE) && made);
	if (user)
		mode = 0700;
	else if (mount->flags & PNS_MOUNT_STICKY)
		mode = 01777;
	else if (mount->flags & PNS_MOUNT_LIKE)
		mode = walk.st.st_mode & 01777;
	r = tree_tmpfs(&mount->size, mode, &tree);
	if (r == 0)
		r = job_note(job, tree, OWN_MEMORY, user);
	if (r == 0 && user)
		r = job_owe(job, tree, who->uid, who->gid);
	else if (r == 0 && (mount->flags & PNS_MOUNT_LIKE))
		r = job_owe(job, tree, walk.st.st_uid, walk.st.st_gid);
	return r < 0 ? job_failed(mount, -r, mount->target, "mounting a tmpfs on", err)
		     : attach(mount, tree, &walk, err);
}

static int do_bind(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	struct stat st;
	int r;

	if (source < 0)
		return 0;
	if (fstat(source, &st) < 0)
		return job_failed(mount, errno, mount->source, "stat of", err);
	r = open_target(job, mount, S_ISDIR(st.st_mode), &walk, NULL, err);
	if (r || is_done(job, mount, &walk))
		return r < 0 ? r : 0;
	r = mount->kind == PNS_MOUNT_DISK ? job_note(job, source, OWN_DISK, false) : 0;
	if (r < 0)
		return job_failed(mount, -r, mount->source, "noting", err);
	return attach(mount, source, &walk, err);
}

static int do_dir(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	int r = walk_open(mount->target, &walk, err);

	(void)source;
	if (r < 0 || !*walk.rest)
		return r;
	r = job_create(job, &walk, S_IFDIR | 0700);
	if (r == -ENOENT)
		return 0; /* what it would be in is hidden */
	if (r == 0)
		r = job_owe(job, walk.fd, job->plan->who.uid, job->plan->who.gid);
	return r < 0 ? job_failed(mount, -r, mount->target, "making", err) : 0;
}

/* stdin and its like are what a shell's redirections to /dev/stdin need. */
static int do_dev(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
	};
	static const struct pns_size size = {.value = 1 << 20};
	walk_auto struct walk walk = PNS_WALK_NONE;
	pns_fd_auto int tree = -1;
	int r = open_target(job, mount, true, &walk, NULL, err);

	(void)source;
	if (r < 0)
		return r;
	r = tree_tmpfs(&size, 0755, &tree);
	if (r == 0)
		r = job_note(job, tree, OWN_MEMORY, false);
	for (size_t i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		r = symlinkat(links[i].target, tree, links[i].name) < 0 ? -errno : 0;
	return r < 0 ? job_failed(mount, -r, mount->target, "making", err)
		     : attach(mount, tree, &walk, err);
}

static int do_readonly(struct job *job, const struct pns_mount *mount, int source,
		       struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	pns_fd_auto int tree = -1;
	char origin[128];
	int r = walk_held(job, mount, &walk, err);

	(void)source;
	if (r < 0)
		return r;
	if (*walk.rest && (mount->flags & PNS_MOUNT_OPTIONAL))
		return 0;
	if (*walk.rest) {
		pns_mount_origin(mount, origin, sizeof(origin));
		return pns_err_add(err, ENOENT,
				   "%s: %.200s does not exist: create it, or take it out", origin,
				   mount->target);
	}
	/* Private: what the host mounts there later would not be read-only. */
	if (is_mount_root(walk.fd)) {
		r = tree_set(walk.fd, MOUNT_ATTR_RDONLY, MS_PRIVATE);
		return r < 0 ? job_failed(mount, -r, mount->target, "making read-only", err) : 0;
	}
	r = tree_clone(walk.fd, NULL, &tree);
	if (r == 0)
		r = tree_set(tree, MOUNT_ATTR_RDONLY, MS_PRIVATE);
	return r < 0 ? job_failed(mount, -r, mount->target, "making read-only", err)
		     : attach(mount, tree, &walk, err);
}

static int do_hide(struct job *job, const struct pns_mount *mount, int source, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	int r = walk_held(job, mount, &walk, err);

	(void)source;
	if (r < 0)
		return r;
	if (*walk.rest)
		return mount->flags & PNS_MOUNT_OPTIONAL ? 0 : hide_absent(job, mount, &walk, err);
	r = hide_present(job, &walk);
	return r < 0 ? job_failed(mount, -r, mount->target, "hiding", err) : 0;
}

/*
 * /run/systemd: what answers there is asked over sockets that lie in it, another with each
 * version. Its directories are states to be read, and services of their own (journal, userdb). notify
 * only takes; machine is machined's, which starts things.
 */
static bool keep_of_systemd(const char *name, mode_t mode)
{
	if (S_ISSOCK(mode))
		return strcmp(name, "notify") == 0;
	return strcmp(name, "machine") != 0;
}

static int do_freeze(struct job *job, const struct pns_mount *mount, int source,
		     struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	int r = walk_open(mount->target, &walk, err);

	(void)source;
	if (r < 0)
		return r;
	if (*walk.rest)
		return hide_absent(job, mount, &walk, err);
	r = freeze(job, &walk, keep_of_systemd, true);
	return r < 0 ? job_failed(mount, -r, mount->target, "freezing", err) : 0;
}

/* As ip-netns(8) does with /etc/netns/NAME: what has no counterpart in target is left out. */
static int do_entries(struct job *job, const struct pns_mount *mount, int source,
		      struct pns_err *err)
{
	int fd = source < 0 ? -1 : openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	(void)job;
	if (source < 0)
		return 0;
	if (!dir) {
		r = job_failed(mount, errno, mount->source, "reading", err);
		pns_fd_close(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		walk_auto struct walk walk = PNS_WALK_NONE;
		pns_fd_auto int tree = -1;
		char path[PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", mount->target, entry->d_name) >=
		    sizeof(path))
			r = job_failed(mount, ENAMETOOLONG, mount->target, "mounting below", err);
		if (r == 0)
			r = walk_open(path, &walk, err);
		if (r < 0 || *walk.rest)
			continue;
		r = tree_clone(source, entry->d_name, &tree);
		r = r < 0 ? job_failed(mount, -r, path, "mounting on", err)
			  : attach(mount, tree, &walk, err);
	}
	closedir(dir);
	return r;
}

static int (*const kinds[])(struct job *job, const struct pns_mount *mount, int source,
			    struct pns_err *err) = {
	[PNS_MOUNT_PROC] = do_proc,	  [PNS_MOUNT_SYS] = do_sys,
	[PNS_MOUNT_TMPFS] = do_tmpfs,	  [PNS_MOUNT_DIR] = do_dir,
	[PNS_MOUNT_MQUEUE] = do_mqueue,	  [PNS_MOUNT_DISK] = do_bind,
	[PNS_MOUNT_BIND] = do_bind,	  [PNS_MOUNT_DEVICE] = do_bind,
	[PNS_MOUNT_DEV] = do_dev,	  [PNS_MOUNT_FREEZE] = do_freeze,
	[PNS_MOUNT_ENTRIES] = do_entries, [PNS_MOUNT_READONLY] = do_readonly,
	[PNS_MOUNT_HIDE] = do_hide,
};

/* ---- the step ---- */

static int start(struct job *job, struct pns_err *err)
{
	int r = pns_layout_make(job->plan, NULL, NULL, &job->layout, err);
	struct stat run;

	if (r < 0)
		return r;
	job->run = stat("/run", &run) == 0 ? run.st_dev : 0;
	job->source = malloc((job->layout.n + 1) * sizeof(int));
	if (!job->source)
		return pns_err_sys(err, ENOMEM, "mounts");
	memset(job->source, -1, (job->layout.n + 1) * sizeof(int));
	job->hidden = open_tree(AT_FDCWD, PNS_REGISTRY "/" STAND_INS, OPEN_TREE_CLOEXEC);
	return job->hidden < 0 ? pns_err_sys(err, errno, PNS_REGISTRY "/" STAND_INS) : 0;
}

/* Once all is mounted, what is the user's becomes so. */
static int settle(const struct job *job, struct pns_err *err)
{
	for (size_t i = 0; i < job->n_owed; i++)
		if (fchownat(job->owed[i].fd, "", job->owed[i].uid, job->owed[i].gid,
			     AT_EMPTY_PATH) < 0)
			return pns_err_sys(err, errno, "chown of what is the user's");
	return 0;
}

static void job_cleanup(struct job *job)
{
	for (size_t i = 0; job->source && i < job->layout.n; i++)
		pns_fd_close(&job->source[i]);
	for (size_t i = 0; i < job->n_owed; i++)
		pns_fd_close(&job->owed[i].fd);
	pns_fd_close(&job->hidden);
	free(job->source);
	free(job->seen);
	pns_layout_free(&job->layout);
}

static int carry_out(struct job *job, struct pns_err *err)
{
	const char *unused;
	int r = start(job, err);

	if (r == 0)
		r = mountinfo_before(&unused, err);
	if (r == 0)
		r = open_sources(job, err);
	if (r == 0)
		r = verify_begin(job, err);
	for (size_t i = 0; r == 0 && i < job->layout.n; i++) {
		const struct pns_mount *mount = &job->layout.mount[i];

		r = kinds[mount->kind](job, mount, job->source[i], err);
		if (r == 0)
			r = verify_note(job, i, err);
	}
	if (r == 0)
		r = verify_end(job, err);
	return r < 0 ? r : settle(job, err);
}

int step_mounts(const struct pns_plan *plan, struct pns_err *err)
{
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return pns_err_sys(err, ENOMEM, "mounts");
	job->plan = plan;
	job->hidden = -1;
	r = carry_out(job, err);
	job_cleanup(job);
	free(job);
	return r;
}
