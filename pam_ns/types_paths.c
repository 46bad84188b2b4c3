// SPDX-License-Identifier: MIT
/* bind, tmpfs, and the lists of paths: kept as canonical words, their paths normalised. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "paths.h"

/* ---- what a value must look like, before templates are filled in and after ---- */

enum stage { WRITTEN, EXPANDED };

/* A word of a policy file; %d alone may stand where a path begins. */
static int judge_path(const char *word, enum stage stage, struct pns_err *err)
{
	char scratch[PATH_MAX];

	if (stage == WRITTEN && pns_templates_check(word, err) < 0)
		return -EINVAL;
	if (stage == WRITTEN && strncmp(word, "%d", 2) == 0)
		word += word[2] == '/' ? 2 : 0;
	if (stage == WRITTEN && strncmp(word, "%d", 2) == 0)
		return 0;
	return pns_path_normalise(word, scratch, sizeof(scratch), err);
}

static bool is_path(const char *word)
{
	return word[0] == '/' || word[0] == '%';
}

static int read_bind(const struct pns_words *words, enum stage stage, struct pns_bind *ret_bind,
		     struct pns_err *err)
{
	static const char form[] = "write SOURCE [TARGET] [ro] [optional]";
	struct pns_bind bind = {0};
	int r;

	if (words->n == 0) {
		pns_err_add(err, EINVAL, "no path: %s", form);
		return -EINVAL;
	}
	bind.source = bind.target = words->word[0];
	r = judge_path(bind.source, stage, err);
	for (size_t i = 1; r == 0 && i < words->n; i++) {
		const char *word = words->word[i];

		if (i == 1 && is_path(word)) {
			r = judge_path(bind.target = word, stage, err);
		} else if (strcmp(word, "ro") == 0 && !bind.readonly && !bind.optional) {
			bind.readonly = true;
		} else if (strcmp(word, "optional") == 0 && !bind.optional) {
			bind.optional = true;
		} else {
			pns_err_add(err, EINVAL, "'%.64s' has no meaning here: %s", word, form);
			return -EINVAL;
		}
	}
	if (r == 0)
		*ret_bind = bind;
	return r;
}

int pns_bind_read(const char *value, struct pns_words *words, struct pns_bind *ret_bind,
		  struct pns_err *err)
{
	int r = pns_words_split(value, words, err);

	return r < 0 ? r : read_bind(words, EXPANDED, ret_bind, err);
}

static int read_tmpfs(const struct pns_words *words, enum stage stage, const char **ret_path,
		      struct pns_size *ret_size, struct pns_err *err)
{
	struct pns_size size = {0};
	int r;

	if (words->n == 0)
		return pns_err_add(err, EINVAL, "no path: write PATH [SIZE]");
	r = judge_path(words->word[0], stage, err);
	if (r == 0 && words->n > 2)
		return pns_err_add(err, EINVAL, "'%.64s' has no meaning here: write PATH [SIZE]",
				   words->word[2]);
	if (r == 0 && words->n == 2)
		r = pns_type_size.parse(NULL, NULL, words->word[1], &size, err);
	if (r < 0)
		return r;
	*ret_path = words->word[0];
	*ret_size = size;
	return 0;
}

int pns_tmpfs_read(const char *value, struct pns_words *words, const char **ret_path,
		   struct pns_size *ret_size, struct pns_err *err)
{
	int r = pns_words_split(value, words, err);

	return r < 0 ? r : read_tmpfs(words, EXPANDED, ret_path, ret_size, err);
}

/* ---- the types ---- */

static int check_label(const struct pns_key *key, const char *label, struct pns_err *err)
{
	if (pns_label_valid(label))
		return 0;
	return pns_err_add(err, EINVAL,
			   "'%.64s' is not a label: write %s.LABEL with letters, digits, - and _, "
			   "at most %d of them",
			   label, key->name, PNS_LABEL_MAX);
}

/* Writes the canonical form of a value to buf: paths normalised, one blank between words. */
typedef int (*canonical_fn)(const struct pns_words *words, enum stage stage, char *buf, size_t size,
			    struct pns_err *err);

