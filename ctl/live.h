/* SPDX-License-Identifier: MIT */
/* Live instances as the verbs see them: by name, with their processes. */
#ifndef CTL_LIVE_H
#define CTL_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "registry.h"

/*
 * What the user wrote: "UID.N", or a user's name or uid for all instances of that user. 0 and
 * an array of them, all confirmed by their inits, or EXIT_BAD with a line that says why not. With
 * hung_too, those whose inits do not answer are among them, without a status: see hung_init().
 */
int live_find(const char *verb, const char *target, bool hung_too, struct pns_live **ret_live,
	      size_t *ret_n);
void live_free(struct pns_live *live, size_t n);

/*
 * hung.c: a pidfd of the init of an instance, for when it does not answer: the process that holds the
 * lock on its entry, which root's alone can be. To end it, not to join it. -ESRCH if there is none.
 */
int hung_init(const struct pns_live *live);

/* The pid of a pidfd's process, as this procfs counts; 0 when it is gone. */
pid_t live_pid(int pidfd);
/* Has init ended, so that what was read of it may be another's? */
bool live_gone(const struct pns_live *live);
/* What STATUS says under key, into buf; "" if it says nothing. */
const char *live_status(const struct pns_live *live, const char *key, char *buf, size_t size);
/* The canonical text of a key's value, of its first item if it is a list; NULL: no such key. */
const char *plan_value(const struct pns_plan *plan, const char *key, char *buf, size_t size);

bool plan_is(const struct pns_plan *plan, const char *key, const char *value);
/* The PAM services of its leaders, each once, separated by commas; of the plan if init names none. */
void live_services(const struct pns_live *live, char *buf, size_t size);

struct proc {
	pid_t pid, ppid, inner; /* inner: its number in its own pid namespace */
	uid_t uid;
	int64_t started; /* seconds since boot */
	uint64_t memory; /* bytes; shared pages in proportion */
	char comm[32];
	char command[512];
	bool is_init;
};

/*
 * The processes in the instance's namespaces: in its pid namespace and those below it, or, if it
 * has none of its own, in the first namespace that it has, where the login program is one of
 * them. Ordered by pid. 0 or -errno; to be freed.
 */
int live_processes(const struct pns_live *live, struct proc **ret_proc, size_t *ret_n);

/* Reads one process; -ESRCH if it has ended. */
int proc_read(pid_t pid, struct proc *ret_proc);
/* Opens /proc/PID/NAME, reads at most size - 1 bytes. Length or -errno. */
ssize_t proc_file(pid_t pid, const char *name, char *buf, size_t size);
/* Seconds since boot. */
int64_t uptime(void);

#endif
