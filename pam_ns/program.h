/* SPDX-License-Identifier: MIT */
/* What is known of login programs that cannot be treated like the others. */
#ifndef PNS_PROGRAM_H
#define PNS_PROGRAM_H

#include <stdbool.h>

#include "err.h"

/*
 * Can the calling process be isolated whole? -EOPNOTSUPP if it execs the user's program itself instead
 * of forking it: its process number would stay the host's (setns(2), CLONE_NEWPID). -EPERM if
 * it does not run as root. What is found out here can only ever deny a session: a user who made
 * another program look like one of these would shut himself out.
 */
int pns_program_check(const char *service, struct pns_err *err);

/* Does the program go on when a session is denied? Then a return value alone is no denial. */
bool pns_program_goes_on(const char *service);

#endif