static int put_path(char *buf, size_t size, size_t *len, const char *path, struct pns_err *err)
{
	char normal[PATH_MAX];
	int r = pns_path_normalise(path, normal, sizeof(normal), err);

	return r < 0 ? r : pns_words_put(buf, size, len, normal, err);
}

static int bind_canonical(const struct pns_words *words, enum stage stage, char *buf, size_t size,
			  struct pns_err *err)
{
	struct pns_bind bind;
	size_t len = 0;
	int r = read_bind(words, stage, &bind, err);

	if (r < 0 || stage == WRITTEN)
		return r;
	r = put_path(buf, size, &len, bind.source, err);
	if (r == 0 && strcmp(bind.target, bind.source) != 0)
		r = put_path(buf, size, &len, bind.target, err);
	if (r == 0 && (size_t)snprintf(buf + len, size - len, "%s%s", bind.readonly ? " ro" : "",
				       bind.optional ? " optional" : "") >= size - len)
		r = pns_err_add(err, EINVAL, "too long: write less");
	return r;
}

static int tmpfs_canonical(const struct pns_words *words, enum stage stage, char *buf, size_t size,
			   struct pns_err *err)
{
	struct pns_size limit;
	const char *path;
	size_t len = 0;
	int r = read_tmpfs(words, stage, &path, &limit, err);

	if (r < 0 || stage == WRITTEN)
		return r;
	r = put_path(buf, size, &len, path, err);
	if (r < 0 || !limit.value)
		return r;
	buf[len++] = ' ';
	r = pns_type_size.format(NULL, &limit, 0, buf + len, size - len);
	return r < 0 ? pns_err_add(err, EINVAL, "too long: write less") : 0;
}

static int paths_canonical(const struct pns_words *words, enum stage stage, char *buf, size_t size,
			   struct pns_err *err)
{
	size_t len = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = stage == WRITTEN ? judge_path(words->word[i], stage, err)
				     : put_path(buf, size, &len, words->word[i], err);
	return r;
}

static int check(const struct pns_key *key, const char *label, const char *text, canonical_fn fn,
		 struct pns_err *err)
{
	struct pns_words words;
	int r = check_label(key, label ? label : "", err);

	if (r == 0)
		r = pns_words_split(text, &words, err);
	if (r == 0 && words.n)
		r = fn(&words, WRITTEN, NULL, 0, err);
	return r;
}

/* An entry without a word is taken away. */
static int parse(const struct pns_key *key, const char *label, const char *text, canonical_fn fn,
		 struct pns_list *list, struct pns_err *err)
{
	char canonical[PNS_VALUE_MAX];
	struct pns_words words;
	int r = check_label(key, label ? label : "", err);

	if (r == 0)
		r = pns_words_split(text, &words, err);
	if (r < 0)
		return r;
	if (words.n == 0) {
		pns_list_remove(list, label ? label : "");
		return 0;
	}
	r = fn(&words, EXPANDED, canonical, sizeof(canonical), err);
	if (r < 0)
		return r;
	r = pns_list_set(list, label ? label : "", canonical);
	return r < 0 ? pns_err_sys(err, -r, "%s", key->name) : 0;
}

#define PATHS_TYPE(kind, doc)                                                                   \
	static int kind##_check(const struct pns_key *key, const char *label, const char *text, \
				struct pns_err *err)                                            \
	{                                                                                       \
		return check(key, label, text, kind##_canonical, err);                          \
	}                                                                                       \
	static int kind##_parse(const struct pns_key *key, const char *label, const char *text, \
				void *value, struct pns_err *err)                               \
	{                                                                                       \
		return parse(key, label, text, kind##_canonical, value, err);                   \
	}                                                                                       \
	const struct pns_type pns_type_##kind = {                                               \
		.name = doc,                                                                    \
		.labelled = true,                                                               \
		.expand = pns_paths_expand,                                                     \
		.check = kind##_check,                                                          \
		.parse = kind##_parse,                                                          \
		.format = pns_list_format,                                                      \
	};

PATHS_TYPE(bind, "source [target] [ro] [optional]")
PATHS_TYPE(tmpfs, "path [size]")
PATHS_TYPE(paths, "path ...")
