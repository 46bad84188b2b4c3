/* SPDX-License-Identifier: MIT */
/* Reads one policy file: may it be trusted, is it well-formed, what does it say. The only user of iniparser. */
#ifndef PNS_INI_H
#define PNS_INI_H

#include "err.h"

/* One entry of a file, or with key == NULL the header of a section. Valid during the call only. */
struct pns_ini_item {
	const char *file;
	unsigned int line;
	const char
		*section;  /* between the brackets, blanks at both ends removed, case as written */
	const char *key;   /* lower case, label included: "sysctl.net.ipv4.ip_forward" */
	const char *value; /* as iniparser gives it: unquoted, comment removed */
};

/* Returns 0 to go on, or -errno to stop reading. Mistakes are added to err and do not stop it. */
typedef int (*pns_ini_fn)(void *arg, const struct pns_ini_item *item, struct pns_err *err);

/*
 * Reads path and calls fn for each header and each entry, top to bottom.
 *
 * The file is opened once, without blocking on a FIFO and by components that only root can
 * change (pns_fd_open_trusted(), CVE-2024-22365), and that very fd is read. iniparser 4.1 says
 * nothing of doubled keys, cuts long lines and knows no line numbers; so the text is scanned
 * first, and every mistake added as "FILE:LINE: what is wrong: what to write".
 *
 * A line may not end in a backslash: iniparser would go on in the next, comments too.
 *
 * Returns 0; -ENOENT, with nothing added to err, when there is no such file; -EINVAL when err holds mistakes of this
 * file (fn has then seen the entries that could be read, so that all mistakes of all files are
 * found in one go); another -errno when it could not be read.
 */
int pns_ini_read(const char *path, pns_ini_fn fn, void *arg, struct pns_err *err);

#endif
