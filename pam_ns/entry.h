/* SPDX-License-Identifier: MIT */
/* Taking an instance out of the registry, for whoever may: its login program, its init, the next login. */
#ifndef PNS_ENTRY_H
#define PNS_ENTRY_H

#include <sys/types.h>

/*
 * Removes plan and socket of the entry called name below dir; not if that has been done, or cannot be
 * told, since the name may be another login's by then. lock is its plan file. Opens nothing: there
 * may be no number left for another fd (EMFILE).
 */
void pns_entry_remove(int dir, const char *name, int lock);

/* Removes a user's directory, if it is empty: other instances of the user keep it. */
void pns_entry_remove_user(int registry, uid_t uid);

#endif
