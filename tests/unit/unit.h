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

/* /tmp can be written by others and so is not trusted: files stand in a directory of /run. */
__attribute__((unused)) static char unit_dir[64];

static inline int unit_setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	strcpy(unit_dir, "/run/pns_unit.XXXXXX");
	return mkdtemp(unit_dir) ? 0 : -1;
}

static inline int unit_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", unit_dir);
	return unit_dir[0] ? system(command) : 0;
}

/* The path of name in the directory; good until the fourth call from now. */
static inline char *in_dir(const char *name)
{
	static char path[4][4096];
	static unsigned int i;
	char *p = path[i++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", unit_dir, name);
	return p;
}

static inline void put_bytes(const char *name, const void *bytes, size_t len)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void put_text(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

#endif
