// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "nstab.h"
#include "plan.h"

#define WANTED(name, expr)                                    \
	static bool wants_##name(const struct pns_plan *plan) \
	{                                                     \
		return plan->isolate && (expr);               \
	}

WANTED(mnt, plan->mount)
WANTED(ipc, plan->ipc)
WANTED(uts, plan->uts)
WANTED(pid, plan->pid)
WANTED(time, plan->time)
WANTED(net, plan->network.mode != PNS_NETWORK_HOST)
WANTED(cgroup, plan->cgroup)

/* clang-format off */
const struct pns_ns pns_nstab[PNS_NS_COUNT] = {
	/*                   name      aimed                policy            limit                    flag             wanted */
	[PNS_NS_MNT]      = {"mnt",    "mnt",               "mount = no",     "max_mnt_namespaces",    CLONE_NEWNS,     wants_mnt},
	[PNS_NS_IPC]      = {"ipc",    "ipc",               "ipc = no",       "max_ipc_namespaces",    CLONE_NEWIPC,    wants_ipc},
	[PNS_NS_UTS]      = {"uts",    "uts",               "uts = no",       "max_uts_namespaces",    CLONE_NEWUTS,    wants_uts},
	[PNS_NS_PID]      = {"pid",    "pid_for_children",  "pid = no",       "max_pid_namespaces",    CLONE_NEWPID,    wants_pid},
	[PNS_NS_TIME]     = {"time",   "time_for_children", "time = no",      "max_time_namespaces",   CLONE_NEWTIME,   wants_time},
	[PNS_NS_NET]      = {"net",    "net",               "network = host", "max_net_namespaces",    CLONE_NEWNET,    wants_net},
	[PNS_NS_CGROUP]   = {"cgroup", "cgroup",            "cgroup = no",    "max_cgroup_namespaces", CLONE_NEWCGROUP, wants_cgroup},
};
/* clang-format on */

int pns_ns_flags(const struct pns_plan *plan)
{
	int flags = 0;

	for (int i = 0; i < PNS_NS_COUNT; i++)
		if (pns_nstab[i].wanted(plan))
			flags |= pns_nstab[i].flag;
	return flags;
}

static void read_limit(const struct pns_ns *ns, char *buf, size_t size)
{
	pns_fd_auto int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/sys/user/%s", ns->limit);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

int pns_ns_explain(const struct pns_ns *ns, int code, struct pns_err *err)
{
	char limit[32];

	if (code == EINVAL || code == ENOENT)
		return pns_err_add(err, code,
				   "this kernel has no %s namespaces: write %s in the "
				   "policy, or boot one that has",
				   ns->name, ns->key);
	if (code == EPERM)
		return pns_err_add(err, code,
				   "no right to make the %s namespace: the login program has no "
				   "cap_sys_admin: let its service or session keep it",
				   ns->name);
	if (code != ENOSPC && code != EUSERS)
		return pns_err_sys(err, code, "making the %s namespace", ns->name);
	read_limit(ns, limit, sizeof(limit));
	/* The kernel says the same of both (create_pid_namespace() in kernel/pid_namespace.c). */
	if (ns->flag == CLONE_NEWPID && strcmp(limit, "0") != 0)
		return pns_err_add(
			err, code,
			"no more pid namespaces: they nest 32 deep, and the limit user.%s "
			"is %s: leave the sessions around this one, raise the limit with "
			"sysctl, or write %s in the policy",
			ns->limit, limit[0] ? limit : "reached", ns->key);
	return pns_err_add(err, code,
			   "no more %s namespaces: the limit user.%s is %s: raise it "
			   "with sysctl, or write %s in the policy",
			   ns->name, ns->limit, limit[0] ? limit : "reached", ns->key);
}
