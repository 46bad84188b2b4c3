// SPDX-License-Identifier: MIT
/* The helper's first look at what came over its socket: refused, or the very text that its plan gives. */
#include <errno.h>

#include "fuzz.h"
#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char again[PNS_PLAN_MAX];
	static struct pns_plan plan;
	static struct pns_err err;
	ssize_t len;
	int r;

	err = (struct pns_err){0};
	plan = (struct pns_plan){.id = "untouched"};
	r = pns_plan_decode((const char *)data, size, &plan, &err);
	must_be_err(&err, r);
	if (r < 0) {
		must(r == -EPROTO || r == -EINVAL || r == -ENOSPC, "%d: %s", r, err.text);
		must(strcmp(plan.id, "untouched") == 0, "refused, and the plan is written");
		return 0;
	}
	len = pns_plan_encode(&plan, again, sizeof(again), &err);
	must(len == (ssize_t)size && memcmp(again, data, size) == 0,
	     "accepted, but its plan says\n%s", again);
	must(pns_plan_check(&plan, NULL, NULL, &err) == 0, "against the rules: %s", err.text);
	pns_plan_free(&plan);
	return 0;
}
