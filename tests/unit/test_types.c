// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>

#include "plan.h"
#include "paths.h"

/* text is read and comes out as canon; canon NULL: it is refused with a message holding says. */
static const struct value_case {
	enum pns_key_index key;
	const char *text, *canon, *says;
} cases[] = {
#define GOOD(key, text, canon)                   \
	{                                        \
		PNS_KEY_##key, text, canon, NULL \
	}
#define BAD(key, text, says)                    \
	{                                       \
		PNS_KEY_##key, text, NULL, says \
	}
	GOOD(isolate, "yes", "yes"),
	GOOD(isolate, "no", "no"),
	BAD(isolate, "", "write yes or no"),
	BAD(isolate, "Yes", "write yes or no"),
	BAD(isolate, "true", "write yes or no"),
	BAD(isolate, "yes ", "write yes or no"),
	GOOD(network, "loopback", "loopback"),
	GOOD(network, "off", "off"),
	GOOD(network, "vpn", "vpn"),
	GOOD(network, "Host", "Host"),
	GOOD(network, "loopback host", "loopback host"),
	GOOD(network, "...", "..."),
	BAD(network, "", "names no network"),
	BAD(network, ".", "names no network"),
	BAD(network, "..", "names no network"),
	BAD(network, "a/b", "names no network"),
	BAD(network, "a\x01", "a control character"),
	GOOD(nested, "keep", "keep"),
	GOOD(nested, "new", "new"),
	BAD(nested, "nwe", "did you mean new?"),
	GOOD(capabilities, "all", "all"),
	GOOD(capabilities, "none", "none"),
	GOOD(capabilities, "NONE", "none"),
	GOOD(capabilities, "net_raw", "net_raw"),
	GOOD(capabilities, " CAP_NET_RAW\tkill cap_kill  chown", "chown kill net_raw"),
	BAD(capabilities, "", "write all alone"),
	BAD(capabilities, "all kill", "write all alone"),
	BAD(capabilities, "none all", "write all alone"),
	BAD(capabilities, "13", "is no capability"),
	BAD(capabilities, "cap_", "is no capability"),
	BAD(capabilities, "kill, chown", "did you mean kill?"),
	BAD(capabilities, "net_rwa", "did you mean net_raw?"),
	GOOD(private_tmp, "memory", "memory"),
	GOOD(propagation, "private", "private"),
	GOOD(kill_grace, "0", "0"),
	GOOD(kill_grace, "007", "7"),
	GOOD(kill_grace, "86400", "86400"),
	BAD(kill_grace, "86401", "0 to 86400"),
	BAD(kill_grace, "-1", "0 to 86400"),
	BAD(kill_grace, "+1", "0 to 86400"),
	BAD(kill_grace, " 1", "0 to 86400"),
	BAD(kill_grace, "0x1", "0 to 86400"),
	BAD(kill_grace, "1s", "0 to 86400"),
	BAD(kill_grace, "", "0 to 86400"),
	BAD(kill_grace, "18446744073709551617", "0 to 86400"),
	BAD(timeout, "0", "1 to 86400"),
	GOOD(timeout, "1", "1"),
	GOOD(max_sessions, "1", "1"),
	GOOD(max_sessions, "unlimited", "unlimited"),
	GOOD(max_sessions, "4294967294", "4294967294"),
	BAD(max_sessions, "4294967295", "from 1"),
	BAD(max_sessions, "4294967297", "from 1"),
	BAD(max_sessions, "0", "from 1"),
	BAD(max_sessions, "Unlimited", "from 1"),
	GOOD(tmp_size, "1", "1"),
	GOOD(tmp_size, "4k", "4096"),
	GOOD(tmp_size, "4K", "4096"),
	GOOD(tmp_size, "3M", "3145728"),
	GOOD(tmp_size, "8388608G", "9007199254740992"),
	GOOD(tmp_size, "9007199254740992", "9007199254740992"),
	GOOD(tmp_size, "1%", "1%"),
	GOOD(tmp_size, "100%", "100%"),
	BAD(tmp_size, "8388609G", "K, M or G"),
	BAD(tmp_size, "9007199254740993", "K, M or G"),
	BAD(tmp_size, "18446744073709551616", "K, M or G"),
	BAD(tmp_size, "101%", "K, M or G"),
	BAD(tmp_size, "0%", "K, M or G"),
	BAD(tmp_size, "0", "K, M or G"),
	BAD(tmp_size, "K", "K, M or G"),
	BAD(tmp_size, "%", "K, M or G"),
	BAD(tmp_size, "1T", "K, M or G"),
	BAD(tmp_size, "1KK", "K, M or G"),
	BAD(tmp_size, "", "K, M or G"),
	GOOD(uptime, "host", "host"),
	GOOD(uptime, "session", "session"),
	GOOD(uptime, "0", "0"),
	GOOD(uptime, "4294967295", "4294967295"),
	BAD(uptime, "4294967296", "seconds to start from"),
	BAD(uptime, "-1", "seconds to start from"),
	BAD(uptime, "-2", "seconds to start from"),
	GOOD(hostname, "a-b_c.D9", "a-b_c.D9"),
	GOOD(hostname, "0123456789012345678901234567890123456789012345678901234567890123",
	     "0123456789012345678901234567890123456789012345678901234567890123"),
	BAD(hostname, "01234567890123456789012345678901234567890123456789012345678901234",
	    "at most 64 bytes"),
	BAD(hostname, "", "a name"),
	BAD(hostname, "-a", "a name"),
	BAD(hostname, ".a", "a name"),
	BAD(hostname, "a/b", "letters, digits"),
	BAD(hostname, "a b", "letters, digits"),
	BAD(hostname, "\xc3\xa9", "letters, digits"),
	GOOD(domainname, "", ""),
	GOOD(domainname, "example.org", "example.org"),
};

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct value_case *c = &cases[i];
		const struct pns_key *key = &pns_keys[c->key];
		struct pns_plan plan = {0}, was;
		struct pns_err err = {0};
		char text[128];
		int r;

		memset(pns_plan_member(&plan, key), 1, 1); /* an earlier value, valid for all */
		was = plan;
		r = key->type->parse(key, NULL, c->text, pns_plan_member(&plan, key), &err);
		if (r != (c->canon ? 0 : -EINVAL))
			fail_msg("%s = '%s': %d %s", key->name, c->text, r, err.text);
		if (!c->canon) {
			assert_has(err.text, c->says);
			assert_memory_equal(&plan, &was, sizeof(plan));
			continue;
		}
		assert_int_equal(err.count, 0);
		r = key->type->format(key, pns_plan_member(&plan, key), 0, text, sizeof(text));
		assert_int_equal(r, strlen(c->canon));
		assert_string_equal(text, c->canon);
		assert_int_equal(key->type->format(key, pns_plan_member(&plan, key), 0, text,
						   strlen(c->canon)),
				 -ENOSPC);
		was = plan;
		assert_int_equal(
			key->type->parse(key, NULL, c->canon, pns_plan_member(&plan, key), &err),
			0);
		assert_memory_equal(&plan, &was, sizeof(plan));
	}
}

