// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "steps.h"

#define WHEN(name, expr)                              \
	static bool name(const struct pns_plan *plan) \
	{                                             \
		return (expr);                        \
	}

WHEN(own_mounts, plan->mount)
WHEN(own_processes, plan->mount && plan->pid)
WHEN(own_network, plan->network.mode != PNS_NETWORK_HOST)
WHEN(own_names, plan->uts)
WHEN(lo_up, own_network(plan) && plan->network.mode == PNS_NETWORK_LOOPBACK)
WHEN(has_sysctls, plan->sysctl.n > 0)
WHEN(named, plan->network.mode == PNS_NETWORK_NAMED)
WHEN(named_network, named(plan) && plan->mount)
WHEN(new_network, own_network(plan) && !named(plan))
WHEN(has_hooks, plan->hook.n > 0)

/* clang-format off */
static const struct step steps[] = {
	/* First: until then a mount made here could appear on the host. */
	{"propagation",		own_mounts,	step_propagation},
	/* Before any path is used: paths must mean what they mean to the login program. */
	{"root directory",	own_mounts,	step_root},
	/* Before the registry, where the session's own lines are added to the network's /etc/hosts. */
	{"/etc/netns",		named_network,	step_netns_etc},
	/* Before the mounts: what they hide things with, and the files of names, lie there. */
	{"registry",		own_mounts,	step_registry},
	/* Before the mounts, which may hide the file that it is known by. */
	{"named network",	named,		step_named_network},
	/* The procfs of the namespace is mounted by a process in it: ours. */
	{"mounts",		own_mounts,	step_mounts},
	/* After ours: it is by ours that the others are found, and told from it. */
	{"other /proc mounts",	own_processes,	step_procs},
	/* Last of the mounts: whatever /etc is by now, these are its. */
	{"files of names",	own_mounts,	step_files},
	{"names",		own_names,	step_names},
	/* As late as can be, as it is still being made: the mounts have taken this step if they came to /sys. */
	{"new network",		new_network,	step_new_network},
	/* Before lo comes up, so that no address lives under other rules for a moment. */
	{"sysctl",		has_sysctls,	step_sysctl},
	{"loopback",		lo_up,		step_loopback},
	/* Last: what it finds is what the user will. */
	{"hook",		has_hooks,	step_hook},
};
/* clang-format on */

int steps_run(const struct pns_plan *plan, struct pns_err *err)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r;

		if (!steps[i].applies(plan))
			continue;
		r = steps[i].run(plan, err);
		if (r < 0)
			return err->count ? r : pns_err_sys(err, -r, "%s", steps[i].name);
	}
	mountinfo_forget();
	return 0;
}
