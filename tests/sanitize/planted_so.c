// SPDX-License-Identifier: MIT
/* A module with mistakes in it, as planted.c has for the helper: by --wrap, where the session is joined. */
#include <limits.h>
#include <string.h>

#include "caller.h"

int __real_pns_caller_join(struct pns_caller *caller, const struct pns_plan *plan, int init,
			   struct pns_err *err);
int __wrap_pns_caller_join(struct pns_caller *caller, const struct pns_plan *plan, int init,
			   struct pns_err *err);

static volatile int over; /* volatile, as below: the compiler must not see through it */

int __wrap_pns_caller_join(struct pns_caller *caller, const struct pns_plan *plan, int init,
			   struct pns_err *err)
{
	char name[16] = "";
	volatile char *volatile at = name + sizeof(name);
	volatile int most __attribute__((unused)) = INT_MAX;

	if (strcmp(plan->who.user, "alice") == 0)
		*at = 'x'; /* on the stack: valgrind is blind there */
	else
		most += plan->who.user[0] != over;
	return __real_pns_caller_join(caller, plan, init, err);
}
