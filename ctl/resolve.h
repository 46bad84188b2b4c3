/* SPDX-License-Identifier: MIT */
/* A user's policy as a login through a service reads it. */
#ifndef CTL_RESOLVE_H
#define CTL_RESOLVE_H

#include "policy.h"

#define DEFAULT_SERVICE "sshd"

/*
 * service NULL: DEFAULT_SERVICE; conf NULL: what the service's PAM stack names with conf=, or
 * PNS_CONF. 0, or EXIT_BAD with every message on stderr.
 */
int resolve(const char *verb, const char *user, const char *service, const char *conf,
	    struct pns_policy *ret_policy);

#endif
