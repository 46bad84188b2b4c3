// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>

#include "layout.h"
#include "paths.h"

static const struct pns_who anna = {.user = "anna",
				    .service = "sshd",
				    .host = "box",
				    .home = "/home/an na",
				    .uid = 7,
				    .gid = 8};

/* What a value becomes for anna; NULL: it is refused, with this in its message. */
static void values(void **state)
{
	static const struct {
		enum pns_key_index key;
		const char *text, *becomes, *says;
	} t[] = {
		{PNS_KEY_bind, "/a", "/a", NULL},
		{PNS_KEY_bind, "/a /a", "/a", NULL},
		{PNS_KEY_bind, "//a/./b/\t/c// ro optional", "/a/b /c ro optional", NULL},
		{PNS_KEY_bind, "%d/x /y", "/home/an\\040na/x /y", NULL},
		{PNS_KEY_bind, "/%u%U%g%h%s%% /a\\134\\040b", "/anna78boxsshd% /a\\134\\040b",
		 NULL},
		{PNS_KEY_bind, "/a optional ro", NULL, "'ro' has no meaning here"},
		{PNS_KEY_bind, "/a /b /c", NULL, "'/c' has no meaning here"},
		{PNS_KEY_bind, "/a/..", NULL, "'..' in it"},
		{PNS_KEY_bind, "/a\\0", NULL, "is no escape"},
		{PNS_KEY_bind, "/a\\000", NULL, "is no escape"},
		{PNS_KEY_bind, "/a%", NULL, "behind a percent sign"},
		{PNS_KEY_bind, "/a%z", NULL, "behind a percent sign"},
		{PNS_KEY_bind, "a", NULL, "not an absolute path"},
		{PNS_KEY_bind, "%dx", "/home/an\\040nax", NULL},
		{PNS_KEY_tmpfs, "/a 1K", "/a 1024", NULL},
		{PNS_KEY_tmpfs, "/", "/", NULL},
		{PNS_KEY_tmpfs, "/a 5%", "/a 5%", NULL},
		{PNS_KEY_tmpfs, "/a% 5%", NULL, "behind a percent sign"},
		{PNS_KEY_tmpfs, "/a 1Q", NULL, "write bytes"},
		{PNS_KEY_hide, " /a  /b ", "/a /b", NULL},
		{PNS_KEY_hide, "", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct pns_key *key = &pns_keys[t[i].key];
		struct pns_list list = {0};
		struct pns_err err = {0};
		char expanded[PNS_VALUE_MAX];
		int r = key->type->check(key, "x", t[i].text, &err);

		if (r == 0)
			r = key->type->expand(&anna, t[i].text, expanded, sizeof(expanded), &err);
		if (r == 0)
			r = key->type->parse(key, "x", expanded, &list, &err);
		if (r == 0 && !t[i].becomes)
			fail_msg("%s = %s was taken", key->name, t[i].text);
		if (r < 0 && t[i].becomes)
			fail_msg("%s = %s: %s", key->name, t[i].text, err.text);
		if (t[i].says)
			assert_has(err.text, t[i].says);
		if (r == 0)
			assert_string_equal(list.n ? list.item[0].value : "", t[i].becomes);
		pns_list_free(&list);
	}
}

static void plan_of_defaults(struct pns_plan *plan)
{
	struct pns_err err = {0};
	char expanded[PNS_VALUE_MAX];

	*plan = (struct pns_plan){.who = anna};
	for (int i = 0; i < PNS_KEY_COUNT; i++) {
		const struct pns_key *key = &pns_keys[i];

		const char *text = key->fallback;

		if (key->type->labelled)
			continue;
		if (key->type->expand) {
			assert_int_equal(
				key->type->expand(&anna, text, expanded, sizeof(expanded), &err),
				0);
			text = expanded;
		}
		assert_int_equal(
			key->type->parse(key, NULL, text, pns_plan_member(plan, key), &err), 0);
	}
}

static void set(struct pns_plan *plan, enum pns_key_index key, const char *label, const char *value)
{
	struct pns_err err = {0};

	assert_int_equal(pns_keys[key].type->parse(&pns_keys[key], label, value,
						   pns_plan_member(plan, &pns_keys[key]), &err),
			 0);
}

/* Parents before children, neighbours that only look like children apart, readonly behind its mount. */
static void order(void **state)
{
	static const char *const want[] = {"/",	     "/dev",  "/dev/mqueue", "/dev/shm",
					   "/m",     "/m",    "/m/a",	     "/m/a/b",
					   "/m/a-b", "/m/ab", "/proc"};
	struct pns_layout layout = {0};
	struct pns_err err = {0};
	struct pns_plan plan;

	(void)state;
	plan_of_defaults(&plan);
	set(&plan, PNS_KEY_bind, "", "/x /m/a-b");
	set(&plan, PNS_KEY_readonly, "all", "/ /m");
	set(&plan, PNS_KEY_tmpfs, "b", "/m/a/b");
	set(&plan, PNS_KEY_hide, "c", "/m/ab");
	set(&plan, PNS_KEY_tmpfs, "d", "/m/a");
	set(&plan, PNS_KEY_tmpfs, "e", "/m");
	assert_int_equal(pns_layout_make(&plan, NULL, NULL, &layout, &err), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(layout.mount[i].target, want[i]);
	assert_int_equal(layout.mount[4].kind, PNS_MOUNT_TMPFS);
	assert_int_equal(layout.mount[5].kind, PNS_MOUNT_READONLY);
	pns_layout_free(&layout);
	pns_plan_free(&plan);
}

static void contradictions(void **state)
{
	static const struct {
		const char *tmpfs, *hide, *readonly, *says; /* NULL: none */
	} t[] = {
		{"/m", "/m", "/x",
		 "hide.x: /m: is the place of two mounts, the other is tmpfs.x (/m)"},
		{"/m/a", "/m", "/x", "tmpfs.x: /m/a: lies below what is hidden by hide.x (/m)"},
		{"/m", "/m/a", "/m", NULL},
		{"/m", "/ma", "/m /m/b", NULL},
		{"/tmp", "/x", "/y",
		 "tmpfs.x: /tmp: is the place of two mounts, the other is private_tmp"},
		{"/run", "/x", "/y", "tmpfs.x: /run: the session stands on it"},
		{"/x", "/run/pam_ns/7", "/y", "the session's own"},
		{"/x", "/x/y", "/x/y", "hide.x: /x/y: is the place of two mounts"},
		{"/x", "/y", "/z /z", "readonly.x: /z: is the place of two mounts"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pns_layout layout = {0};
		struct pns_err err = {0};
		struct pns_plan plan;
		int r;

		plan_of_defaults(&plan);
		set(&plan, PNS_KEY_tmpfs, "x", t[i].tmpfs);
		set(&plan, PNS_KEY_hide, "x", t[i].hide);
		set(&plan, PNS_KEY_readonly, "x", t[i].readonly);
		r = pns_layout_make(&plan, NULL, NULL, &layout, &err);
		assert_int_equal(r, t[i].says ? -EINVAL : 0);
		if (t[i].says)
			assert_has(err.text, t[i].says);
		pns_layout_free(&layout);
		pns_plan_free(&plan);
	}
}

static void homes(void **state)
{
	static const struct {
		const char *home;
		bool taken;
	} t[] = {
		{"/home/anna", true},
		{"/home/a/b/anna", true},
		{"/srv/homes/anna", true},
		{"/var/home/anna", true},
		{"/var/lib/x/anna", true},
		{"/root", false},
		{"/", false},
		{"", false},
		{"anna", false},
		{"/home", false},
		{"/var/lib/anna", false},
		{"/usr/games", false},
		{"/home/../etc", false},
		{"/var/tmp/x/anna", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pns_layout layout = {0};
		struct pns_err err = {0};
		struct pns_plan plan;
		int r;

		plan_of_defaults(&plan);
		strcpy(plan.who.home, t[i].home);
		plan.home = PNS_HOME_OWN;
		r = pns_layout_make(&plan, NULL, NULL, &layout, &err);
		if (t[i].taken != (r == 0))
			fail_msg("a home of '%s': %s", t[i].home, err.text);
		if (r < 0)
			assert_has(err.text, "write home = host for this user");
		pns_layout_free(&layout);
		pns_plan_free(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(order),
					   cmocka_unit_test(contradictions),
					   cmocka_unit_test(homes)};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
