// SPDX-License-Identifier: MIT
/*
 * A procfs shows the processes of the namespace that it was mounted in, wherever it is mounted: that
 * of a chroot for builds or for a name server would show the session those of the host, and
 * /proc/PID/root of one of the user's own among them leads out of every mount. So each gets
 * the session's own on top. Not parts of one, bound somewhere: those name no process that lasts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "steps.h"

#define IS_PROC " - proc " /* between a line's optional fields and the source */

static int mount_id(int fd, const char *path, uint64_t *ret_id)
{
	struct statx stx;

	if (statx(fd, path, AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return -errno;
	*ret_id = stx.stx_mnt_id;
	return 0;
}

/* ids tell whether the path leads to that mount: another may lie over it, the session's own too. */
static int cover(uint64_t id, const char *path, const char *options)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	pns_fd_auto int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	uint64_t found = 0;
	char target[32];
	int r;

	/* A link where a mount was is somebody's doing just now: that must not keep it uncovered. */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	r = mount_id(fd, "", &found);
	if (r < 0 || found != id)
		return r;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	return mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ? -errno
											    : 0;
}

static int cover_line(char *line, uint64_t own, const char *options, struct pns_err *err)
{
	int root = 0, path = 0, r;
	uint64_t id;

	sscanf(line, "%*d %*d %*s %n%*s %n", &root, &path);
	id = strtoull(line, NULL, 10);
	if (!path || id == own || strncmp(line + root, "/ ", 2) != 0)
		return 0;
	mountinfo_field(line + path);
	r = cover(id, line + path, options);
	if (r == -ENOSPC)
		return mount_failed(err, ENOSPC, "mounting over another /proc");
	return r < 0 ? pns_err_sys(err, -r,
				   "%s shows the processes of the host and cannot be covered: "
				   "unmount it",
				   line + path)
		     : 0;
}

/* Is this line's mount a whole procfs elsewhere than at /proc? at: the line's IS_PROC. */
static bool is_another(const char *text, const char *at)
{
	const char *line = at;
	char root[3], path[8];

	while (line > text && line[-1] != '\n')
		line--;
	return sscanf(line, "%*d %*d %*s %2s %7s", root, path) == 2 && strcmp(root, "/") == 0 &&
	       strcmp(path, "/proc") != 0;
}

/*
 * Can there be another than ours? Not if there was none but at /proc, on which ours lies, and no key
 * of the policy has cloned a tree of the host's that may hold that one, as / and /proc themselves do.
 */
static bool may_be_others(const struct pns_plan *plan, const char *text)
{
	if (plan->bind.n || plan->readonly.n || plan->hide.n || plan->home != PNS_HOME_HOST ||
	    plan->devices != PNS_DEVICES_HOST)
		return true;
	for (const char *at = strstr(text, IS_PROC); at; at = strstr(at + 1, IS_PROC))
		if (is_another(text, at))
			return true;
	return false;
}

int step_procs(const struct pns_plan *plan, struct pns_err *err)
{
	/* They are to show no more than /proc itself. */
	const char *options = plan->proc == PNS_PROC_OWN ? "hidepid=invisible" : NULL;
	const char *before;
	uint64_t own = 0;
	char *text = NULL;
	int r;

	r = mountinfo_before(&before, err);
	if (r < 0 || !may_be_others(plan, before))
		return r;
	r = mount_id(AT_FDCWD, "/proc", &own);
	if (r < 0)
		return pns_err_sys(err, -r, "/proc");
	r = mountinfo_read(&text, err);
	if (r < 0)
		return r;
	for (char *at = strstr(text, IS_PROC); r == 0 && at; at = strstr(at, IS_PROC)) {
		char *line = at, *next = at + strlen(IS_PROC);

		while (line > text && line[-1] != '\n' && line[-1] != '\0')
			line--;
		r = cover_line(line, own, options, err);
		at = next;
	}
	free(text);
	return r;
}
