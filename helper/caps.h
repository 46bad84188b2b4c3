/* SPDX-License-Identifier: MIT */
#ifndef PNS_CAPS_H
#define PNS_CAPS_H

#include "err.h"

/* Keeps what building a session takes, see caps.c for what each is for. -errno. */
int caps_keep_for_steps(struct pns_err *err);

/* Keeps CAP_KILL alone, in the bounding set too, and sets no_new_privs. -errno. */
int caps_keep_for_init(struct pns_err *err);

#endif
