// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "paths.h"
#include "plan.h"

#define TEMPLATES "uUgdhs%"
#define LABEL_MAX 64

/* ---- words ---- */

static bool escaped(unsigned char c)
{
	return c <= ' ' || c == 0x7f || c == '\\';
}

/* Appends one word in its written form. -ENOSPC */
static int put_word(char *buf, size_t size, size_t *len, const char *word)
{
	for (; *word; word++) {
		const unsigned char c = (unsigned char)*word;

		if (*len + 5 > size)
			return -ENOSPC;
		if (escaped(c))
			*len += (size_t)sprintf(buf + *len, "\\%03o", c);
		else
			buf[(*len)++] = *word;
	}
	buf[*len] = '\0';
	return 0;
}

static bool octal(char c, char max)
{
	return c >= '0' && c <= max;
}

/* One byte of a word at *at, -1 for an escape that is none. */
static int take_byte(const char **at)
{
	const char *p = *at;

	if (*p != '\\') {
		++*at;
		return (unsigned char)*p;
	}
	if (!octal(p[1], '3') || !octal(p[2], '7') || !octal(p[3], '7'))
		return -1;
	*at += 4;
	return (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0');
}

int pns_words_split(const char *text, struct pns_words *ret_words, struct pns_err *err)
{
	struct pns_words *words = ret_words;
	size_t len = 0;

	words->n = 0;
	if (strlen(text) >= sizeof(words->buf))
		return pns_err_add(err, EINVAL, "over %zu bytes long: write less",
				   sizeof(words->buf) - 1);
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		if (words->n == PNS_WORDS_MAX)
			return pns_err_add(err, EINVAL,
					   "over %d words: give some of them another label",
					   PNS_WORDS_MAX);
		words->word[words->n++] = words->buf + len;
		while (*text && *text != ' ' && *text != '\t') {
			const int c = take_byte(&text);

			if (c <= 0)
				return pns_err_add(err, EINVAL,
						   "'%.8s' is no escape: write \\040 for a blank, "
						   "\\134 for a backslash",
						   text);
			words->buf[len++] = (char)c;
		}
		words->buf[len++] = '\0';
	}
	return 0;
}

/* ---- templates ---- */

static const char *template_value(const struct pns_who *who, char c, char number[16])
{
	switch (c) {
	case 'u':
		return who->user;
	case 'h':
		return who->host;
	case 's':
		return who->service;
	case 'd':
		return who->home;
	case '%':
		return "%";
	default:
		snprintf(number, 16, "%u", c == 'U' ? who->uid : who->gid);
		return number;
	}
}

/* A name must stay one component, and no more than part of one. */
static int judge_value(char c, const char *value, struct pns_err *err)
{
	if (c == 'd' && value[0] != '/')
		return pns_err_add(err, EINVAL,
				   "%%d: the home directory '%.64s' is not an absolute path: write "
				   "another path for this user",
				   value);
	if (c != 'd' &&
	    (strchr(value, '/') || strcmp(value, ".") == 0 || strcmp(value, "..") == 0 || !*value))
		return pns_err_add(err, EINVAL,
				   "%%%c: '%.64s' cannot be part of a path: write another path for "
				   "this user",
				   c, value);
	return 0;
}

int pns_paths_expand(const struct pns_who *who, const char *text, char *buf, size_t size,
		     struct pns_err *err)
{
	size_t len = 0;
	int r = 0;

	buf[0] = '\0';
	for (; r == 0 && *text; text++) {
		char number[16];
		const char *value;

		if (len + 2 > size)
			r = -ENOSPC;
		else if (*text != '%' || !text[1] || text[1] == ' ' || text[1] == '\t')
			buf[len++] = *text; /* as in 5%, a size */
		else if (!text[1] || !strchr(TEMPLATES, text[1]))
			return pns_err_add(err, EINVAL, "'%.2s' is no template", text);
		else {
			value = template_value(who, *++text, number);
			r = judge_value(*text, value, err);
			if (r == 0)
				r = put_word(buf, size, &len, value);
		}
	}
	if (r == -ENOSPC)
		return pns_err_add(err, ENOSPC, "too long with its templates filled in");
	buf[len < size ? len : size - 1] = '\0';
	return r;
}

