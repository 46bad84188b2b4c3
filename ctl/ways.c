// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "live.h"
#include "pam.h"
#include "ways.h"

#define SUDO "/usr/bin/sudo"

static void say(struct way_result *result, enum way_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct way_result *result, enum way_state state, const char *fmt, ...)
{
	va_list args;

	result->state = state;
	va_start(args, fmt);
	vsnprintf(result->detail, sizeof(result->detail), fmt, args);
	va_end(args);
}

/* ---- sockets by path ---- */

static void expand(const struct way_context *context, const char *path, char *buf, size_t size)
{
	const char *at = strstr(path, "%U");

	if (at)
		snprintf(buf, size, "%.*s%u%s", (int)(at - path), path, context->plan->who.uid,
			 at + 2);
	else
		snprintf(buf, size, "%s", path);
}

/* A queue that is full answers too. */
static bool answers(const char *path, int type)
{
	pns_fd_auto int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return false;
	strcpy(addr.sun_path, path);
	return fd >= 0 &&
	       (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN);
}

static bool socket_answers(const char *path)
{
	return answers(path, SOCK_STREAM) || answers(path, SOCK_SEQPACKET) ||
	       answers(path, SOCK_DGRAM);
}

static bool has_socket(const struct way_context *context, const struct way *way,
		       struct way_result *result)
{
	char path[256];
	struct stat st;

	for (size_t i = 0; i < 8 && way->path[i]; i++) {
		expand(context, way->path[i], path, sizeof(path));
		if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
			say(result, WAY_CLOSED, "%s is out of reach", path);
			return true;
		}
	}
	return false;
}

static void try_socket(const struct way_context *context, const struct way *way,
		       struct way_result *result)
{
	char path[256];

	for (size_t i = 0; i < 8 && way->path[i]; i++) {
		expand(context, way->path[i], path, sizeof(path));
		if (socket_answers(path)) {
			say(result, WAY_OPEN, "%s answers", path);
			return;
		}
	}
}

/* ---- sockets that no row names ---- */

/* They log, or look names up: nothing is run for who asks. */
static const char *const harmless[] = {
	"/run/systemd/journal/",
	"/run/systemd/userdb/",
	"/run/systemd/notify",
	"/dev/log",
	"/run/nscd/",
	"/run/sssd/",
	"/var/lib/sss/pipes/",
	"/run/systemd/resolve/",
	"/run/nslcd/",
	"/run/pam_ns/",
	"/var/run/nscd/",
};

static bool is_known(const struct way_context *context, const char *path)
{
	char known[256];

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strncmp(path, harmless[i], strlen(harmless[i])) == 0)
			return true;
	for (size_t i = 0; i < way_count; i++) {
		for (size_t k = 0; k < 8 && ways[i].path[k]; k++) {
			expand(context, ways[i].path[k], known, sizeof(known));
			/* /var/run is /run. */
			if (strcmp(path, known) == 0 ||
			    (strncmp(path, "/var/run/", 9) == 0 && strcmp(path + 4, known) == 0))
				return true;
		}
	}
	return false;
}

void ways_find_others(struct way_context *context)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512];

	while (file && context->others < OTHERS_MAX && fgets(line, sizeof(line), file)) {
		unsigned int flags;
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*s %*s %X %*s %*s %*s %n", &flags, &at) != 1 ||
		    !(flags & 0x10000) || !at || line[at] != '/' || is_known(context, line + at))
			continue;
		context->other[context->others] = strdup(line + at);
		context->others += context->other[context->others] != NULL;
	}
	if (file)
		fclose(file);
}

static bool has_others(const struct way_context *context, const struct way *way,
		       struct way_result *result)
{
	(void)way;
	say(result, WAY_CLOSED, "none of %zu answers", context->others);
	return context->others > 0;
}

static void try_others(const struct way_context *context, const struct way *way,
		       struct way_result *result)
{
	char list[400] = "";
	size_t n = 0;

	(void)way;
	for (size_t i = 0; i < context->others; i++) {
		const size_t len = strlen(list);

		if (!socket_answers(context->other[i]))
			continue;
		n++;
		if (len + strlen(context->other[i]) + 2 < sizeof(list))
			snprintf(list + len, sizeof(list) - len, " %s", context->other[i]);
	}
	if (n)
		say(result, WAY_OPEN, "%zu answer%s:%s", n, n == 1 ? "s" : "", list);
}

/* ---- processes, network ---- */

static bool always(const struct way_context *context, const struct way *way,
		   struct way_result *result)
{
	(void)context;
	(void)way;
	(void)result;
	return true;
}

