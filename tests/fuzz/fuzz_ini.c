// SPDX-License-Identifier: MIT
/*
 * The INI reader against iniparser: both must have found the same sections and keys, at the lines
 * that the reader names, with the values that pam_ns.conf(5) promises.
 */
#include <ctype.h>
#include <strings.h>
#include <unistd.h>

#if __has_include(<iniparser/iniparser.h>)
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#include "ini.h"
#include "text.h"

#define ITEMS_MAX 8192

static char *items[ITEMS_MAX]; /* "section" or "section:key", lower case */
static size_t n_items, n_compared;

void __real_iniparser_freedict(dictionary *dict);
void __wrap_iniparser_freedict(dictionary *dict);

static bool is_item(const char *name)
{
	for (size_t i = 0; i < n_items; i++)
		if (strcmp(items[i], name) == 0)
			return true;
	return false;
}

/* The reader is done with the dictionary of one piece: now they can be compared. */
void __wrap_iniparser_freedict(dictionary *dict)
{
	for (size_t i = n_compared; i < n_items; i++)
		must(iniparser_find_entry(dict, items[i]), "iniparser has no %s", items[i]);
	for (ssize_t i = 0; i < dict->size; i++)
		must(!dict->key[i] || n_items == ITEMS_MAX || is_item(dict->key[i]),
		     "iniparser alone has %s", dict->key[i]);
	n_compared = n_items;
	__real_iniparser_freedict(dict);
}

static const char *line_of(unsigned int number, size_t *ret_len)
{
	const char *at = pieces[0].text, *end = at + pieces[0].len, *eol;

	for (; number > 1; number--) {
		at = memchr(at, '\n', (size_t)(end - at));
		must(at, "a line that is not there");
		at++;
	}
	eol = memchr(at, '\n', (size_t)(end - at));
	*ret_len = (size_t)((eol ? eol : end) - at);
	return at;
}

static void strip_right(char *s, size_t len)
{
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
}

/* What the manual says that a line's value is. */
static void must_be_value(char *line, const struct pns_ini_item *item)
{
	char *value = strchr(line, '='), *end;

	must(value, "no = in line %u", item->line);
	*value++ = '\0';
	value += strspn(value, " \t\r\v\f");
	if ((*value == '"' || *value == '\'') && (end = strchr(value + 1, *value))) {
		*end = '\0';
		value++;
	} else {
		value[strcspn(value, ";#")] = '\0';
		strip_right(value, strlen(value));
	}
	must(strcmp(value, item->value) == 0, "line %u: '%s' read as '%s'", item->line, value,
	     item->value);
	line += strspn(line, " \t\r\v\f");
	if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	line += strspn(line, " \t\r\v\f");
	strip_right(line, strlen(line));
	must(strcasecmp(line, item->key) == 0, "line %u: key '%s' read as '%s'", item->line, line,
	     item->key);
}

static int note(void *arg, const struct pns_ini_item *item, struct pns_err *err)
{
	char name[4096], line[4096];
	const char *from;
	size_t len;

	(void)arg;
	(void)err;
	must(item->section && *item->section, "an item of no section");
	must((size_t)snprintf(name, sizeof(name), "%s%s%s", item->section, item->key ? ":" : "",
			      item->key ? item->key : "") < sizeof(name),
	     "a name of over 4095 bytes");
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	must(!is_item(name), "%s doubled, and nothing said", name);
	if (n_items < ITEMS_MAX)
		items[n_items++] = strdup(name);
	from = line_of(item->line, &len);
	must(len < sizeof(line), "a line of over 4095 bytes");
	memcpy(line, from, len);
	line[len] = '\0';
	if (item->key)
		must_be_value(line, item);
	else
		must(strstr(line, item->section), "line %u has no [%s]", item->line, item->section);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pns_err err;
	const int fd = next_fd();
	int r;

	err = (struct pns_err){0};
	cut(data, size, 1);
	r = pns_ini_read(files[0].path, note, NULL, &err);
	must_be_err(&err, r);
	must(r == 0 || r == -EINVAL, "%d: %s", r, err.text);
	must_be_mistakes(&err);
	must(next_fd() == fd, "an fd left open");
	n_compared = 0;
	while (n_items)
		free(items[--n_items]);
	return 0;
}