/* ---- paths ---- */

int pns_path_normalise(const char *path, char *buf, size_t size, struct pns_err *err)
{
	size_t len = 0;

	if (path[0] != '/')
		return pns_err_add(err, EINVAL,
				   "'%.64s' is not an absolute path: write one that starts with /",
				   path);
	if (strlen(path) >= size || strlen(path) >= PATH_MAX)
		return pns_err_add(err, EINVAL, "'%.64s...' is too long for a path", path);
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		const size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return pns_err_add(err, EINVAL, "a path with '..' in it: write it without");
		if (n != 1 || path[0] != '.') {
			buf[len++] = '/';
			memcpy(buf + len, path, n);
			len += n;
		}
		path += n;
	}
	if (len == 0)
		buf[len++] = '/';
	buf[len] = '\0';
	return 0;
}

bool pns_path_within(const char *path, const char *dir)
{
	const size_t len = strlen(dir);

	if (len == 1)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* ---- what a value must look like, before templates are filled in and after ---- */

enum stage { WRITTEN, EXPANDED };

/* A word of a policy file; %d alone may stand where a path begins. */
static int judge_path(const char *word, enum stage stage, struct pns_err *err)
{
	char scratch[PATH_MAX];

	for (const char *p = word; stage == WRITTEN && *p; p++) {
		if (*p != '%')
			continue;
		p++;
		if (!*p || !strchr(TEMPLATES, *p))
			return pns_err_add(err, EINVAL,
					   "'%.64s': write %%u user, %%U uid, %%g gid, %%d home, "
					   "%%h host, %%s service or %%%% behind a percent sign",
					   word);
	}
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
	struct pns_bind bind = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->n; i++) {
		const char *word = words->word[i];

		if (i == 0)
			r = judge_path(bind.source = word, stage, err);
		else if (i == 1 && is_path(word))
			r = judge_path(bind.target = word, stage, err);
		else if (strcmp(word, "ro") == 0 && !bind.readonly && !bind.optional)
			bind.readonly = true;
		else if (strcmp(word, "optional") == 0 && !bind.optional)
			bind.optional = true;
		else
			return pns_err_add(err, EINVAL,
					   "'%.64s' has no meaning here: write SOURCE [TARGET] "
					   "[ro] [optional]",
					   word);
	}
	if (r == 0 && !bind.target)
		bind.target = bind.source;
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
	int r = judge_path(words->word[0], stage, err);

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

/* ---- the types: bind, tmpfs, paths ---- */

static int check_label(const struct pns_key *key, const char *label, struct pns_err *err)
{
	if (strlen(label) <= LABEL_MAX &&
	    strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(label))
		return 0;
	return pns_err_add(err, EINVAL,
			   "'%.64s' is not a label: write %s.LABEL with letters, digits, - and _",
			   label, key->name);
}

/* Writes the canonical form of a value to buf: paths normalised, one blank between words. */
typedef int (*canonical_fn)(const struct pns_words *words, enum stage stage, char *buf, size_t size,
			    struct pns_err *err);

static int put_path(char *buf, size_t size, size_t *len, const char *path, struct pns_err *err)
{
	char normal[PATH_MAX];
	int r = pns_path_normalise(path, normal, sizeof(normal), err);

	if (r == 0 && *len + 2 > size)
		r = -ENOSPC;
	if (r == 0 && *len)
		buf[(*len)++] = ' ';
	if (r == 0)
		r = put_word(buf, size, len, normal);
	return r == -ENOSPC ? pns_err_add(err, EINVAL, "too long: write less") : r;
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
