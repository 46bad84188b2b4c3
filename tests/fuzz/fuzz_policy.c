// SPDX-License-Identifier: MIT
/*
 * A policy from its text to its plan, as the module reads it: pam_ns.conf, and behind a 0xff byte
 * the user's own file. Refused with mistakes that say where, or a plan that its text gives back.
 * With FUZZ_PLANS=DIR each plan is written there: seeds for fuzz_plan.
 */
#include <unistd.h>

#include "nss.h"
#include "policy.h"
#include "text.h"

int __wrap_pns_group_lookup(const char *name, gid_t *ret_gid);
int __wrap_pns_groups_have(struct pns_groups *groups, const struct pns_who *who, gid_t gid);

/* NSS: of each three groups one does not exist, and the user is in one. */
int __wrap_pns_group_lookup(const char *name, gid_t *ret_gid)
{
	const size_t which = strlen(name) % 3;

	*ret_gid = (gid_t)which;
	return which == 2 ? -ENOENT : 0;
}

int __wrap_pns_groups_have(struct pns_groups *groups, const struct pns_who *who, gid_t gid)
{
	(void)groups;
	return gid == who->gid || gid == 1;
}

static const struct pns_who whos[] = {
	{.user = "alice",
	 .service = "sshd",
	 .host = "bed",
	 .home = "/home/alice",
	 .uid = 2001,
	 .gid = 2001},
	/* Names are data. */
	{.user = "--\\..\n;\x01 'a\"[]",
	 .service = "../a=b\t",
	 .host = "-.",
	 .home = "/h o\nme/\\040/..//%u",
	 .uid = UINT32_MAX - 1,
	 .gid = 1},
};

static void keep(const char *text, size_t len, const uint8_t *data, size_t size)
{
	const char *dir = getenv("FUZZ_PLANS");
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	char path[4096];
	FILE *file;

	if (!dir)
		return;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211u;
	snprintf(path, sizeof(path), "%s/%016llx", dir, (unsigned long long)hash);
	file = fopen(path, "w");
	must(file && fwrite(text, 1, len, file) == len && fclose(file) == 0, "%s", path);
}

/* By value: a text that says the same twice can be wrong twice. Types that it does not know are text's affair. */
static bool same_scalar(int64_t a, int64_t b)
{
	return a == b;
}

static bool same_size(struct pns_size a, struct pns_size b)
{
	return a.value == b.value && a.percent == b.percent;
}

static bool same_name(struct pns_name a, struct pns_name b)
{
	return strcmp(a.s, b.s) == 0;
}

static bool same_list(struct pns_list a, struct pns_list b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++)
		if (strcmp(a.item[i].label, b.item[i].label) != 0 ||
		    strcmp(a.item[i].value, b.item[i].value) != 0)
			return false;
	return a.n == b.n;
}

static bool same_network(struct pns_network a, struct pns_network b)
{
	return a.mode == b.mode && strcmp(a.name, b.name) == 0;
}

static bool same_caps(struct pns_caps a, struct pns_caps b)
{
	return a.all == b.all && a.set == b.set;
}

#define SAME(a, b)                               \
	_Generic((a), struct pns_size            \
		 : same_size, struct pns_name    \
		 : same_name, struct pns_list    \
		 : same_list, struct pns_network \
		 : same_network, struct pns_caps \
		 : same_caps, default            \
		 : same_scalar)(a, b)

static void must_be_same(const struct pns_plan *a, const struct pns_plan *b)
{
#define ROW(name, ...) must(SAME(a->name, b->name), #name " comes back as something else");
	PNS_KEYS(ROW)
#undef ROW
}

static void must_come_back(struct pns_plan *plan, const uint8_t *data, size_t size)
{
	static char text[PNS_PLAN_MAX], again[PNS_PLAN_MAX];
	static struct pns_plan back;
	static struct pns_err err;
	ssize_t len;
	int r;

	err = (struct pns_err){0};
	strcpy(plan->id, "2001.1");
	len = pns_plan_encode(plan, text, sizeof(text), &err);
	must_be_err(&err, len < 0 ? (int)len : 0);
	if (len < 0)
		return; /* over 64 KiB: says so */
	r = pns_plan_decode(text, (size_t)len, &back, &err);
	must(r == 0, "own plan refused: %s\n%s", err.text, text);
	must(pns_plan_encode(&back, again, sizeof(again), &err) == len && strcmp(text, again) == 0,
	     "another plan:\n%s\n%s", text, again);
	must_be_same(plan, &back);
	pns_plan_free(&back);
	keep(text, (size_t)len, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pns_policy policy;
	static struct pns_err err;
	const int fd = next_fd();
	int r;

	err = (struct pns_err){0};
	cut(data, size, FILES_MAX);
	r = pns_policy_resolve(files[0].path, &whos[size % 2], &policy, &err);
	must_be_err(&err, r);
	must(r == 0 || r == -EINVAL, "%d: %s", r, err.text);
	must_be_mistakes(&err);
	if (r == 0)
		must_come_back(&policy.plan, data, size);
	pns_policy_free(&policy);
	must(next_fd() == fd, "an fd left open");
	return 0;
}
