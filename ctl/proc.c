// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "live.h"
#include "nstab.h"

#define DEPTH_MAX 33 /* pid namespaces nest 32 deep */

ssize_t proc_file(pid_t pid, const char *name, char *buf, size_t size)
{
	pns_fd_auto int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len + 1 < size) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

int64_t uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void read_command(struct proc *proc)
{
	ssize_t n = proc_file(proc->pid, "cmdline", proc->command, sizeof(proc->command));

	while (n > 0 && proc->command[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (proc->command[i] == '\0')
			proc->command[i] = ' ';
	if (n <= 0) /* a zombie, or one that has cleared it */
		snprintf(proc->command, sizeof(proc->command), "(%s)", proc->comm);
}

/* Proportional set size costs a walk of the page tables; where the kernel has none, what is resident. */
static void read_memory(struct proc *proc)
{
	char text[2048];

	if (proc_file(proc->pid, "smaps_rollup", text, sizeof(text)) > 0) {
		proc->memory = field(text, "\nPss:") * 1024;
	} else if (proc_file(proc->pid, "statm", text, sizeof(text)) > 0) {
		unsigned long resident = 0;

		sscanf(text, "%*u %lu", &resident);
		proc->memory = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
	}
}

int proc_read(pid_t pid, struct proc *ret_proc)
{
	struct proc proc = {.pid = pid};
	unsigned long long ticks = 0;
	char text[4096], *at, *comm;

	if (proc_file(pid, "stat", text, sizeof(text)) <= 0)
		return -ESRCH;
	comm = strchr(text, '(');
	at = strrchr(text, ')'); /* the name may hold parentheses */
	if (!comm || !at ||
	    sscanf(at + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %llu",
		   &proc.ppid, &ticks) != 2)
		return -ESRCH;
	snprintf(proc.comm, sizeof(proc.comm), "%.*s", (int)(at - comm - 1), comm + 1);
	proc.started = (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
	if (proc_file(pid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	proc.uid = (uid_t)field(text, "\nUid:");
	at = strstr(text, "\nNSpid:");
	if (at) {
		char *eol = strchr(at + 1, '\n');

		if (eol)
			*eol = '\0';
		at = strrchr(at, '\t');
		proc.inner = at ? atoi(at) : 0;
	}
	read_command(&proc);
	read_memory(&proc);
	*ret_proc = proc;
	return 0;
}

struct mark {
	const char *name; /* of the namespace by which processes are told */
	dev_t dev;
	ino_t ino;
};

static int open_ns(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool is_mark(int fd, const struct mark *mark)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == mark->dev && st.st_ino == mark->ino;
}

/* Is it in the namespace, or, for a pid namespace, in one below it? */
static bool inside(pid_t pid, const struct mark *mark)
{
	pns_fd_auto int fd = open_ns(pid, mark->name);
	bool found = fd >= 0 && is_mark(fd, mark);

	if (found || fd < 0 || strcmp(mark->name, "pid") != 0)
		return found;
	for (int depth = 0; depth < DEPTH_MAX && !found; depth++) {
		int parent = ioctl(fd, NS_GET_PARENT);

		if (parent < 0)
			return false;
		pns_fd_close(&fd);
		fd = parent;
		found = is_mark(fd, mark);
	}
	return found;
}

/* The pid namespace if it is the session's own: nothing gets out of that one. */
static int find_mark(const struct pns_live *live, pid_t init, struct mark *ret_mark)
{
	static const int order[] = {PNS_NS_PID, PNS_NS_MNT, PNS_NS_NET,
				    PNS_NS_IPC, PNS_NS_UTS, PNS_NS_CGROUP};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct pns_ns *ns = &pns_nstab[order[i]];
		pns_fd_auto int fd = -1;
		struct stat st;

		if (!ns->wanted(&live->plan))
			continue;
		fd = open_ns(init, ns->name);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -ESRCH;
		*ret_mark = (struct mark){ns->name, st.st_dev, st.st_ino};
		return 0;
	}
	return -ENOENT;
}

static int by_pid(const void *a, const void *b)
{
	return ((const struct proc *)a)->pid - ((const struct proc *)b)->pid;
}

int live_processes(const struct pns_live *live, struct proc **ret_proc, size_t *ret_n)
{
	const pid_t init = live_pid(live->init);
	struct proc *proc = NULL;
	size_t n = 0, room = 0;
	struct dirent *entry;
	struct mark mark;
	DIR *dir;
	int r;

	if (!init)
		return -ESRCH;
	r = find_mark(live, init, &mark);
	if (r < 0)
		return r;
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		const pid_t pid =
			isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (!pid || !inside(pid, &mark))
			continue;
		if (n == room) {
			struct proc *grown =
				realloc(proc, (room = room ? 2 * room : 16) * sizeof(*grown));

			if (!grown) {
				r = -ENOMEM;
				break;
			}
			proc = grown;
		}
		if (proc_read(pid, &proc[n]) == 0) {
			proc[n].is_init = pid == init;
			n++;
		}
	}
	closedir(dir);
	/* While init lived its number was no other's, so all of that was about this instance. */
	if (r == 0 && live_gone(live))
		r = -ESRCH;
	if (r < 0) {
		free(proc);
		return r;
	}
	if (n)
		qsort(proc, n, sizeof(*proc), by_pid);
	*ret_proc = proc;
	*ret_n = n;
	return 0;
}
