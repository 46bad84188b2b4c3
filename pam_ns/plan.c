// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nstab.h"
#include "plan.h"

#define HEADER	  "pam_ns-plan"
#define TRAILER	  "end\n"
#define LINE_MAX_ 16384 /* the longest value, home, with every byte escaped */
#define LABEL_MAX 320

/* The identity's strings, in the order of the text; numbers and rows come behind. */
static const struct identity {
	const char *name;
	size_t offset, size;
} identities[] = {
#define FIELD(name, member)                                                                     \
	{                                                                                       \
		name, offsetof(struct pns_plan, member), sizeof(((struct pns_plan *)0)->member) \
	}
	FIELD("id", id),	 FIELD("user", who.user), FIELD("service", who.service),
	FIELD("host", who.host), FIELD("home", who.home), FIELD("rhost", who.rhost),
	FIELD("tty", who.tty),
#undef FIELD
};

#define IDENTITIES (sizeof(identities) / sizeof(identities[0]))

/* ---- encode ---- */

struct writer {
	char *buf;
	size_t size, len;
	bool full;
};

static void put_char(struct writer *w, char c)
{
	if (w->len + 1 >= w->size)
		w->full = true;
	else
		w->buf[w->len++] = c;
}

static void put_raw(struct writer *w, const char *s)
{
	while (*s)
		put_char(w, *s++);
}

static void put_escaped(struct writer *w, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	for (; *s; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c == '\\') {
			put_raw(w, "\\\\");
		} else if (c == '\n') {
			put_raw(w, "\\n");
		} else if (c < ' ' || c == 0x7f) {
			put_raw(w, "\\x");
			put_char(w, hex[c >> 4]);
			put_char(w, hex[c & 15]);
		} else {
			put_char(w, *s);
		}
	}
}

static void put_line(struct writer *w, const char *name, const char *label, const char *value)
{
	put_raw(w, name);
	if (label && *label) {
		put_char(w, '.');
		put_raw(w, label);
	}
	put_char(w, '=');
	put_escaped(w, value);
	put_char(w, '\n');
}

static void put_number(struct writer *w, const char *name, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, number);
	put_line(w, name, NULL, text);
}

static int put_row(struct writer *w, const struct pns_plan *plan, const struct pns_key *key)
{
	const void *member = pns_plan_member(plan, key);
	const struct pns_list *list = key->type->labelled ? member : NULL;
	const size_t n = list ? list->n : 1;
	char value[PNS_VALUE_MAX];

	for (size_t i = 0; i < n; i++) {
		if (key->type->format(key, member, i, value, sizeof(value)) < 0)
			return -ENOSPC;
		put_line(w, key->name, list ? list->item[i].label : NULL, value);
	}
	return 0;
}

ssize_t pns_plan_encode(const struct pns_plan *plan, char *buf, size_t size, struct pns_err *err)
{
	struct writer w = {.buf = buf, .size = size};
	int r = 0;

	put_raw(&w, HEADER " ");
	put_char(&w, '0' + PNS_PLAN_VERSION);
	put_char(&w, '\n');
	for (size_t i = 0; i < IDENTITIES; i++)
		put_line(&w, identities[i].name, NULL, (const char *)plan + identities[i].offset);
	put_number(&w, "uid", plan->who.uid);
	put_number(&w, "gid", plan->who.gid);
	for (int i = 0; r == 0 && i < PNS_KEY_COUNT; i++)
		r = put_row(&w, plan, &pns_keys[i]);
	put_raw(&w, TRAILER);
	if (r < 0 || w.full)
		return pns_err_add(err, ENOSPC,
				   "the policy is over %zu bytes long: make it shorter", size);
	buf[w.len] = '\0';
	return (ssize_t)w.len;
}

/* ---- decode ---- */

struct reader {
	const char *at, *end;
	char value[LINE_MAX_];
	char label[LABEL_MAX];
};

