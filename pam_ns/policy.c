// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "ini.h"
#include "nss.h"
#include "policy.h"
#include "section.h"

struct layering {
	const struct pns_who *who;
	struct pns_groups groups;
	struct pns_policy policy;
	struct pns_err judged; /* what a type says of a value, before FILE:LINE is put in front */
	struct pns_sections seen; /* of this file */
	bool applies;		  /* the section that is read */
};

/* ---- values ---- */

struct expansion {
	char buf[1024];
	size_t len;
};

/* What a template puts in is data of NSS's: in a name, every other byte becomes '-'. */
static void expand_one(struct expansion *to, const char *text)
{
	for (; *text && to->len + 1 < sizeof(to->buf); text++) {
		const bool leads = to->len == 0 && (*text == '-' || *text == '.');

		to->buf[to->len++] = leads ? 'x' : pns_hostname_char(*text) ? *text : '-';
	}
}

static const char *template_value(const struct pns_who *who, char c, char number[16])
{
	switch (c) {
	case 'u':
		return who->user;
	case 'h':
		return who->host;
	case 's':
		return who->service;
	default:
		snprintf(number, 16, "%u", c == 'U' ? who->uid : who->gid);
		return number;
	}
}

/* text was checked: behind every '%' stands a letter that is known. */
static void expand(const struct pns_who *who, const char *text, struct expansion *to)
{
	char number[16];

	for (; *text && to->len + 1 < sizeof(to->buf); text++) {
		if (*text == '%')
			expand_one(to, template_value(who, *++text, number));
		else
			to->buf[to->len++] = *text;
	}
	if (to->len >= PNS_NAME_SIZE)
		to->len = PNS_NAME_SIZE - 1;
	to->buf[to->len] = '\0';
}

static int set_value(struct layering *l, const struct pns_key *key, const char *label,
		     const char *text)
{
	struct expansion expansion = {.len = 0};
	char buf[PNS_VALUE_MAX];
	int r;

	if (key->type->expand) {
		r = key->type->expand(l->who, text, buf, sizeof(buf), &l->judged);
		if (r < 0)
			return r;
		text = buf;
	} else if (key->type->templates) {
		expand(l->who, text, &expansion);
		text = expansion.buf;
	}
	return key->type->parse(key, label ? label : "", text,
				pns_plan_member(&l->policy.plan, key), &l->judged);
}

static int set_origin(struct layering *l, const struct pns_key *key,
		      const struct pns_ini_item *item)
{
	struct pns_origin *origin = &l->policy.origin[key - pns_keys];
	char *file = strdup(item->file);

	if (!file)
		return -ENOMEM;
	free(origin->file);
	origin->file = file;
	origin->line = item->line;
	return 0;
}

/* ---- entries ---- */

/* The row of "key" or "key.LABEL"; *ret_label is NULL without one. */
static const struct pns_key *find_key(const char *name, const char **ret_label)
{
	const size_t len = strcspn(name, ".");

	*ret_label = name[len] ? name + len + 1 : NULL;
	return pns_key_find(name, len);
}

static int unknown_key(const struct pns_ini_item *item, struct pns_err *err)
{
	const struct pns_key *close = pns_key_closest(item->key, strcspn(item->key, "."));

	if (close)
		return pns_err_add(err, EINVAL, "%s:%u: unknown key %s: did you mean %s?",
				   item->file, item->line, item->key, close->name);
	return pns_err_add(err, EINVAL,
			   "%s:%u: unknown key %s: write one that pam_ns.conf(5) names", item->file,
			   item->line, item->key);
}

/* Every entry is judged, whether its section applies or not; only then is it obeyed. */
static int read_entry(struct layering *l, const struct pns_ini_item *item, struct pns_err *err)
{
	const char *label;
	const struct pns_key *key = find_key(item->key, &label);
	int r;

	if (!key) {
		unknown_key(item, err);
		return 0;
	}
	l->judged = (struct pns_err){0};
	if (label && !key->type->labelled)
		pns_err_add(&l->judged, EINVAL, "this key has no labels: write %s = VALUE",
			    key->name);
	else
		key->type->check(key, label, item->value, &l->judged);
	if (l->judged.count == 0 && l->applies) {
		r = set_value(l, key, label, item->value);
		if (r == 0)
			r = set_origin(l, key, item);
		if (r == -ENOMEM)
			return pns_err_sys(err, ENOMEM, "%s", item->file);
	}
	if (l->judged.count)
		pns_err_add(err, EINVAL, "%s:%u: %s: %s", item->file, item->line, item->key,
			    l->judged.text);
	return 0;
}

