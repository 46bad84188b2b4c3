// SPDX-License-Identifier: MIT
#include "unit.h"

#include <errno.h>

#include "plan.h"

#define ROUNDS 2000

static unsigned int seed = 20240601;

static unsigned int rnd(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static const char *pick(const struct pns_key *key, char *buf, size_t size)
{
	static const char *const sizes[] = {"1", "64K", "3M", "2G", "7%", "100%"};
	static const char *const names[] = {"a", "host-1", "x.example.org", "A_b"};
	static const char *const networks[] = {"loopback", "host", "off", "vpn", "a b", "%s"};
	static const char *const caps[] = {"all", "none", "CAP_kill net_raw chown", "setuid"};

	if (key->type == &pns_type_yesno)
		return rnd(2) ? "yes" : "no";
	if (key->type == &pns_type_size)
		return sizes[rnd(6)];
	if (key->type == &pns_type_hostname)
		return names[rnd(4)];
	if (key->type == &pns_type_network)
		return networks[rnd(6)];
	if (key->type == &pns_type_caps)
		return caps[rnd(4)];
	if (key->type == &pns_type_count && rnd(3) == 0)
		return "unlimited";
	if (key->type == &pns_type_uptime && rnd(3) == 0)
		return rnd(2) ? "host" : "session";
	if (key->type == &pns_type_choice) {
		const char *word = key->words;

		for (const char *next; rnd(2) && (next = strchr(word, ' ')); word = next + 1)
			;
		snprintf(buf, size, "%.*s", (int)strcspn(word, " "), word);
		return buf;
	}
	snprintf(buf, size, "%u", 1 + rnd(86400));
	return buf;
}

static void random_string(char *s, size_t size)
{
	size_t len = rnd(4) ? 1 + rnd(20) : 1 + rnd((unsigned int)size - 1);

	for (size_t i = 0; i < len; i++)
		s[i] = (char)(1 + rnd(255));
	s[len] = '\0';
}

/* An entry of a labelled key, in its canonical form. */
static void pick_entry(const struct pns_key *key, char *label, char *value, size_t size)
{
	const unsigned int n = rnd(9);

	snprintf(label, size, rnd(4) ? "x%u" : "%.0u", n);
	if (key->type == &pns_type_sysctl) {
		snprintf(label, size, "net.ipv4.x%u", n);
		snprintf(value, size, "%s", rnd(2) ? "1\t2" : "a\\b=c;#");
	} else if (key->type == &pns_type_bind) {
		snprintf(value, size, "/srv/a\\134\\040%u /mnt/b%u%s%s", n, rnd(1000),
			 rnd(2) ? " ro" : "", rnd(2) ? " optional" : "");
	} else if (key->type == &pns_type_tmpfs) {
		snprintf(value, size, "/mnt/t%u%s", rnd(1000), rnd(2) ? " 3M" : "");
	} else if (key->type == &pns_type_hook) {
		snprintf(value, size, rnd(2) ? "/h  a\\134b %u" : "/\\040", n);
	} else {
		snprintf(value, size, "/mnt/p%u /mnt/q%u/r\\012", rnd(1000), rnd(1000));
	}
}

static void random_plan(struct pns_plan *plan)
{
	struct pns_err err = {0};
	char buf[64], label[64], value[64];

	*plan = (struct pns_plan){.who.uid = rnd(1u << 31), .who.gid = rnd(1u << 31)};
	strcpy(plan->id, "1000.1");
	random_string(plan->who.user, sizeof(plan->who.user));
	random_string(plan->who.service, sizeof(plan->who.service));
	random_string(plan->who.host, sizeof(plan->who.host));
	random_string(plan->who.home, sizeof(plan->who.home));
	random_string(plan->who.rhost, sizeof(plan->who.rhost));
	random_string(plan->who.tty, sizeof(plan->who.tty));
	for (int i = 0; i < PNS_KEY_COUNT; i++) {
		const struct pns_key *key = &pns_keys[i];
		void *member = pns_plan_member(plan, key);

		if (!key->type->labelled)
			key->type->parse(key, NULL, pick(key, buf, sizeof(buf)), member, &err);
		for (unsigned int n = key->type->labelled ? rnd(4) : 0; n; n--) {
			pick_entry(key, label, value, sizeof(label));
			key->type->parse(key, label, value, member, &err);
		}
	}
	assert_string_equal(err.text, "");
}

static char text[PNS_PLAN_MAX], again[PNS_PLAN_MAX];

/* A plan that is good, with a labelled line, into text. */
static size_t good_text(void)
{
	struct pns_plan plan;
	struct pns_err err = {0};
	ssize_t n;

	do {
		random_plan(&plan);
		strcpy(plan.who.home, "/home/a\\b\nc");
		strcpy(plan.who.user, "anna");
		strcpy(plan.who.service, "sshd");
		strcpy(plan.who.host, "h");
		strcpy(plan.who.rhost, "r");
		strcpy(plan.who.tty, "t");
		n = plan.sysctl.n > 1 && pns_plan_check(&plan, NULL, NULL, &err) == 0
			    ? pns_plan_encode(&plan, text, sizeof(text), &err)
			    : -1;
		pns_plan_free(&plan);
	} while (n < 0);
	return (size_t)n;
}

static int decode(const char *s, size_t len)
{
	/* An exact copy: a sanitizer sees a byte read too far. */
	char *exact = malloc(len ? len : 1);
	struct pns_plan plan = {0};
	struct pns_err err = {0};
	int r;

	memcpy(exact, s, len);
	r = pns_plan_decode(exact, len, &plan, &err);
	if (r == 0) {
		ssize_t n = pns_plan_encode(&plan, again, sizeof(again), &err);

		assert_int_equal(n, len);
		assert_memory_equal(again, s, len);
		pns_plan_free(&plan);
	} else {
		assert_true(err.count > 0);
	}
	free(exact);
	return r;
}

static void round_trip(void **state)
{
	unsigned int taken = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		const unsigned int was = seed;
		struct pns_plan plan;
		struct pns_err err = {0};
		ssize_t n;
		int good, r;

		random_plan(&plan);
		good = pns_plan_check(&plan, NULL, NULL, &err);
		n = pns_plan_encode(&plan, text, sizeof(text), &err);
		assert_true(n > 0);
		pns_plan_free(&plan);
		r = decode(text, (size_t)n);
		if (r != good)
			fail_msg("seed %u: check %d, decode %d", was, good, r);
		taken += r == 0;
	}
	assert_true(taken > ROUNDS / 100);
}

