// SPDX-License-Identifier: MIT
/*
 * crowd SERVICE USER N [together]: N login programs open a session each, one after another or all
 * together, and say how it went: "opened", "denied", and in how many network namespaces their
 * children are, the caller's own counted as "host". They stay until a line comes on standard input, then
 * close: "closed" counts those that could. Exit status: 0 if nothing was denied.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS "/proc/self/ns/net"

struct report {
	int result;
	char ns[64];
};

static int start[2], reports[2], stay[2];

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)n;
	(void)msg;
	(void)resp;
	(void)data;
	return PAM_CONV_ERR;
}

static void read_ns(char *buf, size_t size)
{
	char path[64] = NS;
	ssize_t n = readlink(path, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

/* What a child of the program has, as a user's process would: /proc is the session's own. */
static void look(struct report *report)
{
	int out[2];
	pid_t pid;

	if (pipe(out) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		read_ns(report->ns, sizeof(report->ns));
		_exit(write(out[1], report->ns, sizeof(report->ns)) < 0);
	}
	close(out[1]);
	if (pid < 0 || read(out[0], report->ns, sizeof(report->ns)) <= 0)
		strcpy(report->ns, "none");
	close(out[0]);
	waitpid(pid, NULL, 0);
}

__attribute__((noreturn)) static void be_program(const char *service, const char *user)
{
	struct pam_conv conv = {converse, NULL};
	struct report report = {0};
	pam_handle_t *pamh;
	char c;

	close(start[1]);
	close(reports[0]);
	close(stay[1]);
	pam_start(service, user, &conv, &pamh);
	if (read(start[0], &c, 1) < 0) /* closed by the parent: go */
		_exit(2);
	report.result = pam_open_session(pamh, 0);
	if (report.result == PAM_SUCCESS)
		look(&report);
	if (write(reports[1], &report, sizeof(report)) < 0 || read(stay[0], &c, 1) < 0)
		_exit(2);
	_exit(report.result == PAM_SUCCESS ? pam_close_session(pamh, 0) : 1);
}

static struct {
	int opened, denied, host, namespaces;
	char (*list)[64];
} seen;

static int count_one(const char *own)
{
	struct report report;
	int i = 0;

	if (read(reports[0], &report, sizeof(report)) != sizeof(report))
		return -1;
	if (report.result != PAM_SUCCESS) {
		seen.denied++;
		return 0;
	}
	seen.opened++;
	seen.host += strcmp(report.ns, own) == 0;
	while (i < seen.namespaces && strcmp(seen.list[i], report.ns) != 0)
		i++;
	strcpy(seen.list[i], report.ns);
	if (i == seen.namespaces)
		seen.namespaces++;
	return 0;
}

int main(int argc, char **argv)
{
	const int n = argc > 3 ? atoi(argv[3]) : 0;
	const int together = argc > 4;
	int closed = 0, status;
	char own[64], c;

	seen.list = calloc((size_t)n + 1, sizeof(*seen.list));
	if (n < 1 || !seen.list || pipe(start) || pipe(reports) || pipe(stay))
		return 2;
	read_ns(own, sizeof(own));
	if (!together)
		close(start[1]);
	for (int i = 0; i < n; i++) {
		if (fork() == 0)
			be_program(argv[1], argv[2]);
		if (!together && count_one(own) < 0)
			return 2;
	}
	if (together)
		close(start[1]);
	for (int i = 0; together && i < n; i++)
		if (count_one(own) < 0)
			return 2;
	printf("opened %d denied %d namespaces %d host %d\n", seen.opened, seen.denied,
	       seen.namespaces, seen.host);
	fflush(stdout);
	if (read(STDIN_FILENO, &c, 1) < 0)
		return 2;
	close(stay[1]);
	while (wait(&status) > 0)
		closed += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	printf("closed %d\n", closed);
	return seen.denied != 0;
}
