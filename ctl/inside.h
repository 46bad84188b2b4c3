/* SPDX-License-Identifier: MIT */
/* What /proc tells of the inside of an instance. Both print a line each, or "none". */
#ifndef CTL_INSIDE_H
#define CTL_INSIDE_H

#include <sys/types.h>

/* The mounts that init has and we have not. */
void inside_mounts(pid_t init);

/* What listens in init's network namespace. */
void inside_sockets(pid_t init);

#endif
