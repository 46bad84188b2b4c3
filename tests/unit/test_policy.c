// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>

#include "policy.h"

static struct pns_policy policy;
static struct pns_err err;

static int resolve(const char *user, uid_t uid)
{
	struct pns_who who = {.uid = uid, .gid = 54321, .service = "sshd", .host = "box"};

	strcpy(who.user, user);
	pns_policy_free(&policy);
	err = (struct pns_err){0};
	return pns_policy_resolve(in_dir("p.conf"), &who, &policy, &err);
}

/* kill_grace of the policy that user gets, and where it came from. */
static void expect(const char *user, uid_t uid, unsigned int grace, const char *file,
		   unsigned int line)
{
	const struct pns_origin *origin = &policy.origin[PNS_KEY_kill_grace];

	if (resolve(user, uid) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(policy.plan.kill_grace, grace);
	assert_int_equal(origin->line, line);
	if (file)
		assert_string_equal(origin->file, in_dir(file));
	else
		assert_null(origin->file);
}

static int setup(void **state)
{
	if (geteuid() != 0)
		return 0;
	return unit_setup(state) || mkdir(in_dir("p.d"), 0755) || mkdir(in_dir("p.d/users"), 0755);
}

static int teardown(void **state)
{
	pns_policy_free(&policy);
	return unit_teardown(state);
}

static void sections(void **state)
{
	(void)state;
	need_root();
	put_text("p.conf", "");
	expect("anna", 5001, 1, NULL, 0);
	assert_string_equal(policy.plan.hostname.s, "box");
	put_text("p.conf", "[default]\nkill_grace=2\n[user anna]\nkill_grace=3\n"
			   "[service cron]\nkill_grace=4\n[uid 5002]\nkill_grace=5\n"
			   "[gid 54321 user carl]\nkill_grace=6\n[user carl service cron]\n"
			   "kill_grace=7\n");
	expect("anna", 5001, 3, "p.conf", 4);
	expect("bert", 5002, 5, "p.conf", 8);
	expect("carl", 5003, 6, "p.conf", 10);
	expect("dora", 5004, 2, "p.conf", 2);
	expect("Anna", 5005, 2, "p.conf", 2);
	/* The later one wins, not the narrower one. */
	put_text("p.conf", "[user anna]\nkill_grace=3\n[default]\nkill_grace=2\n");
	expect("anna", 5001, 2, "p.conf", 4);
	put_text("p.conf", "[user Anna]\nkill_grace=3\n");
	assert_int_equal(resolve("dora", 5004), -EINVAL);
	assert_has(err.text, "p.conf:1: ");
	put_text("p.conf", "[default]\n[uid 5]\nmount=yes\n[uid 05]\nmount=no\n");
	assert_int_equal(resolve("dora", 5004), -EINVAL);
}

static void files(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(resolve("anna", 5001), -ENOENT);
	assert_has(err.text, "create it");
	put_text("p.conf", "[default]\nkill_grace=2\n");
	put_text("p.d/B.conf", "[default]\nkill_grace=4\n");
	put_text("p.d/a.conf", "[default]\nkill_grace=3\n");
	put_text("p.d/z.con", "broken");
	put_text("p.d/.z.conf", "broken");
	expect("anna", 5001, 3, "p.d/a.conf", 2); /* B is before a, in any locale */
	put_text("p.d/users/anna.conf", "\n[default]\nkill_grace=9\n");
	expect("anna", 5001, 9, "p.d/users/anna.conf", 3);
	expect("bert", 5002, 3, "p.d/a.conf", 2);
	expect("../users/anna", 5003, 3, "p.d/a.conf", 2);
	expect(".", 5003, 3, "p.d/a.conf", 2);
	put_text("p.d/users/bert.conf", "broken");
	expect("anna", 5001, 9, "p.d/users/anna.conf", 3);
	assert_int_equal(resolve("bert", 5002), -EINVAL);
	put_text("p.conf", "[user nobody-else]\nmont=no\n");
	put_text("p.d/B.conf", "[default]\nkill_grace=x\n");
	assert_int_equal(resolve("anna", 5001), -EINVAL);
	assert_int_equal(err.count, 2);
	assert_has(err.text, "p.conf:2: unknown key mont: did you mean mount?");
	assert_has(err.text, "p.d/B.conf:2: kill_grace: 'x'");
}

static void labels(void **state)
{
	(void)state;
	need_root();
	put_text("p.conf", "[default]\nsysctl.net.a=1\nsysctl.net.b=1\n"
			   "[user anna]\nsysctl.net.a=\nsysctl.net.b=2\n");
	assert_int_equal(resolve("anna", 5001), 0);
	assert_int_equal(policy.plan.sysctl.n, 1);
	assert_string_equal(policy.plan.sysctl.item[0].label, "net.b");
	assert_string_equal(policy.plan.sysctl.item[0].value, "2");
	assert_int_equal(resolve("bert", 5002), 0);
	assert_int_equal(policy.plan.sysctl.n, 2);
	put_text("p.conf", "[default]\nmount=no\npid=yes\n");
	assert_int_equal(resolve("bert", 5002), -EINVAL);
	assert_has(err.text, "p.conf:3: pid = yes needs mounts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(sections),
		T(files),
		T(labels),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
