/* SPDX-License-Identifier: MIT */
/* Which sections apply to a login, laid over one another. pam_ns.conf(5) is the contract. */
#ifndef PNS_POLICY_H
#define PNS_POLICY_H

#include "ini.h"
#include "plan.h"

/* Where a value came from: file is NULL for the default of the table. */
struct pns_origin {
	char *file;
	unsigned int line;
};

/* A resolved policy. For a labelled key origin[] is that of its latest entry. */
struct pns_policy {
	struct pns_plan plan;
	struct pns_origin origin[PNS_KEY_COUNT];
	size_t n_labelled;
	struct pns_labelled_origin { /* of each label that a file has set or emptied */
		enum pns_key_index key;
		char *label;
		struct pns_origin origin;
	} * labelled;
};

/* Where key.LABEL got its value (label NULL: the key, its latest entry); file NULL: by default. */
const struct pns_origin *pns_policy_origin(const struct pns_policy *policy, enum pns_key_index key,
					   const char *label);

/*
 * Who is logging in, from NSS (getpwnam_r) and gethostname(2). -ENOENT for a user that NSS does
 * not know, -EINVAL for a name or home too long or empty, another -errno when NSS failed (said
 * apart in err: a directory that is down must not look like a user that is gone).
 */
int pns_who_lookup(const char *user, const char *service, struct pns_who *ret_who,
		   struct pns_err *err);

/*
 * Reads conf, then conf's own ".d" beside it (pam_ns.conf -> pam_ns.d/ *.conf in lexical order of
 * bytes, C locale), then pam_ns.d/users/NAME.conf for that user alone, and resolves the policy for who.
 * A missing main file is an error (the admin meant there to be one); a missing directory is not.
 *
 * Every mistake of every file read is in err, whether its section applies to this user or
 * not: a policy that is half understood is not obeyed by half. 0; -EINVAL for mistakes;
 * another -errno. On failure *ret_policy is untouched. Free with pns_policy_free().
 */
int pns_policy_resolve(const char *conf, const struct pns_who *who, struct pns_policy *ret_policy,
		       struct pns_err *err);

/*
 * The files that logins read for conf, in order, those of every user in pam_ns.d/users included;
 * fn returns 0 to go on, or -errno. A directory that is not there is no error.
 */
typedef int (*pns_policy_file_fn)(void *arg, const char *path, struct pns_err *err);
int pns_policy_files(const char *conf, pns_policy_file_fn fn, void *arg, struct pns_err *err);

/*
 * Reads one of them as a login would, adding every mistake to err, without regard to whom it
 * applies to; also sees each item. Returns as pns_ini_read().
 */
int pns_policy_judge(const char *path, pns_ini_fn also, void *arg, struct pns_err *err);

void pns_policy_free(struct pns_policy *policy);

#endif
