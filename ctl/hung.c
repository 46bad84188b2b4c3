// SPDX-License-Identifier: MIT
/*
 * The init of an instance that does not answer, to be killed. Processes are never told by what they
 * look like: an entry lies where root alone can open it, and whose file it is that holds the lock on it
 * is told by the kernel. Its other holders, helper and login program, only have it while it is opened.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "live.h"

/* Is this fd of the process the one through which the entry was locked (proc_pid_fdinfo(5))? */
static bool holds_lock(pid_t pid, const char *fd, const struct stat *entry)
{
	char path[64], text[1024];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", pid, fd);
	if (stat(path, &st) < 0 || st.st_dev != entry->st_dev || st.st_ino != entry->st_ino)
		return false;
	snprintf(path, sizeof(path), "fdinfo/%.16s", fd);
	return proc_file(pid, path, text, sizeof(text)) > 0 && strstr(text, "FLOCK");
}

static bool is_holder(pid_t pid, const struct stat *entry)
{
	struct dirent *fd;
	bool found = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && !found && (fd = readdir(dir)))
		found = isdigit((unsigned char)fd->d_name[0]) && holds_lock(pid, fd->d_name, entry);
	if (dir)
		closedir(dir);
	return found;
}

/* The pidfd first: while its process lives, the number that was looked at was no other's. */
static int open_holder(const struct pns_live *live, pid_t pid, const struct stat *entry)
{
	pns_fd_auto int fd = pidfd_open(pid, 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct proc proc;

	if (fd < 0 || !is_holder(pid, entry) || proc_read(pid, &proc) < 0 || proc.uid != 0 ||
	    strcmp(proc.comm, "pam_ns") != 0 || (live->plan.pid && proc.inner != 1) ||
	    poll(&wait, 1, 0) != 0)
		return -ESRCH;
	return pns_fd_steal(&fd);
}

int hung_init(const struct pns_live *live)
{
	char path[64];
	struct dirent *entry;
	struct stat st;
	int fd = -ESRCH;
	DIR *dir;

	snprintf(path, sizeof(path), PNS_REGISTRY "/%u/%u", live->entry.uid, live->entry.number);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return -ESRCH;
	dir = opendir("/proc");
	while (dir && fd < 0 && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			fd = open_holder(live, atoi(entry->d_name), &st);
	if (dir)
		closedir(dir);
	return fd;
}
