/* SPDX-License-Identifier: MIT */
/* The namespaces, each a row: what it is called where. */
#ifndef PNS_NSTAB_H
#define PNS_NSTAB_H

#include <stdbool.h>

#include "err.h"

struct pns_plan;

struct pns_ns {
	const char *name; /* as in /proc/self/ns, and for messages */
	const char
		*aimed;	 /* the /proc/self/ns name of what children get: differs for pid and time */
	const char *key; /* what to write in the policy to do without it */
	const char *limit; /* /proc/sys/user/ file of its limit */
	int flag;	   /* CLONE_NEW* */
	bool (*wanted)(const struct pns_plan *plan);
};

enum pns_ns_index {
	PNS_NS_MNT,
	PNS_NS_IPC,
	PNS_NS_UTS,
	PNS_NS_PID,
	PNS_NS_TIME,
	PNS_NS_NET,
	PNS_NS_CGROUP,
	PNS_NS_COUNT
};

extern const struct pns_ns pns_nstab[PNS_NS_COUNT];

/* The CLONE_NEW* flags that the plan asks for; CLONE_NEWTIME is among them. */
int pns_ns_flags(const struct pns_plan *plan);

/*
 * Says why a namespace could not be made, and what to do: ENOSPC means that its limit in
 * /proc/sys/user is used up or 0 (namespaces(7)), not that a disk is full; EINVAL that the kernel
 * was built without it. Returns -code.
 */
int pns_ns_explain(const struct pns_ns *ns, int code, struct pns_err *err);

#endif
