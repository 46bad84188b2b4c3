// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>
#include <limits.h>

#include "err.h"

static void one_message(void **state)
{
	struct pns_err err = {0};

	(void)state;
	errno = EIO;
	assert_int_equal(pns_err_add(&err, EINVAL, "a %d", 1), -EINVAL);
	assert_int_equal(pns_err_sys(&err, ENOENT, "b"), -ENOENT);
	assert_int_equal(errno, EIO);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(err.count, 2);
	assert_string_equal(err.text, "a 1\nb: No such file or directory");
}

static void control_characters(void **state)
{
	struct pns_err err = {0};

	(void)state;
	pns_err_add(&err, EINVAL, "a\nb\x1b[c\x7f\td\xc3\xa9");
	assert_string_equal(err.text, "a?b?[c??d\xc3\xa9");
}

static void first_is_cut(void **state)
{
	static char big[2 * PNS_ERR_SIZE];
	struct pns_err err = {0};

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	pns_err_add(&err, EINVAL, "%s", big);
	assert_int_equal(err.len, strlen(err.text));
	assert_true(err.len > PNS_ERR_SIZE / 2);
	pns_err_add(&err, EINVAL, "y");
	assert_has(err.text, "x\nand 1 more");
}

static void many_are_counted(void **state)
{
	struct pns_err err = {0};
	unsigned int lines = 1, more = 0;

	(void)state;
	for (int i = 0; i < 3000; i++)
		pns_err_add(&err, EINVAL, "message %d", i);
	for (const char *p = err.text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(sscanf(strrchr(err.text, '\n'), "\nand %u more", &more), 1);
	assert_int_equal(err.count, 3000);
	assert_int_equal(lines - 1 + more, 3000);
	assert_true(strlen(err.text) < PNS_ERR_SIZE);
}

/* A short message behind one that was left out must not take the place of "and 1 more". */
static void short_behind_long(void **state)
{
	static char big[PNS_ERR_SIZE];
	struct pns_err err = {0};

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	pns_err_add(&err, EINVAL, "a");
	pns_err_add(&err, EINVAL, "%s", big);
	assert_string_equal(err.text, "a\nand 1 more");
	pns_err_add(&err, EINVAL, "b");
	assert_string_equal(err.text, "a\nand 2 more");
}

/* An errno that nobody has set, or a number that came over a socket: still a failure. */
static void never_a_success(void **state)
{
	static const int codes[] = {0, -1, -EPERM, INT_MIN};
	struct pns_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		pns_err_clear(&err);
		assert_int_equal(pns_err_add(&err, codes[i], "a"), -EPROTO);
		assert_int_equal(err.code, EPROTO);
		assert_int_equal(pns_err_sys(&err, codes[i], "b"), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message),	     cmocka_unit_test(control_characters),
		cmocka_unit_test(first_is_cut),	     cmocka_unit_test(many_are_counted),
		cmocka_unit_test(short_behind_long), cmocka_unit_test(never_a_success),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
