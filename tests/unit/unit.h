/* SPDX-License-Identifier: MIT */
/* What the unit tests share. */
#ifndef PNS_UNIT_H
#define PNS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Files of root's need root. PAM_NS_MUST_RUN=1, as in CI, takes no excuse. */
static inline void need_root(void)
{
	if (geteuid() == 0)
		return;
	if (getenv("PAM_NS_MUST_RUN"))
		fail_msg("needs root");
	skip();
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

#endif
