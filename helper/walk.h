/* SPDX-License-Identifier: MIT */
/* Paths of a policy, opened component by component. */
#ifndef PNS_WALK_H
#define PNS_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "err.h"

/* Where a walk ended. Start it as PNS_WALK_NONE; close it with walk_close(). */
struct walk {
	int fd;		/* O_PATH: what the path leads to, or the last directory that is there */
	int parent;	/* the directory that it lies in; -1 if fd is one itself: that has its .. */
	struct stat st; /* of fd */
	bool exclusive; /* of a path with a missing component: only root can change what was passed */
	char name[NAME_MAX + 1]; /* of fd in its directory, links resolved */
	char rest[PATH_MAX];	 /* the components that are missing below fd; empty: none is */
};

#define PNS_WALK_NONE                  \
	{                              \
		.fd = -1, .parent = -1 \
	}

/*
 * Walks an absolute path from the root directory of this mount namespace, without blocking on
 * what lies at its end. A symbolic link is followed if it is root's and every directory
 * passed, its own included, can be written by root alone: then it says what root said (/var/run,
 * /bin). Any other could be put there between two looks (CVE-2025-6020) and is refused: -ELOOP,
 * err names it. Only search permission is used on the way, 0711 will do. A component that is
 * missing is no error: see rest. Another -errno, with err filled.
 */
int walk_open(const char *path, struct walk *ret_walk, struct pns_err *err);

/* Goes from where a walk ended up to the directory that it lies in; st is that one's. 0 or -errno. */
int walk_up(struct walk *walk);

void walk_close(struct walk *walk);

#define walk_auto __attribute__((cleanup(walk_close)))

#endif
