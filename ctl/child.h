/* SPDX-License-Identifier: MIT */
/* A command in a session, with the terminal, the signals and the exit status that su would give it. */
#ifndef CTL_CHILD_H
#define CTL_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "err.h"
#include "plan.h"

struct child {
	const char *verb;
	/* Whose it is. Looked up before a session is joined: inside, NSS is the session's. */
	char *name, *home, *shell;
	uid_t uid;
	gid_t gid, *groups;
	int group_count;
	char **command; /* NULL: the shell */
	bool login;	/* the shell as a login shell */
	bool to_home;	/* start there; else where we are */
	const char *id; /* PAM_NS_SESSION, or NULL */
	/* What its session takes from each process that joins it (CVE-2019-12589); NULL: nothing. */
	const struct pns_plan *confined_by;
	/* The terminal's. */
	int master, slave;
	bool on_terminal;
	struct termios saved;
};

#define CHILD_NONE                        \
	{                                 \
		.master = -1, .slave = -1 \
	}

/* The user's entry in NSS and groups alone, for who forks without a command. */
int child_look_up(struct child *child, const char *user);

/* Gives up for good, as root, what the plan does not leave to the session's processes. 0 or -errno. */
int child_confine(const struct pns_plan *plan, struct pns_err *err);

/*
 * Takes all from the host that the child will need: the user's entry in NSS, and, if stdin is a
 * terminal, one of its own: a program of the user's on root's terminal could type into it (TIOCSTI,
 * CVE-2017-5226). Blocks the signals that child_run() passes on. 0, or EXIT_BAD with a line.
 */
int child_prepare(struct child *child, const char *user);

/*
 * Forks, runs the command as that user and waits for it; stops and goes on as it does. Returns its
 * exit status, 128 + N for signal N. TERM and HUP are passed on, and after two seconds mean KILL.
 */
int child_run(struct child *child);

void child_free(struct child *child);

#endif
