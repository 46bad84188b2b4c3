/* SPDX-License-Identifier: MIT */
/* What NSS says of users and groups; a directory that is down is told from a name that is not there. */
#ifndef PNS_NSS_H
#define PNS_NSS_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"

/* The groups of one user, primary and supplementary; looked up when first asked for. */
struct pns_groups {
	bool known;
	int n;
	gid_t *gid;
};

/* Is gid among who's groups? 1, 0, or -ENOMEM. Through getgrouplist(3), so directories count. */
int pns_groups_have(struct pns_groups *groups, const struct pns_who *who, gid_t gid);

void pns_groups_free(struct pns_groups *groups);

/* The gid of a group. 0; -ENOENT if NSS knows no such group; another -errno if NSS failed. */
int pns_group_lookup(const char *name, gid_t *ret_gid);

#endif
