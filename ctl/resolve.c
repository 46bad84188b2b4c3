// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "out.h"
#include "pam.h"
#include "resolve.h"

int resolve(const char *verb, const char *user, const char *service, const char *conf,
	    struct pns_policy *ret_policy)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_who *who = calloc(1, sizeof(*who));
	char *named = NULL;
	int r;

	if (!service)
		service = DEFAULT_SERVICE;
	if (!err || !who) {
		r = fail("%s: out of memory", verb);
	} else if (conf && conf[0] != '/') {
		r = fail("%s: --conf %s: not an absolute path: write one that starts with /", verb,
			 conf);
	} else if (pns_who_lookup(user, service, who, err) < 0) {
		r = fail_err(err, "%s: %s: ", verb, user);
	} else {
		if (!conf)
			conf = named = pam_conf_of(service);
		r = pns_policy_resolve(conf ? conf : PNS_CONF, who, ret_policy, err) < 0
			    ? fail_err(err, "%s", "")
			    : 0;
	}
	free(named);
	free(who);
	free(err);
	return r;
}
