// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "paths.h"
#include "plan.h"

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
					   "over %d words: write fewer, or give some of "
					   "them another label",
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

int pns_words_put(char *buf, size_t size, size_t *len, const char *word, struct pns_err *err)
{
	int r = *len + 2 > size ? -ENOSPC : 0;

	if (r == 0 && *len)
		buf[(*len)++] = ' ';
	if (r == 0)
		r = put_word(buf, size, len, word);
	return r < 0 ? pns_err_add(err, EINVAL, "too long: write less") : 0;
}

bool pns_label_valid(const char *label)
{
	return strlen(label) <= PNS_LABEL_MAX &&
	       strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(label);
}

/* ---- templates ---- */

int pns_templates_check(const char *word, struct pns_err *err)
{
	for (const char *p = strchr(word, '%'); p; p = strchr(p + 2, '%'))
		if (!p[1] || !strchr(PNS_TEMPLATES, p[1]))
			return pns_err_add(err, EINVAL,
					   "'%.64s': write %%u user, %%U uid, %%g gid, %%d home, "
					   "%%h host, %%s service or %%%% behind a percent sign",
					   word);
	return 0;
}

const char *pns_template_value(const struct pns_who *who, char c, char number[16])
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
		else if (!strchr(PNS_TEMPLATES, text[1]))
			return pns_err_add(err, EINVAL, "'%.2s' is no template", text);
		else {
			value = pns_template_value(who, *++text, number);
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
		if (n > NAME_MAX)
			return pns_err_add(
				err, EINVAL,
				"'%.64s...' is over %d bytes long, too much for a name in a "
				"path: write a shorter one",
				path, NAME_MAX);
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
