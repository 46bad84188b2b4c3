// SPDX-License-Identifier: MIT
/*
 * ptyrun SECONDS [PROMPT LINE]... -- PROGRAM ARG...: runs the program as leader of a session of its own
 * on a new terminal, types each LINE when its PROMPT has come, and copies all output. The
 * program's exit status is its own; 124 when time is over.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char seen[1 << 16];
static size_t have, from;

/* Reads what there is; 0 when the terminal is closed. */
static int read_some(int pty, int ms)
{
	struct pollfd wait = {.fd = pty, .events = POLLIN};
	ssize_t n;

	if (poll(&wait, 1, ms) <= 0)
		return 1;
	if (have == sizeof(seen) - 1)
		have = from = 0;
	n = read(pty, seen + have, sizeof(seen) - 1 - have);
	if (n <= 0)
		return 0;
	if (write(STDOUT_FILENO, seen + have, (size_t)n) != n)
		return 0;
	have += (size_t)n;
	seen[have] = '\0';
	return 1;
}

static int answer(int pty, const char *prompt, const char *line)
{
	const char *at = strstr(seen + from, prompt);

	if (!at)
		return 0;
	from = (size_t)(at - seen) + strlen(prompt);
	if (write(pty, line, strlen(line)) < 0 || write(pty, "\n", 1) < 0)
		return -1;
	return 1;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);
	int pty, status, at = 2, dashes = 2;
	pid_t pid;

	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (dashes + 1 >= argc || dashes % 2)
		return 2;
	pid = forkpty(&pty, NULL, NULL, NULL);
	if (pid == 0) {
		execvp(argv[dashes + 1], argv + dashes + 1);
		_exit(127);
	}
	while (pid > 0 && read_some(pty, 100)) {
		if (at < dashes && answer(pty, argv[at], argv[at + 1]) == 1)
			at += 2;
		if (time(NULL) > end) {
			kill(pid, SIGKILL);
			return 124;
		}
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