static int read_item(void *arg, const struct pns_ini_item *item, struct pns_err *err)
{
	struct layering *l = arg;
	struct pns_section section;
	int r;

	if (item->key)
		return read_entry(l, item, err);
	l->applies = false;
	if (pns_section_parse(item, &section, err) < 0 ||
	    pns_sections_add(&l->seen, item, &section, err) < 0)
		return 0; /* its entries are judged all the same */
	r = pns_section_applies(&section, item, l->who, &l->groups, err);
	if (r < 0)
		return r;
	l->applies = r == 1;
	return 0;
}

/* ---- files ---- */

static int read_file(struct layering *l, const char *path, struct pns_err *err)
{
	int r;

	l->applies = false;
	r = pns_ini_read(path, read_item, l, err);
	pns_sections_clear(&l->seen);
	/* Mistakes are counted at the end: the next files may hold more of them. */
	return r == -EINVAL ? 0 : r;
}

static int read_main(struct layering *l, const char *conf, struct pns_err *err)
{
	int r = read_file(l, conf, err);

	return r == -ENOENT ? pns_err_add(err, ENOENT,
					  "%s does not exist: create it; an empty file "
					  "isolates every login by the defaults",
					  conf)
			    : r;
}

/* pam_ns.conf -> pam_ns.d, beside it. */
static int dir_of(const char *conf, char *buf, size_t size, struct pns_err *err)
{
	size_t len = strlen(conf);

	if (len > 5 && strcmp(conf + len - 5, ".conf") == 0)
		len -= 5;
	if ((size_t)snprintf(buf, size, "%.*s.d", (int)len, conf) >= size)
		return pns_err_sys(err, ENAMETOOLONG, "%.64s...", conf);
	return 0;
}

static int is_policy(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* By bytes: the order must not depend on the login program's locale, as alphasort()'s does. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(struct layering *l, const char *dir, struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	struct dirent **entries;
	char path[PATH_MAX];
	int n, r;

	r = pns_fd_open_trusted(dir, O_RDONLY | O_DIRECTORY, S_IFDIR, &fd, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	n = scandirat(fd, ".", &entries, is_policy, by_bytes);
	if (n < 0)
		return pns_err_sys(err, errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (r == 0) {
			if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir,
					     entries[i]->d_name) >= sizeof(path))
				r = pns_err_sys(err, ENAMETOOLONG, "%s", dir);
			else
				r = read_file(l, path, err);
			if (r == -ENOENT)
				r = 0; /* removed just now */
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* A name that is no file name has no file: it must not become a path. */
static int read_user(struct layering *l, const char *dir, struct pns_err *err)
{
	const char *user = l->who->user;
	char path[PATH_MAX];
	int r;

	if (user[0] == '.' || strchr(user, '/') || strlen(user) > NAME_MAX - strlen(".conf"))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/users/%s.conf", dir, user) >= sizeof(path))
		return pns_err_sys(err, ENAMETOOLONG, "%s", dir);
	r = read_file(l, path, err);
	return r == -ENOENT ? 0 : r;
}

/* ---- the whole ---- */

static int set_defaults(struct layering *l, struct pns_err *err)
{
	int r = 0;

	l->policy.plan.who = *l->who;
	for (int i = 0; r == 0 && i < PNS_KEY_COUNT; i++)
		if (!pns_keys[i].type->labelled)
			r = set_value(l, &pns_keys[i], NULL, pns_keys[i].fallback);
	return r < 0 ? pns_err_add(err, -r, "default of a key: %s", l->judged.text) : 0;
}

static void blame(void *arg, enum pns_key_index key, char *where, size_t size)
{
	const struct pns_origin *origin = &((struct layering *)arg)->policy.origin[key];

	where[0] = '\0';
	if (origin->file)
		snprintf(where, size, "%s:%u: ", origin->file, origin->line);
}

static int resolve(struct layering *l, const char *conf, struct pns_err *err)
{
	char dir[PATH_MAX];
	int r;

	r = dir_of(conf, dir, sizeof(dir), err);
	if (r == 0)
		r = set_defaults(l, err);
	if (r == 0)
		r = read_main(l, conf, err);
	if (r == 0)
		r = read_dir(l, dir, err);
	if (r == 0)
		r = read_user(l, dir, err);
	if (r < 0)
		return r;
	if (err->count)
		return -EINVAL;
	return pns_plan_check(&l->policy.plan, blame, l, err);
}

int pns_policy_resolve(const char *conf, const struct pns_who *who, struct pns_policy *ret_policy,
		       struct pns_err *err)
{
	struct layering *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return pns_err_sys(err, ENOMEM, "%s", conf);
	l->who = who;
	r = resolve(l, conf, err);
	if (r == 0)
		*ret_policy = l->policy;
	else
		pns_policy_free(&l->policy);
	pns_groups_free(&l->groups);
	free(l);
	return r;
}

void pns_policy_free(struct pns_policy *policy)
{
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		free(policy->origin[i].file);
	pns_plan_free(&policy->plan);
	*policy = (struct pns_policy){0};
}