static int malformed(struct pns_err *err, const char *where)
{
	return pns_err_add(err, EPROTO, "malformed plan at %s", where);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes one escaped byte at *at; -1 for what no encoder writes. */
static int take_byte(const char **at, const char *end)
{
	int high, low;
	char c = *(*at)++;

	if (c != '\\')
		return (unsigned char)c;
	if (*at == end)
		return -1;
	c = *(*at)++;
	if (c == '\\')
		return '\\';
	if (c == 'n')
		return '\n';
	if (c != 'x' || end - *at < 2)
		return -1;
	high = hex_digit((*at)[0]);
	low = hex_digit((*at)[1]);
	*at += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool next_is(const struct reader *r, const char *text)
{
	const size_t len = strlen(text);

	return (size_t)(r->end - r->at) >= len && memcmp(r->at, text, len) == 0;
}

static bool take(struct reader *r, const char *text)
{
	if (!next_is(r, text))
		return false;
	r->at += strlen(text);
	return true;
}

/* The rest of the line, unescaped, into r->value. */
static bool take_value(struct reader *r)
{
	const char *eol = memchr(r->at, '\n', (size_t)(r->end - r->at));
	size_t len = 0;

	if (!eol)
		return false;
	while (r->at < eol) {
		int c = take_byte(&r->at, eol);

		if (c <= 0 || len + 1 >= sizeof(r->value))
			return false;
		r->value[len++] = (char)c;
	}
	r->value[len] = '\0';
	r->at = eol + 1;
	return true;
}

static bool take_line(struct reader *r, const char *name)
{
	return take(r, name) && take(r, "=") && take_value(r);
}

/* "name.LABEL=value" or "name=value" into r->label and r->value. */
static bool take_labelled(struct reader *r, const char *name)
{
	const char *equals;
	size_t len;

	r->label[0] = '\0';
	if (!take(r, name))
		return false;
	if (take(r, "="))
		return take_value(r);
	if (!take(r, "."))
		return false;
	equals = memchr(r->at, '=', (size_t)(r->end - r->at));
	len = equals ? (size_t)(equals - r->at) : sizeof(r->label);
	if (len >= sizeof(r->label) || memchr(r->at, '\0', len))
		return false;
	memcpy(r->label, r->at, len);
	r->label[len] = '\0';
	r->at = equals + 1;
	return take_value(r);
}

static bool take_number(struct reader *r, const char *name, uint32_t *ret_number)
{
	char *end;

	if (!take_line(r, name) || r->value[0] < '0' || r->value[0] > '9')
		return false;
	errno = 0;
	unsigned long number = strtoul(r->value, &end, 10);

	if (*end || errno || number > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static int take_row(struct reader *r, struct pns_plan *plan, const struct pns_key *key,
		    struct pns_err *err)
{
	void *member = pns_plan_member(plan, key);
	char labelled[64], bare[64];
	int e = 0;

	if (!key->type->labelled)
		return take_line(r, key->name) ? key->type->parse(key, NULL, r->value, member, err)
					       : malformed(err, key->name);
	snprintf(labelled, sizeof(labelled), "%s.", key->name);
	snprintf(bare, sizeof(bare), "%s=", key->name);
	while (e == 0 && (next_is(r, labelled) || next_is(r, bare)))
		e = take_labelled(r, key->name)
			    ? key->type->parse(key, r->label, r->value, member, err)
			    : malformed(err, key->name);
	return e;
}

static int decode(struct reader *r, struct pns_plan *plan, struct pns_err *err)
{
	const char version[] = {' ', '0' + PNS_PLAN_VERSION, '\n', '\0'};
	int e = 0;

	if (!take(r, HEADER) || !take(r, version))
		return pns_err_add(err, EPROTO,
				   "the plan is of another version: install pam_ns again, "
				   "module and helper together");
	for (size_t i = 0; i < IDENTITIES; i++) {
		if (!take_line(r, identities[i].name) || strlen(r->value) >= identities[i].size)
			return malformed(err, identities[i].name);
		strcpy((char *)plan + identities[i].offset, r->value);
	}
	if (!take_number(r, "uid", &plan->who.uid) || !take_number(r, "gid", &plan->who.gid))
		return malformed(err, "uid, gid");
	for (int i = 0; e == 0 && i < PNS_KEY_COUNT; i++)
		e = take_row(r, plan, &pns_keys[i], err);
	if (e == 0 && (!take(r, TRAILER) || r->at != r->end))
		e = malformed(err, "its end");
	return e;
}

/*
 * One plan has one text: what was read, written again, must be what came. That covers doubled
 * labels, other spellings of a value, needless escapes, and all else that nobody thought of.
 */
static int check_canonical(const struct pns_plan *plan, const char *text, size_t len,
			   struct pns_err *err)
{
	char *again = malloc(PNS_PLAN_MAX);
	ssize_t n;
	int r = 0;

	if (!again)
		return pns_err_sys(err, ENOMEM, "plan");
	n = pns_plan_encode(plan, again, PNS_PLAN_MAX, err);
	if (n < 0)
		r = (int)n;
	else if ((size_t)n != len || memcmp(again, text, len) != 0)
		r = malformed(err, "a value that is not in its canonical form");
	free(again);
	return r;
}

int pns_plan_decode(const char *text, size_t len, struct pns_plan *ret_plan, struct pns_err *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct pns_plan *plan = calloc(1, sizeof(*plan));
	int r = -ENOMEM;

	if (reader && plan) {
		reader->at = text;
		reader->end = text + len;
		r = decode(reader, plan, err);
		if (r == 0)
			r = check_canonical(plan, text, len, err);
		if (r == 0)
			r = pns_plan_check(plan, NULL, NULL, err);
	} else {
		pns_err_sys(err, ENOMEM, "plan");
	}
	if (r == 0)
		*ret_plan = *plan;
	else if (plan)
		pns_plan_free(plan);
	free(plan);
	free(reader);
	return r;
}

void pns_plan_free(struct pns_plan *plan)
{
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		if (pns_keys[i].type->labelled)
			pns_list_free(pns_plan_member(plan, &pns_keys[i]));
	*plan = (struct pns_plan){0};
}

/* ---- rules between keys ---- */

static bool has_sysctl(const struct pns_plan *plan, const char *prefix)
{
	for (size_t i = 0; i < plan->sysctl.n; i++)
		if (strncmp(plan->sysctl.item[i].label, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static bool has_ipc_sysctl(const struct pns_plan *plan)
{
	return has_sysctl(plan, "kernel.") || has_sysctl(plan, "fs.mqueue.");
}

#define RULE(name, expr)                              \
	static bool name(const struct pns_plan *plan) \
	{                                             \
		return (expr);                        \
	}

RULE(nothing_isolated, pns_ns_flags(plan) == 0)
RULE(pid_without_mount, plan->pid && !plan->mount)
RULE(ipc_without_mount, plan->ipc && !plan->mount)
RULE(tmp_without_mount, plan->private_tmp != PNS_PRIVATE_TMP_NO && !plan->mount)
RULE(uptime_without_time, plan->uptime != PNS_UPTIME_HOST && !plan->time)
RULE(domain_without_uts, plan->domainname.s[0] && !plan->uts)
RULE(net_sysctl_on_host, has_sysctl(plan, "net.") && plan->network.mode == PNS_NETWORK_HOST)
RULE(ipc_sysctl_on_host, has_ipc_sysctl(plan) && !plan->ipc)

RULE(net_sysctl_on_shared, has_sysctl(plan, "net.") && plan->network.mode == PNS_NETWORK_NAMED)

static const struct rule {
	bool (*broken)(const struct pns_plan *plan);
	enum pns_key_index key, other; /* to blame: the first of them that a file has set */
	const char *text;
} rules[] = {
	{nothing_isolated, PNS_KEY_isolate, PNS_KEY_mount,
	 "isolate = yes with every namespace off: write isolate = no"},
	{pid_without_mount, PNS_KEY_pid, PNS_KEY_mount,
	 "pid = yes needs mounts of its own, for /proc: write mount = yes or pid = no"},
	{ipc_without_mount, PNS_KEY_ipc, PNS_KEY_mount,
	 "ipc = yes needs mounts of its own, for /dev/shm: write mount = yes or ipc = no"},
	{tmp_without_mount, PNS_KEY_private_tmp, PNS_KEY_mount,
	 "private_tmp needs mounts of its own: write mount = yes or private_tmp = no"},
	{uptime_without_time, PNS_KEY_uptime, PNS_KEY_time,
	 "uptime other than host needs clocks of its own: write time = yes or uptime = host"},
	{domain_without_uts, PNS_KEY_domainname, PNS_KEY_uts,
	 "domainname needs names of its own: write uts = yes, or take domainname out"},
	{net_sysctl_on_host, PNS_KEY_sysctl, PNS_KEY_network,
	 "sysctl.net.* would change the host with network = host: take it out, or write network = "
	 "loopback"},
	{net_sysctl_on_shared, PNS_KEY_sysctl, PNS_KEY_network,
	 "sysctl.net.* would change a named network for all who share it: set it there with ip "
	 "netns exec NAME sysctl, or write network = loopback"},
	{ipc_sysctl_on_host, PNS_KEY_sysctl, PNS_KEY_ipc,
	 "sysctl.kernel.* and sysctl.fs.mqueue.* would change the host with ipc = no: take them "
	 "out, or write ipc = yes"},
};

int pns_plan_check(const struct pns_plan *plan, pns_blame_fn blame, void *arg, struct pns_err *err)
{
	char where[PATH_MAX + 16] = "";
	int r = 0;

	if (!plan->isolate)
		return 0;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].broken(plan))
			continue;
		if (blame)
			blame(arg, rules[i].key, where, sizeof(where));
		if (blame && !where[0])
			blame(arg, rules[i].other, where, sizeof(where));
		r = pns_err_add(err, EINVAL, "%s%s", where, rules[i].text);
	}
	return r;
}
