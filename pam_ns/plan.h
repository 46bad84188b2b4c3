/* SPDX-License-Identifier: MIT */
/* The one structure that flows: policy -> plan -> text -> helper -> steps. */
#ifndef PNS_PLAN_H
#define PNS_PLAN_H

#include <sys/types.h>

#include "keys.h"

#define PNS_PLAN_VERSION 2
#define PNS_PLAN_MAX	 65536 /* bytes of text: below every default of net.core.wmem_default */
#define PNS_WHO_MAX	 256   /* bytes of a user or service name with its NUL (LOGIN_NAME_MAX) */

/* Whose session it is. What comes from NSS and PAM is data: any byte but NUL may be in it. */
struct pns_who {
	char user[PNS_WHO_MAX];
	char service[PNS_WHO_MAX];
	char host
		[PNS_NAME_SIZE]; /* short name of the machine: gethostname(2) up to the first dot */
	char home[4096];
	char rhost[256]; /* PAM_RHOST and PAM_TTY, cut; "" where the program sets none */
	char tty[64];
	uid_t uid;
	gid_t gid;
};

struct pns_plan {
	struct pns_who who;
	char id[32]; /* "UID.N", given by the registry; empty before that */
#define PNS_ROW(name, type, ...) PNS_C_##type name;
	PNS_KEYS(PNS_ROW)
#undef PNS_ROW
};

/* The member of a plan that belongs to a row. */
static inline void *pns_plan_member(const struct pns_plan *plan, const struct pns_key *key)
{
	return (char *)(size_t)plan + key->offset;
}

/*
 * Writes "FILE:LINE: " of the entry that gave a key (label: "key.LABEL"; NULL: any of them) its
 * value to where, or nothing.
 */
typedef void (*pns_blame_fn)(void *arg, enum pns_key_index key, const char *label, char *where,
			     size_t size);

/*
 * Rules between keys (pid needs mount, ...), one table, and between mounts (pns_layout_make()).
 * Adds every broken rule to err, with what to write instead, behind what blame (may be NULL) says
 * of its place. 0, -EINVAL or -ENOMEM.
 */
int pns_plan_check(const struct pns_plan *plan, pns_blame_fn blame, void *arg, struct pns_err *err);

/*
 * Canonical text: "pam_ns-plan 2", then key=value lines (identity first, then every row in
 * table order; a labelled key gives one "key.LABEL=value" line an item, "key=value" for the
 * label ""), then "end". Backslash,
 * newline and control bytes of a value are written \\, \n, \xHH. size includes the NUL. Returns
 * the length without the NUL, or -ENOSPC.
 */
ssize_t pns_plan_encode(const struct pns_plan *plan, char *buf, size_t size, struct pns_err *err);

/*
 * Reads it back, trusting nothing: refuses another version, what is unknown, missing, doubled,
 * out of range, not canonical in form, after the end, or against pns_plan_check(). text need not
 * end in NUL. 0, -EPROTO for malformed text, -EINVAL for a value, -ENOMEM; *ret_plan
 * untouched on failure, else to be freed with pns_plan_free().
 */
int pns_plan_decode(const char *text, size_t len, struct pns_plan *ret_plan, struct pns_err *err);

/*
 * Would the two make the same instance? Identity does not count, nor do the keys that are about a
 * login and not about the instance it goes into: max_sessions, timeout and such.
 */
bool pns_plan_same(const struct pns_plan *a, const struct pns_plan *b);

/*
 * Makes *plan what *theirs is, for a login that has joined their instance; plan->who stays, and
 * *theirs is empty then.
 */
void pns_plan_adopt(struct pns_plan *plan, struct pns_plan *theirs);

/* Frees what the plan points to and zeroes it. */
void pns_plan_free(struct pns_plan *plan);

#endif
