// SPDX-License-Identifier: MIT
/*
 * The floor: the kernel calls without which there is no session of the default policy, all its
 * mounts among them, and nothing else. No exec, no PAM, no policy, no registry, no check.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "round.h"

#define FLAGS	 (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET)
#define REGISTRY "/run/pam_ns"
#define SYSTEMD	 "/run/systemd"
#define MAX_SUB	 64

static const struct {
	const char *name;
	int flag;
} spaces[] = {
	{"mnt", CLONE_NEWNS},
	{"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS},
	{"pid_for_children", CLONE_NEWPID},
	{"time_for_children", CLONE_NEWTIME},
	{"net", CLONE_NEWNET},
};

#define COUNT (sizeof(spaces) / sizeof(spaces[0]))

/* What is mounted below /sys is found once: reading it is not the kernel's cost. */
static char *below_sys[MAX_SUB];
static int subs;

/* As are the directories of /run/systemd, which stay when its sockets are hidden. */
static char *in_systemd[MAX_SUB];
static int kept;

static void need(const char *what, long r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

static void find_below_sys(void)
{
	char line[8192], path[4096];
	int id, parent, sys = -1;
	FILE *file;

	for (int pass = 0; pass < 2; pass++) {
		file = fopen("/proc/self/mountinfo", "re");
		need("/proc/self/mountinfo", file ? 0 : -1);
		while (fgets(line, sizeof(line), file)) {
			if (sscanf(line, "%d %d %*s %*s %4095s", &id, &parent, path) != 3)
				continue;
			if (pass == 0 && strcmp(path, "/sys") == 0)
				sys = id;
			if (pass == 1 && parent == sys && strcmp(path, "/sys") != 0 &&
			    subs < MAX_SUB)
				below_sys[subs++] = strdup(path);
		}
		fclose(file);
	}
}

static void find_in_systemd(void)
{
	DIR *dir = opendir(SYSTEMD);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && kept < MAX_SUB)
			in_systemd[kept++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
}

static void mount_sys(void)
{
	int tree[MAX_SUB];

	for (int i = 0; i < subs; i++)
		need("open_tree",
		     tree[i] = open_tree(AT_FDCWD, below_sys[i],
					 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
	need("/sys", mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	for (int i = 0; i < subs; i++) {
		if (move_mount(tree[i], "", AT_FDCWD, below_sys[i], MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
		    errno != ENOENT)
			need("move_mount", -1);
		close(tree[i]);
	}
}

static void mount_tmpfs(const char *path)
{
	need(path, mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV,
			 "mode=1777,size=10%,nr_inodes=100000"));
}

/*
 * The registry's stand-in, sealed, with the file that marks a session, what hidden things look like, and
 * the place for sessions within.
 */
static void mount_stand_in(void)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int fd;

	need(REGISTRY, mount("tmpfs", REGISTRY, "tmpfs", flags, "mode=755,size=4m,nr_inodes=16"));
	need("mark", fd = open(REGISTRY "/inside", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	need("mark", write(fd, "0.1\n", 4));
	close(fd);
	need("hidden", mkdir(REGISTRY "/hidden", 0));
	need("nested", mkdir(REGISTRY "/nested", 0700));
	need("nested",
	     mount("tmpfs", REGISTRY "/nested", "tmpfs", flags, "mode=700,size=16m,nr_inodes=4k"));
	need("seal", mount(NULL, REGISTRY, NULL, MS_REMOUNT | MS_RDONLY | flags, NULL));
}

/* The buses: D-Bus hidden, of /run/systemd the directories alone, and a /run/user of the session's. */
static void hide_buses(void)
{
	struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
	int tree[MAX_SUB], fd;

	need("/run/dbus", mount(REGISTRY "/hidden", "/run/dbus", NULL, MS_BIND, NULL));
	need(SYSTEMD, fd = open(SYSTEMD, O_PATH | O_CLOEXEC));
	for (int i = 0; i < kept; i++)
		need("open_tree",
		     tree[i] = open_tree(fd, in_systemd[i],
					 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
	close(fd);
	need(SYSTEMD, mount("tmpfs", SYSTEMD, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m"));
	need(SYSTEMD, fd = open(SYSTEMD, O_PATH | O_CLOEXEC));
	for (int i = 0; i < kept; i++) {
		need("mkdir", mkdirat(fd, in_systemd[i], 0755));
		need("move_mount",
		     move_mount(tree[i], "", fd, in_systemd[i], MOVE_MOUNT_F_EMPTY_PATH));
		close(tree[i]);
	}
	need("seal", mount_setattr(fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)));
	close(fd);
	mount_tmpfs("/run/user");
	need("/run/user", mkdir("/run/user/1000", 0700));
	need("/run/user", chown("/run/user/1000", 1000, 1000));
}

static void lo_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	need("socket", fd);
	need("lo", ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

__attribute__((noreturn)) static void init(int ready)
{
	struct utsname uts;

	need("slave", mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	need("/proc",
	     mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible"));
	mount_sys();
	mount_tmpfs("/tmp");
	mount_tmpfs("/var/tmp");
	mount_tmpfs("/dev/shm");
	if (mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
	    errno != ENOENT)
		need("/dev/mqueue", -1);
	mount_stand_in();
	hide_buses();
	uname(&uts);
	need("sethostname", sethostname(uts.nodename, strlen(uts.nodename)));
	lo_up();
	need("ready", write(ready, "", 1));
	for (;;)
		pause();
}

struct session {
	int saved[COUNT], init;
};

static void open_session(void *data)
{
	struct session *session = data;
	struct clone_args args = {.flags = FLAGS | CLONE_PIDFD, .exit_signal = SIGCHLD};
	char path[64], byte;
	int ready[2];
	long pid;

	for (size_t i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i].name);
		need(path, session->saved[i] = open(path, O_RDONLY | O_CLOEXEC));
	}
	need("unshare time", unshare(CLONE_NEWTIME));
	need("pipe", pipe2(ready, O_CLOEXEC));
	args.pidfd = (uint64_t)(uintptr_t)&session->init;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	need("clone3", pid);
	if (pid == 0)
		init(ready[1]);
	close(ready[1]);
	need("ready", read(ready[0], &byte, 1) == 1 ? 0 : -1);
	close(ready[0]);
	need("setns", setns(session->init, FLAGS));
}

static void close_session(void *data)
{
	struct session *session = data;

	for (size_t i = 0; i < COUNT; i++) {
		need("setns back", setns(session->saved[i], spaces[i].flag));
		close(session->saved[i]);
	}
	need("kill", syscall(SYS_pidfd_send_signal, session->init, SIGKILL, NULL, 0));
	need("wait", waitpid(-1, NULL, __WALL));
	close(session->init);
}

int main(int argc, char **argv)
{
	struct session session = {.init = -1};
	const struct candidate floor = {
		.open = open_session, .close = close_session, .data = &session};

	find_below_sys();
	find_in_systemd();
	if (argc < 2 || run(&floor, argv + 1) != 0) {
		fprintf(stderr, "usage: floor rounds N | rate K N | hold N\n");
		return 2;
	}
	return 0;
}
