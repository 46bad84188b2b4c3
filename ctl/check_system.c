// SPDX-License-Identifier: MIT
/* The machine: the helper, the kernel's namespaces, and what its limits leave. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "fd.h"
#include "nstab.h"

#ifndef PNS_HELPER
#define PNS_HELPER "/usr/libexec/pam_ns_helper"
#endif

#define LEAST_MAJOR 5 /* mount_setattr(2) */
#define LEAST_MINOR 12
#define FEW	    16 /* sessions: below that a busy morning is enough */
#define MOUNTS	    32 /* of a session, its own included, beyond those of the host */

static void check_helper(struct findings *f)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	pns_fd_auto int fd = -1;
	struct stat st;
	int r;

	if (!err)
		return;
	r = pns_fd_open_trusted(PNS_HELPER, O_PATH, S_IFREG, &fd, err);
	if (r == -ENOENT)
		found(f, ERROR,
		      "the helper " PNS_HELPER
		      " is missing, so logins are denied: install pam_ns again");
	else if (r < 0)
		found_err(f, err);
	else if (fstat(fd, &st) == 0 && !(st.st_mode & S_IXUSR))
		found(f, ERROR, PNS_HELPER " cannot be executed: chmod 755 it");
	else if (st.st_mode & (S_ISUID | S_ISGID))
		found(f, ERROR, PNS_HELPER " has a setuid bit that it must not have: chmod 755 it");
	else
		found(f, FINE, PNS_HELPER);
	free(err);
}

static void check_kernel(struct findings *f)
{
	struct utsname uts;
	int major, minor;

	if (uname(&uts) < 0 || sscanf(uts.release, "%d.%d", &major, &minor) != 2)
		return;
	if (major < LEAST_MAJOR || (major == LEAST_MAJOR && minor < LEAST_MINOR))
		found(f, ERROR, "kernel %s is too old: boot %d.%d or newer", uts.release,
		      LEAST_MAJOR, LEAST_MINOR);
	else
		found(f, FINE, "kernel %s", uts.release);
}

/* -1 if there is none. */
static int64_t read_number(const char *path)
{
	pns_fd_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ? -1 : strtoll(text, NULL, 10);
}

static int by_inode(const void *a, const void *b)
{
	const ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

/* How many of them processes are in; the kernel says nothing of its own count. */
static int64_t in_use(const char *ns)
{
	ino_t *inode = NULL;
	size_t n = 0, room = 0, used = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	char path[300];
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/%s", entry->d_name, ns);
		if (stat(path, &st) < 0)
			continue;
		if (n == room) {
			ino_t *grown =
				realloc(inode, (room = room ? 2 * room : 256) * sizeof(*grown));

			if (!grown)
				break;
			inode = grown;
		}
		inode[n++] = st.st_ino;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(inode, n, sizeof(*inode), by_inode);
	for (size_t i = 0; i < n; i++)
		used += i == 0 || inode[i] != inode[i - 1];
	free(inode);
	return (int64_t)used;
}

static void check_namespaces(struct findings *f)
{
	int64_t least = INT64_MAX;
	const char *by = NULL;
	char path[64];

	for (int i = 0; i < PNS_NS_COUNT; i++) {
		const struct pns_ns *ns = &pns_nstab[i];
		int64_t limit, left;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns->name);
		if (access(path, F_OK) < 0) {
			found(f, ERROR,
			      "this kernel has no %s namespaces: write %s in the policy, or boot one "
			      "that has",
			      ns->name, ns->key);
			continue;
		}
		snprintf(path, sizeof(path), "/proc/sys/user/%s", ns->limit);
		limit = read_number(path);
		if (limit < 0)
			continue;
		left = limit - in_use(ns->name);
		/* A session holds one more of them: the registry's mount, by which its entry goes. */
		if (i == PNS_NS_MNT)
			left /= 2;
		if (left <= 0)
			found(f, ERROR,
			      "%s: the limit is %" PRId64
			      " and leaves no session any: raise it with "
			      "sysctl user.%s, or write %s in the policy",
			      path, limit, ns->limit, ns->key);
		else if (left < FEW)
			found(f, WARNING,
			      "%s: the limit is %" PRId64 " and leaves room for %" PRId64
			      " sessions: raise it with sysctl user.%s",
			      path, limit, left, ns->limit);
		if (left < least) {
			least = left;
			by = ns->limit;
		}
	}
	if (by && least > 0)
		found(f, FINE, "limits leave room for about %" PRId64 " sessions (user.%s)", least,
		      by);
}

static void check_mounts(struct findings *f)
{
	const int64_t limit = read_number("/proc/sys/fs/mount-max");
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int64_t mounts = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		mounts += c == '\n';
	if (file)
		fclose(file);
	if (limit > 0 && mounts + MOUNTS > limit)
		found(f, ERROR,
		      "/proc/sys/fs/mount-max: the limit is %" PRId64
		      ", the host alone has %" PRId64 " mounts: raise it with sysctl fs.mount-max",
		      limit, mounts);
}

void check_system(struct findings *f)
{
	check_helper(f);
	check_kernel(f);
	check_namespaces(f);
	check_mounts(f);
}
