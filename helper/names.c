// SPDX-License-Identifier: MIT
/* The session's names, and the read-only stand-in for the registry that their files lie in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fd.h"
#include "steps.h"
#include "walk.h"
#include "wire.h"

#define HOSTS_MAX      (1 << 20)
#define STAND_IN_OPTS  "mode=755,size=4m,nr_inodes=16"
#define NESTED_OPTS    "mode=700,size=16m,nr_inodes=4k"
#define STAND_IN_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int write_file(const char *name, const char *text, size_t len, const char *more)
{
	char path[64];
	pns_fd_auto int fd = -1;
	int r;

	snprintf(path, sizeof(path), PNS_REGISTRY "/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = pns_fd_write_all(fd, text, len);
	return r < 0 || !more ? r : pns_fd_write_all(fd, more, strlen(more));
}

/*
 * /etc/hosts with a line for the session's name in front; all that the admin wrote stays, localhost
 * first of all. 127.0.1.1 as Debian does: it is lo, and leaves localhost's own name alone.
 */
static int write_hosts(const struct pns_plan *plan)
{
	pns_fd_auto int fd = open("/etc/hosts", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char line[sizeof(plan->hostname) + 32], *text = NULL;
	size_t len;
	int n, r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = pns_fd_read_all(fd, HOSTS_MAX, &text, &len);
	if (r < 0)
		return r;
	n = snprintf(line, sizeof(line), "127.0.1.1\t%s\n", plan->hostname.s);
	r = write_file("hosts", line, (size_t)n, text);
	free(text);
	return r;
}

static int write_hostname(const struct pns_plan *plan)
{
	return write_file("hostname", plan->hostname.s, strlen(plan->hostname.s), "\n");
}

/* Does the session's name differ from what /etc says already? */
static bool renamed(const struct pns_plan *plan)
{
	struct utsname uts;

	return plan->uts && (uname(&uts) < 0 || strcmp(uts.nodename, plan->hostname.s) != 0);
}

/* The registry of the sessions that su and sudo open in here with nested = new: root's, as ours is. */
static int mount_nested(void)
{
	static const char path[] = PNS_REGISTRY "/" PNS_NESTED;

	if (mkdir(path, 0700) < 0 || mount("tmpfs", path, "tmpfs", STAND_IN_FLAGS, NESTED_OPTS) < 0)
		return -errno;
	return 0;
}

/* What hidden things look like: nobody may read it, and nothing is in it. */
static int make_stand_ins(void)
{
	int r = 0;

	if (mkdir(PNS_REGISTRY "/" STAND_INS, 0700) < 0 ||
	    mkdir(PNS_REGISTRY "/" STAND_INS "/dir", 0) < 0 ||
	    mknod(PNS_REGISTRY "/" STAND_INS "/file", S_IFREG, 0) < 0)
		r = -errno;
	return r;
}

/*
 * A tmpfs over the registry: it hides other sessions, its PNS_INSIDE file tells a pam_ns that
 * runs in here where it is, and once it is read-only nobody without CAP_SYS_ADMIN can change that,
 * nor what the mounts and step_files() bind from it.
 */
int step_registry(const struct pns_plan *plan, struct pns_err *err)
{
	char text[64];
	int n, r;

	if (mount("tmpfs", PNS_REGISTRY, "tmpfs", STAND_IN_FLAGS, STAND_IN_OPTS) < 0)
		return mount_failed(err, errno, "mounting over " PNS_REGISTRY);
	n = snprintf(text, sizeof(text), "%s\n", plan->id);
	r = write_file(PNS_INSIDE, text, (size_t)n, NULL);
	if (r == 0)
		r = mount_nested();
	if (r == 0)
		r = make_stand_ins();
	if (r == 0 && renamed(plan))
		r = write_hostname(plan);
	if (r == 0 && renamed(plan))
		r = write_hosts(plan);
	if (r == 0 &&
	    mount(NULL, PNS_REGISTRY, NULL, MS_REMOUNT | MS_RDONLY | STAND_IN_FLAGS, NULL) < 0)
		r = -errno;
	return r < 0 ? mount_failed(err, -r, "writing the session's files in " PNS_REGISTRY) : 0;
}

/* Mounts a file of the stand-in, if it was written, over one of /etc, if that is there. */
static int lay_over(const char *name, const char *target, struct pns_err *err)
{
	walk_auto struct walk walk = PNS_WALK_NONE;
	pns_fd_auto int tree = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), PNS_REGISTRY "/%s", name);
	tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return errno == ENOENT ? 0 : pns_err_sys(err, errno, "%s", path);
	r = walk_open(target, &walk, err);
	if (r < 0 || *walk.rest)
		return r;
	return move_mount(tree, "", walk.fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? mount_failed(err, errno, target)
		       : 0;
}

int step_files(const struct pns_plan *plan, struct pns_err *err)
{
	int r = lay_over("hostname", "/etc/hostname", err);

	(void)plan;
	return r < 0 ? r : lay_over("hosts", "/etc/hosts", err);
}

int step_names(const struct pns_plan *plan, struct pns_err *err)
{
	const char *host = plan->hostname.s, *domain = plan->domainname.s;

	if (sethostname(host, strlen(host)) < 0)
		return pns_err_sys(err, errno, "setting the hostname to %s", host);
	if (*domain && setdomainname(domain, strlen(domain)) < 0)
		return pns_err_sys(err, errno, "setting the domainname to %s", domain);
	return 0;
}