static void templates(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {{"%u-%U-%g-%h-%s", NULL}, {"%", "behind a percent"}, {"%x", "behind a percent"},
		 {"%d", "without %d"},	   {"%%", "without %d"},      {"a%", "behind a percent"}};
	const struct pns_key *key = &pns_keys[PNS_KEY_hostname];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pns_err err = {0};

		assert_int_equal(key->type->check(key, NULL, t[i].text, &err),
				 t[i].says ? -EINVAL : 0);
		if (t[i].says)
			assert_has(err.text, t[i].says);
	}
}

static void sysctls(void **state)
{
	static const char *const bad[] = {
		"",	      ".",	    "net.",	   "net..a",	      "net.a.",
		"net.A",      "net/ipv4",   "kernel.sem2", "kernel.hostname", "vm.swappiness",
		"fs.mqueue.", "kernel.shm", "net.a=b",
	};
	const struct pns_key *key = &pns_keys[PNS_KEY_sysctl];
	struct pns_list list = {0};
	char label[256] = "net.", value[300] = "";
	struct pns_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (key->type->parse(key, bad[i], "1", &list, &err) != -EINVAL)
			fail_msg("sysctl.%s was taken", bad[i]);
	assert_int_equal(key->type->parse(key, NULL, "1", &list, &err), -EINVAL);
	memset(label + 4, 'a', 125);
	assert_int_equal(key->type->parse(key, label, "1", &list, &err), -EINVAL);
	label[128] = '\0';
	assert_int_equal(key->type->parse(key, label, "1", &list, &err), 0);
	memset(value, '1', 257);
	assert_int_equal(key->type->parse(key, label, value, &list, &err), -EINVAL);
	value[256] = '\0';
	assert_int_equal(key->type->parse(key, label, value, &list, &err), 0);
	assert_int_equal(key->type->parse(key, label, "\x01", &list, &err), -EINVAL);
	assert_int_equal(key->type->parse(key, label, "\xc3", &list, &err), -EINVAL);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.item[0].value, value);
	assert_int_equal(key->type->parse(key, "kernel.sem", "1\t2", &list, &err), 0);
	assert_int_equal(key->type->parse(key, label, "", &list, &err), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.item[0].label, "kernel.sem");
	pns_list_free(&list);
}

