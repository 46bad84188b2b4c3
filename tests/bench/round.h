/* SPDX-License-Identifier: MIT */
/*
 * What all candidates are measured with. A round is a process of its own, as a login is,
 * and because not every candidate has a way back out of what it makes. Four spans in
 * nanoseconds, a line a round:
 *
 *	start	what a login program does before (pam_start); 0 for the bare kernel calls
 *	open	until the program stands in the session
 *	close	until it is back, or has given the session up
 *	whole	from before open until the parent has seen the process end: the one fair
 *		span for who undoes its work in close and who leaves that to exit
 */
#ifndef BENCH_ROUND_H
#define BENCH_ROUND_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the kernel puts off, as freeing a network namespace, is not the next round's. */
#define PAUSE_US 3000

struct round {
	int64_t begin, started, opened, closed;
};

static inline int64_t now_ns(void)
{
	struct timespec now;

	/* A time namespace may move CLOCK_MONOTONIC between two readings. */
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Runs round() in a fresh child each time; it fills in the times, exits on failure. */
static inline int run_rounds(long count, void (*round)(struct round *, void *), void *data)
{
	struct round *times = mmap(NULL, sizeof(*times), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t end;
	int status;
	pid_t pid;

	if (times == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (long i = 0; i < count; i++) {
		pid = fork();
		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0) {
			round(times, data);
			_exit(0);
		}
		while (waitpid(pid, &status, 0) != pid)
			;
		end = now_ns();
		if (status != 0) {
			fprintf(stderr, "round %ld failed\n", i);
			return 1;
		}
		printf("%lld %lld %lld %lld\n", (long long)(times->started - times->begin),
		       (long long)(times->opened - times->started),
		       (long long)(times->closed - times->opened),
		       (long long)(end - times->started));
		usleep(PAUSE_US);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

#endif
