// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>

#include "ini.h"

static char seen[1 << 16];
static struct pns_err err;

static int note(void *arg, const struct pns_ini_item *item, struct pns_err *e)
{
	size_t n = strlen(seen);

	(void)arg;
	(void)e;
	snprintf(seen + n, sizeof(seen) - n, item->key ? "%u %s %s=%s|" : "%u [%s]|", item->line,
		 item->section, item->key, item->value);
	return 0;
}

static int read_bytes(const void *bytes, size_t len)
{
	seen[0] = '\0';
	err = (struct pns_err){0};
	put_bytes("p", bytes, len);
	return pns_ini_read(in_dir("p"), note, NULL, &err);
}

static void good(const char *text, const char *want)
{
	if (read_bytes(text, strlen(text)) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(seen, want);
}

/* One mistake, in that line. */
static void bad(const char *text, unsigned int line, const char *says)
{
	char where[128];

	assert_int_equal(read_bytes(text, strlen(text)), -EINVAL);
	assert_int_equal(err.count, 1);
	snprintf(where, sizeof(where), "%s:%u: ", in_dir("p"), line);
	assert_int_equal(strncmp(err.text, where, strlen(where)), 0);
	assert_has(err.text, says);
}

static void well_formed(void **state)
{
	(void)state;
	need_root();
	good("", "");
	good("\xef\xbb\xbf[default]\r\nmount = no\r\n", "1 [default]|2 default mount=no|");
	good("; c\n# c\n\n[user a]\n k = a b # c\nl=\"a;#[]=\" ; c\nm=a=b\nn=\n",
	     "4 [user a]|5 user a k=a b|6 user a l=a;#[]=|7 user a m=a=b|8 user a n=|");
	good("[default]\nMOUNT=no", "1 [default]|2 default mount=no|");
	good("[a]\nk=1\n[b]\nk=2\n", "1 [a]|2 a k=1|3 [b]|4 b k=2|");
}

static void mistakes(void **state)
{
	(void)state;
	need_root();
	bad("mount=no\n", 1, "text before the first section: write [default]");
	bad("[default]\nk=1\nK=2\n", 3, "doubled key k, first in line 2");
	bad("[default]\n[a]\n[DEFAULT]\n", 3, "doubled section DEFAULT, first in line 1");
	bad("[default]\n\nmount\n", 3, "neither a [section] nor KEY = VALUE");
	bad("[default\n", 1, "malformed header");
	bad("[]\n", 1, "malformed header");
	bad("[a:b]\n", 1, "malformed header");
	bad("[a] x\n", 1, "malformed header");
	bad("[a]\nk=\"x\n", 2, "a quote is not closed");
	bad("[a]\nk=\"x\" y\n", 2, "text behind a closed quote");
	bad("[a]\nk=x\\\n", 2, "ends in a backslash");
	bad("[a]\n# x\\\n", 2, "ends in a backslash");
	bad("[a]\nk k=x\n", 2, "a key holds letters");
}

static void all_are_told(void **state)
{
	const char text[] = "x=1\n[a]\nk=1\nk=2\n=3\n[b\nl=\"\nz=\0\nok=1\n";

	(void)state;
	need_root();
	assert_int_equal(read_bytes(text, sizeof(text) - 1), -EINVAL);
	assert_true(err.count >= 6);
	assert_has(err.text, ":8: a NUL byte: take it out");
}

static void sizes(void **state)
{
	static char text[(1 << 20) + 2];

	(void)state;
	need_root();
	for (size_t len = 999; len <= 1001; len++) {
		memset(text, 'v', sizeof(text));
		memcpy(text, "[a]\nk=", 6);
		strcpy(text + 4 + len, "\n");
		if (len > 1000) {
			bad(text, 2, "over 1000 bytes");
			continue;
		}
		assert_int_equal(read_bytes(text, strlen(text)), 0);
		assert_int_equal(strlen(seen), strlen("1 [a]|2 a k=|") + len - 2);
	}
	memset(text, '\n', sizeof(text));
	memcpy(text + (1 << 20) - 8, "[a]\nk=1\n", 8);
	assert_int_equal(read_bytes(text, 1 << 20), 0);
	assert_has(seen, " a k=1|");
	assert_int_equal(read_bytes(text, (1 << 20) + 1), -EFBIG);
	assert_has(err.text, "over 1 MiB");
}

static int check_piece(void *arg, const struct pns_ini_item *item, struct pns_err *e)
{
	unsigned int *n = arg;
	char want[32];

	(void)e;
	snprintf(want, sizeof(want), "user u%u", *n / 3);
	assert_string_equal(item->section, want);
	assert_int_equal(item->line, *n + 1);
	if (item->key) {
		assert_string_equal(item->key, *n % 3 == 1 ? "k" : "other.l");
		snprintf(want, sizeof(want), "%u", *n);
		assert_string_equal(item->value, want);
	}
	(*n)++;
	return 0;
}

/* iniparser gets the text piece by piece; no value may get lost or go to another section. */
static void pieces(void **state)
{
	enum { SECTIONS = 3000 };
	static char text[SECTIONS * 64];
	char *at = text;
	unsigned int n = 0;

	(void)state;
	need_root();
	for (unsigned int i = 0; i < SECTIONS; i++)
		at += sprintf(at, "[user u%u]\nk = %u\nother.l = \"%u\"\n", i, 3 * i + 1,
			      3 * i + 2);
	put_bytes("p", text, (size_t)(at - text));
	assert_int_equal(pns_ini_read(in_dir("p"), check_piece, &n, &err), 0);
	assert_int_equal(n, 3 * SECTIONS);
	strcpy(at, "[USER u0]\n");
	bad(text, 3 * SECTIONS + 1, "doubled section USER u0, first in line 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, unit_setup, unit_teardown)
		T(well_formed), T(mistakes), T(all_are_told), T(sizes), T(pieces),
	};

	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
