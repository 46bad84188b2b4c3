// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "words.h"

#define BLANKS " \t"

static bool octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

int pns_word_next(const char **at, char *buf, size_t size)
{
	const char *p = *at + strspn(*at, BLANKS);
	size_t len = 0;

	while (*p && !strchr(BLANKS, *p)) {
		char c = *p++;

		if (c == '\\') {
			if (!octal(p))
				return -EINVAL;
			c = (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
			p += 3;
			if (!c)
				return -EINVAL;
		}
		if (len + 1 >= size)
			return -ENAMETOOLONG;
		buf[len++] = c;
	}
	buf[len] = '\0';
	*at = p;
	return len > 0;
}

int pns_word_put(char *buf, size_t size, const char *word)
{
	size_t len = strlen(buf);

	if (len && len + 1 < size)
		buf[len++] = ' ';
	for (; *word && len + 1 < size; word++) {
		const unsigned char c = (unsigned char)*word;

		if (c > ' ' && c != '\\' && c != 0x7f) {
			buf[len++] = *word;
			continue;
		}
		if (len + 4 >= size)
			return -ENOSPC;
		len += (size_t)sprintf(buf + len, "\\%03o", c);
	}
	if (*word)
		return -ENOSPC;
	buf[len] = '\0';
	return 0;
}

int pns_templates_check(const char *text, struct pns_err *err)
{
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 2, '%'))
		if (!p[1] || !strchr("uUgdhs%", p[1]))
			return pns_err_add(err, EINVAL,
					   "'%.64s': write %%u user, %%U uid, %%g gid, %%d home, "
					   "%%h host, %%s service or %%%% behind a percent sign",
					   text);
	return 0;
}

/* What the letter of a template stands for; number is for those that are one. */
static const char *template_value(const struct pns_who *who, char c, char number[16])
{
	switch (c) {
	case 'u':
		return who->user;
	case 'd':
		return who->home;
	case 'h':
		return who->host;
	case 's':
		return who->service;
	case '%':
		return "%";
	default:
		snprintf(number, 16, "%u", c == 'U' ? who->uid : who->gid);
		return number;
	}
}

static bool changes_path(const char *value)
{
	return strchr(value, '/') || strcmp(value, ".") == 0 || strcmp(value, "..") == 0;
}

static int expand_word(const struct pns_who *who, const char *word, char *buf, size_t size,
		       struct pns_err *err)
{
	char number[16];
	size_t len = 0;

	for (; *word; word++) {
		const char *value = word;
		size_t n = 1;

		if (*word == '%') {
			value = template_value(who, *++word, number);
			n = strlen(value);
			if (*word != 'd' && changes_path(value))
				return pns_err_add(err, EINVAL,
						   "%%%c is '%.64s' here, which may not stand in "
						   "a path: write another template for this user",
						   *word, value);
		}
		if (len + n >= size)
			return pns_err_add(err, EINVAL,
					   "a word is over %zu bytes long once its templates are "
					   "expanded: write a shorter one",
					   size - 1);
		memcpy(buf + len, value, n);
		len += n;
	}
	buf[len] = '\0';
	return 0;
}

int pns_words_expand(const struct pns_who *who, const char *text, char *buf, size_t size,
		     struct pns_err *err)
{
	char word[PNS_VALUE_MAX], expanded[PNS_VALUE_MAX];
	int r;

	buf[0] = '\0';
	while ((r = pns_word_next(&text, word, sizeof(word))) == 1) {
		r = expand_word(who, word, expanded, sizeof(expanded), err);
		if (r < 0)
			return r;
		r = pns_word_put(buf, size, expanded);
		if (r < 0)
			break;
	}
	return r < 0 ? pns_err_add(err, EINVAL,
				   "over %zu bytes long once its templates are expanded: write a "
				   "shorter value",
				   size - 1)
		     : 0;
}

int pns_path_check(const char *path, struct pns_err *err)
{
	size_t len;

	if (path[0] != '/')
		return pns_err_add(err, EINVAL,
				   "'%.64s' is no absolute path: write one that "
				   "starts with /",
				   path);
	if (strlen(path) >= PATH_MAX)
		return pns_err_add(err, EINVAL, "'%.64s...' is too long for a path", path);
	for (const char *p = path; *p; p += len) {
		p++;
		len = strcspn(p, "/");
		if (len == 0 || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return pns_err_add(err, EINVAL,
					   "'%.64s' holds an empty component, . or ..: write the "
					   "plain path",
					   path);
	}
	return 0;
}