static void truncated_or_trailing(void **state)
{
	const size_t n = good_text();

	(void)state;
	assert_int_equal(decode(text, n), 0);
	for (size_t i = 0; i < n; i++)
		if (decode(text, i) == 0)
			fail_msg("taken when cut at %zu", i);
	for (int c = 0; c < 256; c++) {
		text[n] = (char)c;
		assert_int_equal(decode(text, n + 1), -EPROTO);
	}
}

static void flipped(void **state)
{
	const size_t n = good_text();

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const char was = text[i];

		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(was ^ 1 << bit);
			decode(text, n); /* refused, or the same when written again */
		}
		text[i] = '\0';
		assert_true(decode(text, n) < 0);
		text[i] = was;
	}
}

/* An entry of a labelled key may be left out, or stand in another order. */
static bool is_entry(const char *line)
{
	const struct pns_key *key = pns_key_find(line, strcspn(line, ".="));

	return key && key->type->labelled;
}

/* Every line but the header left out, doubled, or swapped with the next. */
static void lines(void **state)
{
	const size_t n = good_text();
	static char edited[2 * PNS_PLAN_MAX];

	(void)state;
	for (size_t at = 0, len, next; at < n; at += len) {
		len = strcspn(text + at, "\n") + 1;
		memcpy(edited, text, at);
		memcpy(edited + at, text + at + len, n - at - len);
		if (!is_entry(text + at))
			assert_true(decode(edited, n - len) < 0);
		memcpy(edited, text, at + len);
		memcpy(edited + at + len, text + at, n - at);
		assert_true(decode(edited, n + len) < 0);
		next = at + len < n ? strcspn(text + at + len, "\n") + 1 : 0;
		if (!next || is_entry(text + at + len))
			continue;
		memcpy(edited, text, n);
		memcpy(edited + at, text + at + len, next);
		memcpy(edited + at + next, text + at, len);
		assert_true(decode(edited, n) < 0);
	}
}

