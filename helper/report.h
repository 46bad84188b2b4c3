/* SPDX-License-Identifier: MIT */
/* What the helper tells the module, on the one socket that it has for it. */
#ifndef PNS_REPORT_H
#define PNS_REPORT_H

#include "err.h"

/* What the admin should know of a session that will be whole all the same. */
void report_note(const struct pns_err *err);

/* Every step is done. -errno if the module is gone: then there is nobody to live for. */
int report_ready(void);

/* A line for the log, len bytes of any kind behind "name: ". What the module cannot take is lost. */
void report_log(const char *name, const char *text, size_t len);

/*
 * The one way to die before READY: sends err's text, and ends the process. Dying takes along all
 * that was built: nothing but this process and its children holds it.
 */
__attribute__((noreturn)) void report_and_die(const struct pns_err *err);

#endif
