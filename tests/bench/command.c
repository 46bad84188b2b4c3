// SPDX-License-Identifier: MIT
/* A program that isolates by itself: command N PROGRAM [ARG...] runs it N times. */
#include "round.h"

static void run_command(void *data)
{
	char *const *argv = data;

	execv(argv[0], argv);
	die(argv[0]);
}

int main(int argc, char **argv)
{
	const struct candidate command = {.open = run_command, .data = argv + 2};

	if (argc < 3) {
		fprintf(stderr, "usage: command N PROGRAM [ARG...]\n");
		return 2;
	}
	run_rounds(&command, atol(argv[1]));
	return 0;
}
