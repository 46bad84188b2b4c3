// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "nstab.h"
#include "steps.h"
#include "wire.h"

#define NETNS_DIR "/run/netns/" /* where ip-netns(8) keeps them */
#define NETNS_ETC "/etc/netns/" /* ... and the files that go with them */

static bool is_net_namespace(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int step_named_network(const struct pns_plan *plan, struct pns_err *err)
{
	const char *name = plan->network.name;
	char path[sizeof(NETNS_DIR) + sizeof(plan->network.name)];
	pns_fd_auto int fd = -1;
	int r;

	snprintf(path, sizeof(path), NETNS_DIR "%s", name);
	r = pns_fd_open_trusted(path, O_RDONLY, S_IFREG, &fd, err);
	if (r < 0 && r != -ENOENT)
		return r;
	/* A file without a namespace on it is what a deleted one, or a crash of ip, leaves. */
	if (r == -ENOENT || !is_net_namespace(fd))
		return pns_err_add(err, ENOENT,
				   "network = %s: no network namespace is there: make it with ip "
				   "netns add %s, or write loopback, host or off",
				   name, name);
	if (setns(fd, CLONE_NEWNET) < 0)
		return pns_err_sys(err, errno, "network = %s: joining the network namespace", name);
	return 0;
}

/* Where the network comes from: -1 if there is none to be made, or it has come. */
static int maker = -1;

__attribute__((noreturn)) static void make_network(int sock)
{
	struct pns_msg msg = {.kind = PNS_MSG_NETWORK};
	int fd = -1;

	/* Nothing of the session may live on in here if the kernel takes long: not its lock, not our socket. */
	if (dup2(sock, PNS_HELPER_SOCK) < 0 || close_range(PNS_HELPER_SOCK + 1, ~0U, 0) < 0 ||
	    unshare(CLONE_NEWNET) < 0)
		msg.code = errno;
	else
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && msg.code == 0)
		msg.code = errno;
	_exit(pns_fd_send(PNS_HELPER_SOCK, &msg, sizeof(msg), &fd, fd >= 0) < 0);
}

int network_begin(const struct pns_plan *plan, struct pns_err *err)
{
	int pair[2];
	pid_t pid;

	if (plan->network.mode != PNS_NETWORK_LOOPBACK && plan->network.mode != PNS_NETWORK_OFF)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return pns_err_sys(err, errno, "socketpair");
	pid = fork();
	if (pid == 0)
		make_network(pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pns_err_sys(err, errno, "fork for the network namespace");
	}
	maker = pair[0];
	return 0;
}

static int receive_network(int *ret_fd, struct pns_err *err)
{
	pns_fd_auto int sock = pns_fd_steal(&maker);
	struct pns_msg msg;
	ssize_t n = recv(sock, &msg, sizeof(msg), MSG_PEEK);
	const bool made = n == sizeof(msg) && msg.kind == PNS_MSG_NETWORK && msg.code == 0;

	if (n > 0)
		n = pns_fd_recv(sock, &msg, sizeof(msg), ret_fd, made);
	if (n != sizeof(msg) || msg.kind != PNS_MSG_NETWORK)
		return pns_err_sys(err, n < 0 ? (int)-n : EPROTO,
				   "receiving the network namespace");
	return made ? 0 : pns_ns_explain(&pns_nstab[PNS_NS_NET], msg.code, err);
}

int step_new_network(const struct pns_plan *plan, struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	int r;

	(void)plan;
	if (maker < 0)
		return 0;
	r = receive_network(&fd, err);
	if (r < 0)
		return r;
	if (!is_net_namespace(fd))
		return pns_err_add(err, EPROTO, "what came is no network namespace");
	if (setns(fd, CLONE_NEWNET) < 0)
		return pns_err_sys(err, errno, "joining the network namespace");
	return 0;
}

/* One file or directory of /etc/netns/NAME over its namesake in /etc, if that exists. */
static int lay_over_etc(int dir, const char *name)
{
	pns_fd_auto int target = -1;
	pns_fd_auto int tree = -1;
	char path[sizeof("/etc/") + NAME_MAX];

	/* /etc is root's, and so is a symlink in it, such as that of /etc/resolv.conf. */
	snprintf(path, sizeof(path), "/etc/%s", name);
	target = open(path, O_PATH | O_CLOEXEC);
	if (target < 0)
		return errno == ENOENT ? 0 : -errno;
	tree = open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 ||
	    move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int step_netns_etc(const struct pns_plan *plan, struct pns_err *err)
{
	char path[sizeof(NETNS_ETC) + sizeof(plan->network.name)], what[2 * NAME_MAX + 64];
	struct dirent *entry;
	int fd = -1, r;
	DIR *dir;

	snprintf(path, sizeof(path), NETNS_ETC "%s", plan->network.name);
	r = pns_fd_open_trusted(path, O_RDONLY | O_DIRECTORY, S_IFDIR, &fd, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	dir = fdopendir(fd);
	if (!dir) {
		pns_fd_close(&fd);
		return pns_err_sys(err, ENOMEM, "%s", path);
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = lay_over_etc(fd, entry->d_name);
		if (r < 0) {
			snprintf(what, sizeof(what), "laying %s/%s over that of /etc", path,
				 entry->d_name);
			/* Nothing else is wrong with them: a detached mount over a path of ours. */
			if (r == -EINVAL || r == -ENOTDIR)
				pns_err_add(err, -r,
					    "%s: one is a file and one a directory: make "
					    "them alike",
					    what);
			else
				mount_failed(err, -r, what);
		}
	}
	closedir(dir);
	return r;
}

/* Its addresses come by themselves: the kernel gives lo 127.0.0.1/8 and ::1 when it goes up. */
int step_loopback(const struct pns_plan *plan, struct pns_err *err)
{
	pns_fd_auto int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_name = "lo"};

	(void)plan;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return pns_err_sys(err, errno, "finding lo");
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return pns_err_sys(err, errno, "bringing lo up");
	return 0;
}

/* The names were checked to be namespaced ones, so /proc/sys means our namespaces' own. */
static int write_sysctl(const char *name, const char *value)
{
	char path[320] = "/proc/sys/";
	const size_t prefix = strlen(path);
	pns_fd_auto int fd = -1;
	int r;

	if (strlen(name) >= sizeof(path) - prefix)
		return -ENAMETOOLONG;
	strcpy(path + prefix, name);
	for (char *p = path + prefix; *p; p++)
		if (*p == '.')
			*p = '/';
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = pns_fd_write_all(fd, value, strlen(value));
	return r == -ENOSPC ? -EINVAL : r; /* it took only a part */
}

int step_sysctl(const struct pns_plan *plan, struct pns_err *err)
{
	for (size_t i = 0; i < plan->sysctl.n; i++) {
		const struct pns_item *item = &plan->sysctl.item[i];
		int r = write_sysctl(item->label, item->value);

		if (r == -ENOENT)
			return pns_err_add(err, ENOENT,
					   "sysctl.%s = %s: this kernel has no such "
					   "setting: take it out of the policy",
					   item->label, item->value);
		if (r < 0)
			return pns_err_sys(err, -r, "sysctl.%s = %s", item->label, item->value);
	}
	return 0;
}
