// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "walk.h"

#define SYMLINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

void walk_close(struct walk *walk)
{
	pns_fd_close(&walk->fd);
	pns_fd_close(&walk->parent);
}

static bool only_root_writes(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* open_tree() rather than open(O_PATH), which does not trigger an automount. */
static int restart(struct walk *walk)
{
	pns_fd_close(&walk->fd);
	walk->fd = open_tree(AT_FDCWD, "/", OPEN_TREE_CLOEXEC);
	if (walk->fd < 0 || fstat(walk->fd, &walk->st) < 0)
		return -errno;
	walk->exclusive = only_root_writes(&walk->st);
	return 0;
}

/* Puts a link's target in front of what is left to walk. */
static int follow(struct walk *walk, int link)
{
	char target[PATH_MAX], joined[sizeof(walk->rest)];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	len = snprintf(joined, sizeof(joined), "%s/%s", target, walk->rest);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return -ENAMETOOLONG;
	strcpy(walk->rest, joined);
	return target[0] == '/' ? restart(walk) : 0;
}

/* Takes the next component off rest; false at the end. */
static bool next(struct walk *walk, char name[NAME_MAX + 1], int *ret_err)
{
	char *from = walk->rest + strspn(walk->rest, "/");
	const size_t len = strcspn(from, "/");

	*ret_err = len > NAME_MAX ? -ENAMETOOLONG : 0;
	if (len == 0)
		walk->rest[0] = '\0';
	if (len == 0 || *ret_err)
		return false;
	memcpy(name, from, len);
	name[len] = '\0';
	from += len;
	from += strspn(from, "/");
	memmove(walk->rest, from, strlen(from) + 1);
	return true;
}

/* Puts a component that is not there back in front of rest. */
static int missing(struct walk *walk, const char *name)
{
	char joined[sizeof(walk->rest)];
	const int n = snprintf(joined, sizeof(joined), "%s%s%s", name, *walk->rest ? "/" : "",
			       walk->rest);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	strcpy(walk->rest, joined);
	return 0;
}

/* One component on: 1, or 0 if it is not there. */
static int step(struct walk *walk, const char *name, unsigned int *symlinks, const char *path,
		struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	struct stat st;

	if (!S_ISDIR(walk->st.st_mode))
		return -ENOTDIR;
	fd = open_tree(walk->fd, name, OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return missing(walk, name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		if (!walk->exclusive || st.st_uid != 0)
			return pns_err_add(
				err, ELOOP,
				"%s: %.64s is a symbolic link that others than root could "
				"have put there: write the path without it",
				path, name);
		if (++*symlinks > SYMLINKS_MAX)
			return -ELOOP;
		int r = follow(walk, fd);
		return r < 0 ? r : 1;
	}
	if (!S_ISDIR(st.st_mode))
		walk->parent = pns_fd_steal(&walk->fd);
	pns_fd_close(&walk->fd);
	walk->fd = pns_fd_steal(&fd);
	walk->st = st;
	strcpy(walk->name, name);
	walk->exclusive = walk->exclusive && only_root_writes(&st);
	return 1;
}

/*
 * A directory on whose way there is no link at all needs no looking at its components: one call
 * instead of three for each. O_DIRECTORY, since O_PATH alone would not trigger an automount.
 */
static bool open_at_once(const char *path, struct walk *walk)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};

	walk->fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (walk->fd >= 0 && fstat(walk->fd, &walk->st) == 0)
		return true;
	pns_fd_close(&walk->fd);
	return false;
}

int walk_open(const char *path, struct walk *ret_walk, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	const unsigned int before = err->count;
	unsigned int symlinks = 0;
	char name[NAME_MAX + 1];
	int r, bad = 0;

	if (strlen(path) >= sizeof(walk.rest))
		return pns_err_sys(err, ENAMETOOLONG, "%.64s...", path);
	if (open_at_once(path, &walk)) {
		snprintf(walk.name, sizeof(walk.name), "%s", strrchr(path, '/') + 1);
		*ret_walk = walk;
		walk.fd = -1;
		return 0;
	}
	strcpy(walk.rest, path);
	r = restart(&walk);
	r = r < 0 ? r : 1;
	while (r == 1 && next(&walk, name, &bad))
		r = step(&walk, name, &symlinks, path, err);
	if (r >= 0 && bad)
		r = bad;
	if (r < 0)
		return err->count > before ? r : pns_err_sys(err, -r, "%s", path);
	*ret_walk = walk;
	walk.fd = walk.parent = -1;
	return 0;
}

int walk_up(struct walk *walk)
{
	pns_fd_auto int fd = walk->parent >= 0 ? pns_fd_steal(&walk->parent)
					       : open_tree(walk->fd, "..", OPEN_TREE_CLOEXEC);

	if (fd < 0 || fstat(fd, &walk->st) < 0)
		return -errno;
	pns_fd_close(&walk->fd);
	walk->fd = pns_fd_steal(&fd);
	return 0;
}
