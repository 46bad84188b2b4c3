// SPDX-License-Identifier: MIT
/*
 * caller SERVICE USER [threads] [thread]: a login program that looks at itself before a session is
 * opened, while it is open, and after, and says "same NAME" or "CHANGED NAME: before / after" of each
 * thing. "threads": a second thread runs all the time; "thread": the session is opened in yet
 * another one. COPIES, PAUSE and REPLACE in the environment: see copies_end(), pause_for_test() and
 * replace_fds(). In between it prints what a child of it sees. Exit status: that of pam_open_session.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PIDFS_MAGIC /* pidfds are an anonymous inode before Linux 6.9 */
#define PIDFS_MAGIC 0x50494446
#endif

#define FACTS 64

struct fact {
	char name[48];
	char value[4096];
};

struct facts {
	int n;
	struct fact fact[FACTS];
};

static volatile sig_atomic_t sigchlds;

static void on_signal(int sig)
{
	(void)sig;
	sigchlds++;
}

static void note(struct facts *facts, const char *name, const char *value)
{
	struct fact *fact = &facts->fact[facts->n++];

	snprintf(fact->name, sizeof(fact->name), "%s", name);
	snprintf(fact->value, sizeof(fact->value), "%s", value);
}

static int threaded;

static void note_links(struct facts *facts, const char *dir, const char *what)
{
	char path[512], target[256], all[4096] = "";
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		/* Not the fd that reads the list; and no thread can aim its children back (EUSERS). */
		if (len > 0 && !strstr(target, "/fd") &&
		    !(threaded && strncmp(entries[i]->d_name, "time_for", 8) == 0)) {
			target[len] = '\0';
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s=%s ",
				 entries[i]->d_name, target);
		}
		free(entries[i]);
	}
	free(entries);
	note(facts, what, all);
}

static void note_signals(struct facts *facts)
{
	char line[256];
	FILE *status = fopen("/proc/thread-self/status", "r");

	while (status && fgets(line, sizeof(line), status)) {
		line[strcspn(line, "\n")] = '\0';
		if ((strncmp(line, "Sig", 3) == 0 && line[3] != 'Q') ||
		    /* SigQ: all of the user's */ strncmp(line, "Shd", 3) == 0 ||
		    strncmp(line, "Cap", 3) == 0 || strncmp(line, "Uid", 3) == 0 ||
		    strncmp(line, "Gid", 3) == 0 || strncmp(line, "Umask", 5) == 0 ||
		    strncmp(line, "NoNewPrivs", 10) == 0 || strncmp(line, "Groups", 6) == 0) {
			char name[32];

			snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, ":"), line);
			note(facts, name, line);
		}
	}
	if (status)
		fclose(status);
}

