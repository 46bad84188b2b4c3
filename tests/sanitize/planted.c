// SPDX-License-Identifier: MIT
/* A helper with mistakes in it, to see that tests/47-sanitizers.t would: by --wrap, one for each of two users. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "plan.h"

int __real_pns_plan_decode(const char *text, size_t len, struct pns_plan *ret_plan,
			   struct pns_err *err);
int __wrap_pns_plan_decode(const char *text, size_t len, struct pns_plan *ret_plan,
			   struct pns_err *err);
int __real_init_prepare(struct init_fds *fds, const struct pns_plan *plan, struct pns_err *err);
int __wrap_init_prepare(struct init_fds *fds, const struct pns_plan *plan, struct pns_err *err);

static volatile int over; /* volatile: the compiler must not see through it */

int __wrap_pns_plan_decode(const char *text, size_t len, struct pns_plan *ret_plan,
			   struct pns_err *err)
{
	int r = __real_pns_plan_decode(text, len, ret_plan, err);

	if (r == 0 && strcmp(ret_plan->who.user, "alice") == 0) {
		char *volatile copy = malloc(len);

		if (copy) {
			memcpy(copy, text, len + 1); /* the byte too many */
			over += copy[len - 1];
		}
		free(copy);
	}
	over = r == 0 && strcmp(ret_plan->who.user, "bob") == 0;
	return r;
}

int __wrap_init_prepare(struct init_fds *fds, const struct pns_plan *plan, struct pns_err *err)
{
	volatile int most __attribute__((unused)) = INT_MAX;

	most += over;
	return __real_init_prepare(fds, plan, err);
}