static void hooks(void **state)
{
	static const struct {
		const char *label, *text, *canon; /* NULL: refused */
	} t[] = {
		{"", "/a", "/a"},
		{"x", "/a  b\tc ", "/a b c"},
		{"x_1-y", "/a\\040b", "/a\\040b"},
		{"x", "/a \\134", "/a \\134"},
		{"x", "/a \\101", "/a A"},
		{"x", "/a %u", "/a %u"},
		{"x", "a", NULL},
		{"x", "/", NULL},
		{"x", "/a/", NULL},
		{"x", "//a", NULL},
		{"x", "/a/../b", NULL},
		{"x", "/a/./b", NULL},
		{"x", "/a \\", NULL},
		{"x", "/a \\0", NULL},
		{"x", "/a \\000", NULL},
		{"x", "/a \\777", NULL},
		{"x.y", "/a", NULL},
		{"X", "/a", NULL},
	};
	const struct pns_key *key = &pns_keys[PNS_KEY_hook];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pns_list list = {0};
		struct pns_err err = {0};
		int r = key->type->parse(key, t[i].label, t[i].text, &list, &err);

		if (r != (t[i].canon ? 0 : -EINVAL))
			fail_msg("hook.%s = '%s': %d %s", t[i].label, t[i].text, r, err.text);
		assert_int_equal(err.count, t[i].canon ? 0 : 1);
		assert_int_equal(list.n, t[i].canon ? 1 : 0);
		if (t[i].canon)
			assert_string_equal(list.item[0].value, t[i].canon);
		pns_list_free(&list);
	}
}

static void words(void **state)
{
	static const struct {
		const char *user, *text, *expanded; /* NULL: refused */
	} t[] = {
		{"a b", "/x %u", "/x a\\040b"},
		{"a\\b", "/%u", "/a\\134b"},
		{"a\nb", "/%u", "/a\\012b"},
		{"a/b", "/%u", NULL},
		{".", "/%u", NULL},
		{"..", "/x a%ub", NULL},
		{"anna", "%d/x %%u %U:%g", "/home/anna/x %u 7:8"},
	};
	struct pns_who who = {.home = "/home/anna", .uid = 7, .gid = 8};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char buf[64];
		struct pns_err err = {0};

		strcpy(who.user, t[i].user);
		assert_int_equal(pns_paths_expand(&who, t[i].text, buf, sizeof(buf), &err),
				 t[i].expanded ? 0 : -EINVAL);
		if (t[i].expanded)
			assert_string_equal(buf, t[i].expanded);
		for (size_t size = 1; t[i].expanded && size <= strlen(t[i].expanded); size++)
			assert_int_equal(pns_paths_expand(&who, t[i].text, buf, size, &err),
					 -ENOSPC);
	}
}

static void keys(void **state)
{
	(void)state;
	assert_ptr_equal(pns_key_find("mount", 5), &pns_keys[PNS_KEY_mount]);
	assert_null(pns_key_find("mount", 4));
	assert_null(pns_key_find("", 0));
	assert_ptr_equal(pns_key_closest("isolat", 6), &pns_keys[PNS_KEY_isolate]);
	assert_null(pns_key_closest("zzzzzzzz", 8));
	assert_int_equal(pns_typo_distance("kitten", 6, "sitting", 7), 3);
	assert_int_equal(pns_typo_distance("", 0, "abc", 3), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values),  cmocka_unit_test(templates),
					   cmocka_unit_test(sysctls), cmocka_unit_test(hooks),
					   cmocka_unit_test(words),   cmocka_unit_test(keys)};

	return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