static void note_numbers(struct facts *facts)
{
	char text[4096] = "", cwd[1024];
	struct rlimit limit;
	struct stat root;
	int subreaper = 0;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit((__rlimit_resource_t)i, &limit);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lx/%lx ",
			 (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
	}
	note(facts, "limits", text);
	note(facts, "cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "none");
	stat("/", &root);
	snprintf(text, sizeof(text), "%lu", (unsigned long)root.st_ino);
	note(facts, "root", text);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	snprintf(text, sizeof(text), "%d", subreaper);
	note(facts, "subreaper", text);
	snprintf(text, sizeof(text), "%d", prctl(PR_GET_DUMPABLE));
	note(facts, "dumpable", text);
	snprintf(text, sizeof(text), "%d", sigchlds);
	note(facts, "SIGCHLDs", text);
	snprintf(text, sizeof(text), "%d", waitpid(-1, NULL, WNOHANG) < 0 ? errno : 0); /* ECHILD */
	note(facts, "children", text);
	snprintf(text, sizeof(text), "%d", waitpid(-1, NULL, WNOHANG | __WALL) < 0 ? errno : 0);
	note(facts, "children of any kind", text);
}

static long long nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

#define DRIFT_MAX 50000000LL /* ns between two reads of a busy machine */

/* The difference of the clocks: a namespace of its own moves some of them and not the others. */
static void note_clocks(struct facts *facts)
{
	static const struct {
		const char *name;
		clockid_t clock;
	} clocks[] = {{"monotonic clock", CLOCK_MONOTONIC}, {"boot clock", CLOCK_BOOTTIME}};
	static long long first[2];
	char text[64];

	for (int i = 0; i < 2; i++) {
		long long ahead = nanoseconds(CLOCK_REALTIME) - nanoseconds(clocks[i].clock);

		if (!first[i])
			first[i] = ahead;
		ahead -= first[i];
		snprintf(text, sizeof(text), "%lld",
			 ahead > -DRIFT_MAX && ahead < DRIFT_MAX ? 0 : ahead);
		note(facts, clocks[i].name, text);
	}
}

extern char **environ;

static void note_environment(struct facts *facts)
{
	char text[4096] = "";

	for (char **e = environ; *e; e++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", *e);
	note(facts, "environment", text);
}

static void look(struct facts *facts, int proc)
{
	*facts = (struct facts){0};
	note_environment(facts);
	note_numbers(facts);
	note_clocks(facts);
	if (!proc)
		return; /* inside, /proc is another pid namespace's */
	note_links(facts, "/proc/self/fd", "fds");
	note_links(facts, "/proc/thread-self/ns", "namespaces");
	note_signals(facts);
}

static void compare(const char *when, const struct facts *a, const struct facts *b)
{
	for (int i = 0; i < b->n; i++)
		for (int j = 0; j < a->n; j++)
			if (strcmp(a->fact[j].name, b->fact[i].name) == 0)
				printf(strcmp(a->fact[j].value, b->fact[i].value) == 0
					       ? "%s: same %s\n"
					       : "%s: CHANGED %s: %s / %s\n",
				       when, b->fact[i].name, a->fact[j].value, b->fact[i].value);
}

static bool had[1024];

/* Of each fd that was not there before: a namespace or a pidfd, and closed on exec? */
static void new_fds(void)
{
	for (int fd = 0; fd < (int)(sizeof(had) / sizeof(had[0])); fd++) {
		int flags = fcntl(fd, F_GETFD);
		struct statfs fs;
		const char *what = "something else";

		if (flags < 0 || had[fd] || fstatfs(fd, &fs) < 0)
			continue;
		if (fs.f_type == NSFS_MAGIC)
			what = "a namespace";
		else if (fs.f_type == PIDFS_MAGIC || fs.f_type == ANON_INODE_FS_MAGIC)
			what = "a pidfd";
		printf("new fd: %s%s\n", what, flags & FD_CLOEXEC ? "" : ", not closed on exec");
	}
}

static void old_fds(void)
{
	for (int fd = 0; fd < (int)(sizeof(had) / sizeof(had[0])); fd++)
		had[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Puts files of its own in the place of all fds that were not there before; are they still? */
static int replaced[2];

static void replace_fds(void)
{
	replaced[0] = replaced[1] = -1;
	for (int fd = 0; fd < (int)(sizeof(had) / sizeof(had[0])); fd++) {
		if (had[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		if (dup3(STDIN_FILENO, fd, O_CLOEXEC) != fd)
			puts("CHANGED: no fd to put there");
		replaced[replaced[0] >= 0] = fd;
	}
}

static void replaced_are_there(const char *who)
{
	printf("%s: its own files are %s\n", who,
	       fcntl(replaced[0], F_GETFD) >= 0 && fcntl(replaced[1], F_GETFD) >= 0 ? "still open"
										    : "closed");
}

/* What a forked copy of the program may do at its end, without meaning the session. */
static void copies_end(pam_handle_t *pamh)
{
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (i & 2)
				replace_fds();
			pam_end(pamh, i & 1 ? PAM_SUCCESS | PAM_DATA_SILENT : PAM_SUCCESS);
			if (i & 2)
				replaced_are_there("copy");
			fflush(stdout);
			_exit(0);
		}
		if (pid < 0)
			printf("copy: fork: %s\n", strerror(errno));
		else
			waitpid(pid, NULL, 0);
	}
	sigchlds = 0;
}

/* For the test to do something in the middle: it says so with a line on stdin. */
static void pause_for_test(void)
{
	char c;

	puts("pause");
	if (read(STDIN_FILENO, &c, 1) < 0)
		puts("CHANGED: stdin");
}

/* A child of the session, as the user's shell would be. */
static void child(const char *what)
{
	char command[1024];
	pid_t pid;

	snprintf(
		command, sizeof(command),
		"echo %s; for n in mnt ipc uts pid net time; do echo \"%s $(readlink /proc/self/ns/$n)\"; "
		"done; echo \"%s fds $(ls -l /proc/self/fd | grep -c -E '(mnt|ipc|uts|pid|net|time|cgroup|socket):.[0-9]|pidfd')\"; "
		"echo \"%s uptime $(cut -d. -f1 /proc/uptime)\"",
		what, what, what, what);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		printf("%s: fork: %s\n", what, strerror(errno));
	else
		waitpid(pid, NULL, 0);
	sigchlds = 0; /* that one was ours */
}

static struct facts before, during, after, bystander[2];
static int stop_pipe[2], looked_pipe[2];

static void look_by(struct facts *facts)
{
	char cwd[1024];

	*facts = (struct facts){0};
	note(facts, "cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "none");
	note_links(facts, "/proc/thread-self/ns", "namespaces");
	note(facts, "/tmp", access("/tmp/of-the-host", F_OK) == 0 ? "the host's" : "another");
}

/* Stands by: looks at itself before, and again when told. */
static void *stand_by(void *arg)
{
	char c;

	look_by(&bystander[0]);
	if (write(looked_pipe[1], "x", 1) != 1 || read(stop_pipe[0], &c, 1) != 1)
		return arg;
	look_by(&bystander[1]);
	compare("other thread", &bystander[0], &bystander[1]);
	if (write(looked_pipe[1], "x", 1) != 1)
		return arg;
	return NULL;
}

/* A thread that is still there when the session is closed: it shares root and cwd with its maker. */
static void *for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)n;
	(void)msg;
	(void)resp;
	(void)data;
	return PAM_CONV_ERR;
}

static char **args;

static void *session(void *ret)
{
	struct pam_conv conv = {converse, NULL};
	pam_handle_t *pamh;
	pthread_t thread;
	int r;

	pam_start(args[1], args[2], &conv, &pamh);
	/* What PAM loads and opens for itself is not the session's. */
	r = getenv("ONCE") ? PAM_ABORT : pam_open_session(pamh, 0);
	if (r == PAM_SUCCESS)
		pam_close_session(pamh, 0);
	if (getenv("EGID") && setegid((gid_t)atoi(getenv("EGID"))) < 0)
		perror("setegid");
	prctl(PR_SET_DUMPABLE, 1); /* which that has changed */
	look(&before, 1);
	old_fds();
	r = pam_open_session(pamh, 0);
	if (r == PAM_SUCCESS) {
		look(&during, 0);
		compare("open", &before, &during);
		new_fds();
		child("inside");
		if (threaded)
			printf("new thread while open: %s\n",
			       strerror(pthread_create(&thread, NULL, for_ever, NULL)));
		if (getenv("COPIES")) {
			copies_end(pamh);
			child("still inside");
		}
		if (getenv("PAUSE"))
			pause_for_test();
		if (getenv("REPLACE"))
			replace_fds();
		if (looked_pipe[1] && write(stop_pipe[1], "x", 1) == 1) {
			char c;

			if (read(looked_pipe[0], &c, 1) != 1)
				puts("CHANGED: the other thread is gone");
		}
		printf("close: %s\n", pam_strerror(pamh, pam_close_session(pamh, 0)));
		if (getenv("REPLACE"))
			replaced_are_there("caller");
		printf("close again: %s\n", pam_strerror(pamh, pam_close_session(pamh, 0)));
	} else {
		printf("open: %s\n", pam_strerror(pamh, r));
	}
	look(&after, 1);
	compare("after", &before, &after);
	child("outside");
	printf("new thread: %s\n", strerror(pthread_create(&thread, NULL, nothing, NULL)));
	pam_end(pamh, r);
	*(int *)ret = r;
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t by, opener;
	int r = 99;
	char c;

	if (argc < 3)
		return 2;
	args = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("IGNORE_SIGCHLD"))
		signal(SIGCHLD, SIG_IGN);
	else
		sigaction(SIGCHLD, &action, NULL);
	if (getenv("SUBREAPER"))
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	threaded = argc > 3;
	if (threaded) {
		if (pipe2(stop_pipe, O_CLOEXEC) || pipe2(looked_pipe, O_CLOEXEC))
			return 2;
		pthread_create(&by, NULL, stand_by, NULL);
		if (read(looked_pipe[0], &c, 1) != 1)
			return 2;
	}
	if (argc > 4) {
		pthread_create(&opener, NULL, session, &r);
		pthread_join(opener, NULL);
	} else {
		session(&r);
	}
	return r;
}