/* The first from of the text replaced. */
static int decode_with(const char *from, const char *to)
{
	static char edited[2 * PNS_PLAN_MAX];
	const size_t n = good_text();
	char *at;

	text[n] = '\0';
	at = strstr(text, from);
	assert_non_null(at);
	snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return decode(edited, strlen(edited));
}

static void malformed(void **state)
{
	static char home[40000] = "home=/";

	(void)state;
	assert_int_equal(decode_with("home=/", "home=/"), 0);
	assert_int_equal(decode_with("plan 2", "plan 1"), -EPROTO);
	assert_int_equal(decode_with("plan 2", "plan 22"), -EPROTO);
	assert_int_equal(decode_with("end\n", "colour=red\nend\n"), -EPROTO);
	assert_int_equal(decode_with("\nuid=", "\nuid=0"), -EPROTO);
	assert_int_equal(decode_with("\nuid=", "\nuid=99999999999"), -EPROTO);
	assert_int_equal(decode_with("\nuid=", "\nuid=-"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\x"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\x00"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\x0A"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\x0a"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\x41"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\\q"), -EPROTO);
	assert_int_equal(decode_with("home=/", "home=/\x01"), -EPROTO);
	assert_int_equal(decode_with("kill_grace=", "kill_grace=0"), -EPROTO);
	memset(home + 6, 'a', 4085);
	assert_int_equal(decode_with("home=/", home), -EPROTO);
	memset(home + 6, 'a', 20000);
	assert_int_equal(decode_with("home=/", home), -EPROTO);
}

static void no_room(void **state)
{
	struct pns_plan plan;
	struct pns_err err = {0};
	ssize_t n;

	(void)state;
	random_plan(&plan);
	n = pns_plan_encode(&plan, text, sizeof(text), &err);
	assert_int_equal(pns_plan_encode(&plan, again, (size_t)n + 1, &err), n);
	assert_int_equal(pns_plan_encode(&plan, again, (size_t)n, &err), -ENOSPC);
	pns_plan_free(&plan);
}

static void rules(void **state)
{
	static const struct {
		const char *set[2][2], *says;
	} t[] = {
		{{{"mount", "no"}, {"ipc", "no"}}, "pid = yes needs"},
		{{{"mount", "no"}, {"pid", "no"}}, "ipc = yes needs"},
		{{{"mount", "no"}, {"pid", "no"}}, "private_tmp needs"},
		{{{"uptime", "5"}, {"time", "no"}}, "uptime other than host"},
		{{{"domainname", "d"}, {"uts", "no"}}, "domainname needs"},
		{{{"sysctl.net.a", "1"}, {"network", "host"}}, "sysctl.net.* would"},
		{{{"sysctl.kernel.sem", "1"}, {"ipc", "no"}}, "sysctl.kernel.* and"},
		{{{"sysctl.net.a", "1"}, {"network", "vpn"}}, "sysctl.net.* would change a named"},
		{{{"sysctl.net.a", "1"}, {"network", "off"}}, NULL},
		{{{"uptime", "5"}, {"time", "yes"}}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pns_plan plan = {0};
		struct pns_err err = {0};

		for (int k = 0; k < PNS_KEY_COUNT; k++)
			if (!pns_keys[k].type->labelled && k != PNS_KEY_hostname)
				pns_keys[k].type->parse(&pns_keys[k], NULL, pns_keys[k].fallback,
							pns_plan_member(&plan, &pns_keys[k]), &err);
		for (int s = 0; s < 2; s++) {
			const char *name = t[i].set[s][0];
			const size_t len = strcspn(name, ".");
			const struct pns_key *key = pns_key_find(name, len);

			key->type->parse(key, name[len] ? name + len + 1 : NULL, t[i].set[s][1],
					 pns_plan_member(&plan, key), &err);
		}
		assert_string_equal(err.text, "");
		assert_int_equal(pns_plan_check(&plan, NULL, NULL, &err), t[i].says ? -EINVAL : 0);
		if (t[i].says)
			assert_has(err.text, t[i].says);
		plan.isolate = false; /* then nothing is done, and nothing can contradict */
		assert_int_equal(pns_plan_check(&plan, NULL, NULL, &err), 0);
		pns_plan_free(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(truncated_or_trailing),
		cmocka_unit_test(flipped),    cmocka_unit_test(lines),
		cmocka_unit_test(malformed),  cmocka_unit_test(no_room),
		cmocka_unit_test(rules),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