/* Not by its number, which means another process inside or none: any that is in other mounts will do. */
static void try_proc(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	char path[300], own[64] = "", theirs[64];
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	ssize_t n;

	(void)context;
	(void)way;
	say(result, WAY_CLOSED, "no process outside is to be seen");
	if (readlink("/proc/self/ns/mnt", own, sizeof(own) - 1) < 0)
		say(result, WAY_CLOSED, "/proc cannot be read");
	while (dir && own[0] && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
		n = readlink(path, theirs, sizeof(theirs) - 1);
		if (n <= 0)
			continue;
		theirs[n] = '\0';
		snprintf(path, sizeof(path), "/proc/%s/root/", entry->d_name);
		if (strcmp(own, theirs) != 0 && access(path, X_OK) == 0) {
			say(result, WAY_OPEN, "%s leads to the host's files", path);
			break;
		}
	}
	/* Without mounts of its own the session has the host's files anyway. */
	if (!context->plan->isolate || !context->plan->mount)
		say(result, WAY_OPEN, "the session has the host's own mounts");
	if (dir)
		closedir(dir);
}

static void try_signal(const struct way_context *context, const struct way *way,
		       struct way_result *result)
{
	const struct pns_plan *plan = context->plan;

	(void)way;
	/* With pids of its own that number is nobody's, or one of the session's. */
	if (plan->isolate && plan->pid)
		say(result, WAY_CLOSED, "process %d is not there", context->victim);
	else if (kill(context->victim, 0) == 0)
		say(result, WAY_OPEN, "process %d outside takes signals and ptrace",
		    context->victim);
}

static void try_abstract(const struct way_context *context, const struct way *way,
			 struct way_result *result)
{
	pns_fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const size_t len = strlen(context->abstract);

	(void)way;
	memcpy(addr.sun_path + 1, context->abstract, len);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) == 0)
		say(result, WAY_OPEN, "one of a process outside answers");
	else
		say(result, WAY_CLOSED, "one of a process outside does not answer");
}

