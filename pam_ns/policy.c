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

static int set_value(struct layering *l, const struct pns_key *key, const char *label,
		     const char *text)
{
	char expanded[PNS_VALUE_MAX];
	int r;

	if (key->type->expand) {
		r = key->type->expand(l->who, text, expanded, sizeof(expanded), &l->judged);
		if (r < 0)
			return r;
		text = expanded;
	}
	return key->type->parse(key, label ? label : "", text,
				pns_plan_member(&l->policy.plan, key), &l->judged);
}

static int set_place(struct pns_origin *origin, const struct pns_ini_item *item)
{
	char *file = strdup(item->file);

	if (!file)
		return -ENOMEM;
	free(origin->file);
	origin->file = file;
	origin->line = item->line;
	return 0;
}

static struct pns_labelled_origin *find_labelled(const struct pns_policy *policy,
						 enum pns_key_index key, const char *label)
{
	for (size_t i = 0; i < policy->n_labelled; i++)
		if (policy->labelled[i].key == key && strcmp(policy->labelled[i].label, label) == 0)
			return &policy->labelled[i];
	return NULL;
}

static int set_labelled(struct pns_policy *policy, enum pns_key_index key, const char *label,
			const struct pns_ini_item *item)
{
	struct pns_labelled_origin *at = find_labelled(policy, key, label), *grown;

	if (!at) {
		grown = realloc(policy->labelled, (policy->n_labelled + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		policy->labelled = grown;
		at = &grown[policy->n_labelled];
		*at = (struct pns_labelled_origin){.key = key, .label = strdup(label)};
		if (!at->label)
			return -ENOMEM;
		policy->n_labelled++;
	}
	return set_place(&at->origin, item);
}

static int set_origin(struct layering *l, const struct pns_key *key, const char *label,
		      const struct pns_ini_item *item)
{
	const enum pns_key_index index = (enum pns_key_index)(key - pns_keys);
	int r = set_place(&l->policy.origin[index], item);

	if (r == 0 && key->type->labelled)
		r = set_labelled(&l->policy, index, label ? label : "", item);
	return r;
}

const struct pns_origin *pns_policy_origin(const struct pns_policy *policy, enum pns_key_index key,
					   const char *label)
{
	const struct pns_labelled_origin *at = label ? find_labelled(policy, key, label) : NULL;

	return at ? &at->origin : &policy->origin[key];
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
			r = set_origin(l, key, label, item);
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
	if (!l->who)
		return 0;
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

static int each_file(const char *dir, pns_policy_file_fn fn, void *arg, struct pns_err *err)
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
				r = fn(arg, path, err);
			if (r == -ENOENT)
				r = 0; /* removed just now */
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_one(void *arg, const char *path, struct pns_err *err)
{
	return read_file(arg, path, err);
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

static void blame(void *arg, enum pns_key_index key, const char *label, char *where, size_t size)
{
	const struct layering *l = arg;
	const struct pns_origin *origin = pns_policy_origin(&l->policy, key, label);

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
		r = each_file(dir, read_one, l, err);
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

int pns_policy_files(const char *conf, pns_policy_file_fn fn, void *arg, struct pns_err *err)
{
	char dir[PATH_MAX], users[PATH_MAX];
	int r;

	r = dir_of(conf, dir, sizeof(dir), err);
	if (r == 0 && (size_t)snprintf(users, sizeof(users), "%s/users", dir) >= sizeof(users))
		r = pns_err_sys(err, ENAMETOOLONG, "%.64s...", conf);
	if (r == 0)
		r = fn(arg, conf, err);
	if (r == 0)
		r = each_file(dir, fn, arg, err);
	return r == 0 ? each_file(users, fn, arg, err) : r;
}

struct judging {
	struct layering layering;
	pns_ini_fn also;
	void *arg;
};

static int judge_item(void *arg, const struct pns_ini_item *item, struct pns_err *err)
{
	struct judging *judging = arg;
	int r = read_item(&judging->layering, item, err);

	return r < 0 ? r : judging->also(judging->arg, item, err);
}

int pns_policy_judge(const char *path, pns_ini_fn also, void *arg, struct pns_err *err)
{
	struct judging *judging = calloc(1, sizeof(*judging));
	int r;

	if (!judging)
		return pns_err_sys(err, ENOMEM, "%s", path);
	judging->also = also;
	judging->arg = arg;
	r = pns_ini_read(path, judge_item, judging, err);
	pns_sections_clear(&judging->layering.seen);
	free(judging);
	return r;
}

void pns_policy_free(struct pns_policy *policy)
{
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		free(policy->origin[i].file);
	for (size_t i = 0; i < policy->n_labelled; i++) {
		free(policy->labelled[i].label);
		free(policy->labelled[i].origin.file);
	}
	free(policy->labelled);
	pns_plan_free(&policy->plan);
	*policy = (struct pns_policy){0};
}
