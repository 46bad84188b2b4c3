// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "caps.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const cap_value_t for_steps[] = {
	CAP_SYS_ADMIN,	/* namespaces, mounts, host and domain name */
	CAP_SYS_CHROOT, /* setns() to the own mount namespace, which finds a chroot out */
	CAP_NET_ADMIN,	/* bringing lo up, net sysctls */
	CAP_SETPCAP,	/* emptying the bounding set */
	CAP_KILL,	/* init, for as long as it lives */
};

static const cap_value_t for_init[] = {
	CAP_KILL, /* ending what the user leaves behind */
};

static int keep(const cap_value_t *list, int n)
{
	cap_t caps = cap_init(); /* all clear */
	int r = 0;

	if (!caps || cap_set_flag(caps, CAP_PERMITTED, n, list, CAP_SET) < 0 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, n, list, CAP_SET) < 0 || cap_set_proc(caps) < 0)
		r = -errno;
	cap_free(caps);
	return r;
}

int caps_keep_for_steps(struct pns_err *err)
{
	int r = keep(for_steps, COUNT(for_steps));

	return r < 0 ? pns_err_sys(err, -r,
				   "keeping the capabilities that a session needs (does "
				   "the login program run without some of root's?)")
		     : 0;
}

int caps_keep_for_init(struct pns_err *err)
{
	int r = 0;

	for (cap_value_t cap = 0; r == 0; cap++)
		if (cap != CAP_KILL && cap_drop_bound(cap) < 0)
			r = -errno;
	if (r == -EINVAL) /* past the last one that this kernel has */
		r = keep(for_init, COUNT(for_init));
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? pns_err_sys(err, -r, "dropping init's capabilities") : 0;
}
