// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "confine.h"
#include "plan.h"

#define NUMBERS 64 /* struct pns_caps has a bit for each; kernels have fewer */

static bool kept(const struct pns_caps *caps, unsigned long cap)
{
	return caps->all || (caps->set >> cap & 1);
}

int pns_confine_check(const struct pns_plan *plan, struct pns_err *err)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t own;
	int r = 0;

	if (plan->capabilities.all)
		return 0;
	own = cap_get_proc();
	if (!own || cap_get_flag(own, CAP_SETPCAP, CAP_EFFECTIVE, &value) < 0)
		r = pns_err_sys(err, errno, "reading the login program's capabilities");
	else if (value != CAP_SET)
		r = pns_err_add(err, EPERM,
				"capabilities: the login program has no cap_setpcap to give others "
				"up with: write capabilities = all for it");
	cap_free(own);
	return r;
}

/* The kernel takes the ambient ones along: they must be inheritable. */
static int drop_inheritable(const struct pns_caps *caps)
{
	cap_t own = cap_get_proc();
	cap_value_t cap;
	int r = own ? 0 : -errno;

	for (cap = 0; r == 0 && cap < NUMBERS && CAP_IS_SUPPORTED(cap); cap++)
		if (!kept(caps, (unsigned long)cap) &&
		    cap_set_flag(own, CAP_INHERITABLE, 1, &cap, CAP_CLEAR) < 0)
			r = -errno;
	if (r == 0 && cap_set_proc(own) < 0)
		r = -errno;
	cap_free(own);
	return r;
}

/* Every number that this kernel has, whether libcap has a name for it or not. */
static int drop_bounding(const struct pns_caps *caps)
{
	for (unsigned long cap = 0; cap < NUMBERS && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
	     cap++)
		if (!kept(caps, cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

static bool is_confined(const struct pns_confine *confine)
{
	for (unsigned long cap = 0; cap < NUMBERS && !confine->caps.all; cap++) {
		int bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (bounding < 0)
			break;
		if (!kept(&confine->caps, cap) &&
		    (bounding || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0))
			return false;
	}
	return !confine->no_new_privs || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

int pns_confine(const struct pns_confine *confine, struct pns_err *err)
{
	int r = 0;

	if (!confine->caps.all) {
		r = drop_inheritable(&confine->caps);
		if (r == 0)
			r = drop_bounding(&confine->caps);
	}
	if (r == 0 && confine->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return pns_err_sys(err, -r, "giving up capabilities for the session");
	if (!is_confined(confine))
		return pns_err_add(err, EPERM,
				   "giving up capabilities for the session: the kernel says that "
				   "they are still there");
	return 0;
}