static bool connects(unsigned short port)
{
	pns_fd_auto int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return true;
	return errno == EINPROGRESS && poll(&wait, 1, 1000) == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static void try_port(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	(void)way;
	if (connects(context->port))
		say(result, WAY_OPEN, "what listens on the host's 127.0.0.1 answers");
	else
		say(result, WAY_CLOSED, "what listens on the host's 127.0.0.1 does not answer");
}

/* ---- programs that start others elsewhere ---- */

/* Is pam_ns required when the service opens a session? */
static bool is_isolated(const char *service)
{
	struct pam_stack stack;
	bool found = false;
	char buf[8];

	if (pam_read(service, &stack) < 0)
		return false;
	for (size_t i = 0; i < stack.n; i++)
		found |= pam_is(&stack.line[i], "pam_ns.so") &&
			 strcmp(stack.line[i].control, "required") == 0 &&
			 !pam_arg(&stack.line[i], "close", buf, sizeof(buf));
	pam_free(&stack);
	return found;
}

/* "atd crond": is one of the services isolated? */
static const char *isolated_service(const struct way *way, char *buf, size_t size)
{
	for (const char *at = way->service; *at;) {
		const size_t len = strcspn(at, " ");

		snprintf(buf, size, "%.*s", (int)len, at);
		if (is_isolated(buf))
			return buf;
		at += len + (at[len] == ' ');
	}
	return NULL;
}

static bool in_file(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[300];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		found = strcmp(line, name) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

static bool has_ssh(const struct way_context *context, const struct way *way,
		    struct way_result *result)
{
	char buf[32];

	(void)context;
	say(result, WAY_CLOSED, "port 22 does not answer");
	if (isolated_service(way, buf, sizeof(buf)))
		say(result, WAY_CLOSED, "such a login is isolated alike");
	return connects(22);
}

static void try_ssh(const struct way_context *context, const struct way *way,
		    struct way_result *result)
{
	char buf[32];

	(void)context;
	if (connects(22) && !isolated_service(way, buf, sizeof(buf)))
		say(result, WAY_OPEN, "port 22 answers, and its logins are not isolated");
}

/* at and cron: the daemon outside starts the job, by its own PAM stack. */
static bool has_jobs(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	const char *user = context->plan->who.user;
	const char *service;
	char buf[32];

	if (access(way->program, X_OK) < 0)
		return false;
	service = isolated_service(way, buf, sizeof(buf));
	if (service)
		say(result, WAY_CLOSED, "its jobs are isolated alike (/etc/pam.d/%s)", service);
	else if (access(way->allow, F_OK) == 0 ? !in_file(way->allow, user)
					       : in_file(way->deny, user))
		say(result, WAY_CLOSED, "%s may not use it (%s)", user,
		    access(way->allow, F_OK) == 0 ? way->allow : way->deny);
	else
		say(result, WAY_OPEN, "its jobs run outside");
	return true;
}

/* They write to a spool that is not the user's by a setuid or setgid bit. */
static void try_jobs(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	(void)context;
	if (result->state != WAY_OPEN)
		return;
	if (access(way->program, X_OK) < 0)
		say(result, WAY_CLOSED, "%s cannot be run inside", way->program);
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		say(result, WAY_CLOSED, "no_new_privs takes %s its rights", way->program);
}

/* What sudo itself says; root may ask about anybody. */
static bool may_sudo(const char *user)
{
	const char *argv[] = {SUDO, "-n", "-l", "-U", user, NULL};
	char text[16384];
	size_t len = 0;
	ssize_t n;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
			_exit(127);
		clearenv();
		setenv("LC_ALL", "C", 1);
		execv(SUDO, (char **)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	while (pid > 0 && len < sizeof(text) - 1 &&
	       (n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(ends[0]);
	text[len] = '\0';
	return pid > 0 && waitpid(pid, &status, 0) == pid && strstr(text, "may run the following");
}

static bool has_sudo(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	(void)way;
	if (access(SUDO, X_OK) < 0 || !may_sudo(context->plan->who.user))
		return false;
	say(result, WAY_OPEN, "sudo lets the user be root, who can leave a session");
	return true;
}

/* Root with one of these can reach the host's disks, kernel or processes. */
static void try_sudo(const struct way_context *context, const struct way *way,
		     struct way_result *result)
{
	static const int telling[] = {CAP_SYS_ADMIN, CAP_SYS_PTRACE,	  CAP_SYS_MODULE,
				      CAP_SYS_RAWIO, CAP_DAC_READ_SEARCH, CAP_MKNOD,
				      CAP_SYS_BOOT};
	bool some = false;

	(void)way;
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
		some |= prctl(PR_CAPBSET_READ, telling[i], 0, 0, 0) == 1;
	if (!context->plan->isolate)
		return;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		say(result, WAY_CLOSED, "sudo rules, but no_new_privs takes sudo its rights");
	else if (!some)
		say(result, WAY_CLOSED, "sudo rules, but not the capabilities to leave");
}

const struct way ways[] = {
	{"systemd-run --user", "buses = hide", has_socket, try_socket,
	 .path = {"/run/user/%U/systemd/private", "/run/user/%U/bus"}},
	{"system D-Bus", "buses = hide", has_socket, try_socket,
	 .path = {"/run/dbus/system_bus_socket", "/run/systemd/private"}},
	{"at", "pam_ns.so in /etc/pam.d/atd, or the user in /etc/at.deny", has_jobs, try_jobs,
	 .service = "atd", .program = "/usr/bin/at", .allow = "/etc/at.allow",
	 .deny = "/etc/at.deny"},
	{"cron", "pam_ns.so in /etc/pam.d/cron (crond), or the user in /etc/cron.deny", has_jobs,
	 try_jobs, .service = "cron crond", .program = "/usr/bin/crontab",
	 .allow = "/etc/cron.allow", .deny = "/etc/cron.deny"},
	{"docker", "hide.docker = /run/docker.sock", has_socket, try_socket,
	 .path = {"/run/docker.sock"}},
	{"podman", "hide.podman = /run/podman", has_socket, try_socket,
	 .path = {"/run/podman/podman.sock", "/run/user/%U/podman/podman.sock"}},
	{"containerd, cri-o", "hide.containerd = /run/containerd /run/crio", has_socket, try_socket,
	 .path = {"/run/containerd/containerd.sock", "/run/crio/crio.sock"}},
	{"lxd, incus", "hide.lxd = the socket's directory", has_socket, try_socket,
	 .path = {"/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket",
		  "/var/lib/incus/unix.socket"}},
	{"libvirt", "hide.libvirt = /run/libvirt", has_socket, try_socket,
	 .path = {"/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"}},
	{"snapd", "hide.snapd = /run/snapd.socket", has_socket, try_socket,
	 .path = {"/run/snapd.socket"}},
	{"other sockets by path", "hide.LABEL = PATH", has_others, try_others, .path = {NULL}},
	{"abstract sockets", "network = loopback", always, try_abstract, .path = {NULL}},
	{"/proc/PID/root", "pid = yes", always, try_proc, .path = {NULL}},
	{"signals, ptrace", "pid = yes", always, try_signal, .path = {NULL}},
	{"ssh to localhost", "network = loopback, or pam_ns.so in /etc/pam.d/sshd", has_ssh,
	 try_ssh, .service = "sshd"},
	{"the host's 127.0.0.1", "network = loopback", always, try_port, .path = {NULL}},
	{"sudo", "no_new_privs = yes, capabilities = none, or no rule in sudoers", has_sudo,
	 try_sudo, .path = {NULL}},
};

const size_t way_count = sizeof(ways) / sizeof(ways[0]);
