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
	CAP_CHOWN,	/* giving the user the home and /run/user/UID that are in memory */
	CAP_KILL,	/* init, for as long as it lives */
};

static const cap_value_t for_init[] = {
	CAP_KILL, /* ending what the user leaves behind */
};

/* Without these fewer policies work, which then say so; not every container's root has them. */
static const cap_value_t if_there[] = {
	CAP_DAC_READ_SEARCH, /* what a bind or hide names below a directory that is a user's alone */
};

static int set_flags(cap_t caps, int n, const cap_value_t *list)
{
	return cap_set_flag(caps, CAP_PERMITTED, n, list, CAP_SET) < 0 ||
			       cap_set_flag(caps, CAP_EFFECTIVE, n, list, CAP_SET) < 0
		       ? -errno
		       : 0;
}

static int keep(const cap_value_t *list, int n, const cap_value_t *more, int n_more)
{
	cap_t now = cap_get_proc(), caps = cap_init(); /* all clear */
	int r = now && caps ? set_flags(caps, n, list) : -errno;

	for (int i = 0; r == 0 && i < n_more; i++) {
		cap_flag_value_t there = CAP_CLEAR;

		if (cap_get_flag(now, more[i], CAP_PERMITTED, &there) == 0 && there == CAP_SET)
			r = set_flags(caps, 1, &more[i]);
	}
	if (r == 0 && cap_set_proc(caps) < 0)
		r = -errno;
	cap_free(now);
	cap_free(caps);
	return r;
}

int caps_keep_for_steps(struct pns_err *err)
{
	int r = keep(for_steps, COUNT(for_steps), if_there, COUNT(if_there));

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
		r = keep(for_init, COUNT(for_init), NULL, 0);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? pns_err_sys(err, -r, "dropping init's capabilities") : 0;
}
