/* SPDX-License-Identifier: MIT */
/*
 * What all candidates are measured with. A candidate is opened and closed; a round is both, in a
 * process of its own, as a login is, and because not every candidate has a way back out of what it
 * makes. Three ways to run one, chosen by the first argument:
 *
 *	rounds N	N rounds, one after the other; a line of four spans in nanoseconds for each:
 *		start	what a login program does before (pam_start); 0 for the bare kernel calls
 *		open	until the program stands in the session
 *		close	until it is back, or has given the session up
 *		whole	from before open until the parent has seen the process end: the one fair
 *			span for who undoes its work in close and who leaves that to exit
 *	rate K N	N rounds in each of K processes at a time; nanoseconds a round, as seen from outside
 *	hold N		N sessions open at a time; says "ready", and closes them when stdin ends
 */
#ifndef BENCH_ROUND_H
#define BENCH_ROUND_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the kernel puts off, as freeing a network namespace, is not the next round's. */
#define PAUSE_US 3000

/* Each ends the process with a message if it fails; start and end may be NULL. */
struct candidate {
	void (*start)(void *data, long number);
	void (*open)(void *data);
	void (*close)(void *data);
	void (*end)(void *data);
	void *data;
};

struct times {
	int64_t begin, started, opened, closed;
};

static inline int64_t now_ns(void)
{
	struct timespec now;

	/* A time namespace may move CLOCK_MONOTONIC between two readings. */
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void die(const char *what)
{
	perror(what);
	_exit(1);
}

static inline pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

static inline void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		;
	if (status != 0)
		_exit(1); /* it has said why */
}

static inline void one_round(const struct candidate *c, struct times *times)
{
	times->begin = now_ns();
	if (c->start)
		c->start(c->data, 0);
	times->started = times->opened = times->closed = now_ns();
	c->open(c->data);
	times->opened = now_ns();
	if (c->close)
		c->close(c->data);
	times->closed = now_ns();
	if (c->end)
		c->end(c->data);
	_exit(0);
}

static inline struct times *shared_times(void)
{
	struct times *times = mmap(NULL, sizeof(*times), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (times == MAP_FAILED)
		die("mmap");
	return times;
}

static inline void run_rounds(const struct candidate *c, long count)
{
	struct times *times = shared_times();
	int64_t end;
	pid_t pid;

	for (long i = 0; i < count; i++) {
		pid = fork_or_die();
		if (pid == 0)
			one_round(c, times);
		wait_for(pid);
		end = now_ns();
		printf("%lld %lld %lld %lld\n", (long long)(times->started - times->begin),
		       (long long)(times->opened - times->started),
		       (long long)(times->closed - times->opened),
		       (long long)(end - times->started));
		usleep(PAUSE_US);
	}
}

static inline void run_rate(const struct candidate *c, long workers, long count)
{
	struct times *times = shared_times();
	int64_t begin = now_ns();
	int status;
	pid_t pid;

	for (long w = 0; w < workers; w++) {
		if (fork_or_die() != 0)
			continue;
		for (long i = 0; i < count; i++) {
			pid = fork_or_die();
			if (pid == 0)
				one_round(c, times);
			wait_for(pid);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status != 0)
			_exit(1);
	printf("0 0 0 %lld\n", (long long)((now_ns() - begin) / (workers * count)));
}

static inline void run_hold(const struct candidate *c, long count)
{
	int go[2];
	char byte;

	if (pipe(go) < 0)
		die("pipe");
	for (long i = 1; i <= count; i++) {
		int ready[2];

		if (pipe(ready) < 0)
			die("pipe");
		if (fork_or_die() == 0) {
			close(go[1]);
			if (c->start)
				c->start(c->data, i);
			c->open(c->data);
			if (write(ready[1], "", 1) != 1)
				die("ready");
			close(ready[0]);
			close(ready[1]);
			(void)!read(go[0], &byte, 1);
			c->close(c->data);
			_exit(0);
		}
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			_exit(1);
		close(ready[0]);
	}
	puts("ready");
	fflush(stdout);
	(void)!read(STDIN_FILENO, &byte, 1);
	close(go[1]);
	while (wait(NULL) > 0)
		;
}

/* argv: rounds N, rate K N, or hold N. */
static inline int run(const struct candidate *c, char **argv)
{
	const char *how = argv[0] ? argv[0] : "";

	if (strcmp(how, "rounds") == 0 && argv[1])
		run_rounds(c, atol(argv[1]));
	else if (strcmp(how, "hold") == 0 && argv[1])
		run_hold(c, atol(argv[1]));
	else if (strcmp(how, "rate") == 0 && argv[1] && argv[2])
		run_rate(c, atol(argv[1]), atol(argv[2]));
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}

#endif
