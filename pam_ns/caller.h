/* SPDX-License-Identifier: MIT */
/* What of the login program a session changes, and how each thing is put back. */
#ifndef PNS_CALLER_H
#define PNS_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "fd.h"
#include "nstab.h"
#include "plan.h"

/*
 * Namespaces are kept as nsfs fds and nothing else of the host is kept as an fd: a login program
 * that never execs (sshd with internal-sftp) hands every fd of ours to the user's process, where a
 * directory of the host would be a way out (CVE-2016-8649), and an nsfs fd is of no use
 * without CAP_SYS_ADMIN.
 */
struct pns_caller {
	struct pns_kept ns[PNS_NS_COUNT];
	bool time_aimed; /* our children get another time namespace */
	bool joined;	 /* we are in the session's namespaces */
	bool moved;	 /* ... and setns() moved our root and cwd */
	bool clocks_set; /* ... with clocks that differ from ours */
	bool threaded;
	struct pns_offsets { /* the caller's own, as in /proc/self/timens_offsets */
		int64_t monotonic, boottime;
		long monotonic_ns, boottime_ns;
	} offsets;
	char *cwd; /* NULL: it had no path */
	dev_t cwd_dev;
	ino_t cwd_ino;
	pid_t foreground; /* our process group, if it had the terminal; else 0 */
};

/*
 * Takes down what pns_caller_aim_time() is to change. Changes nothing but, in a threaded program, that
 * this thread no longer shares root, cwd and umask with the others (unshare(CLONE_FS)): setns() to
 * a mount namespace would move theirs too. -errno with the namespace that the kernel lacks named.
 */
int pns_caller_begin(struct pns_caller *caller, const struct pns_plan *plan, struct pns_err *err);

/* The same for pns_caller_join(): may be done while the helper starts. */
int pns_caller_save(struct pns_caller *caller, const struct pns_plan *plan, struct pns_err *err);

/*
 * Aims children at a new time namespace (time_namespaces(7)); the clocks of the caller itself
 * never move. Must come before the first child is forked: its offsets are frozen then. service: the
 * login program's, since the plan is the instance's, which another may have opened. clocks: the
 * offsets of the instance that is joined, as its init has read them, so that children see its time.
 * In its very namespace they could only be by a setns() that moves the caller's clocks too. NULL
 * for a new instance: the plan says.
 */
int pns_caller_aim_time(struct pns_caller *caller, const struct pns_plan *plan, const char *service,
			const char *clocks, struct pns_err *err);

/*
 * Steps into init's namespaces, in one call that does all or nothing (setns(2), pidfd), and cwd by path;
 * then, if they are fresh, looks whether they are others than those it came from.
 */
int pns_caller_join(struct pns_caller *caller, const struct pns_plan *plan, int init, bool fresh,
		    struct pns_err *err);

/* Puts back whatever of it was done; goes on when one thing fails and says so. Idempotent. */
int pns_caller_restore(struct pns_caller *caller, struct pns_err *err);

/* Closes and frees what was taken down. */
void pns_caller_free(struct pns_caller *caller);

#endif
