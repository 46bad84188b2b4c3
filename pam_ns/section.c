// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "section.h"

static int is_user(const struct pns_condition *c, const struct pns_who *who,
		   struct pns_groups *groups)
{
	(void)groups;
	return strcmp(c->name, who->user) == 0;
}

static int is_service(const struct pns_condition *c, const struct pns_who *who,
		      struct pns_groups *groups)
{
	(void)groups;
	return strcmp(c->name, who->service) == 0;
}

static int is_uid(const struct pns_condition *c, const struct pns_who *who,
		  struct pns_groups *groups)
{
	(void)groups;
	return c->number == who->uid;
}

static int is_gid(const struct pns_condition *c, const struct pns_who *who,
		  struct pns_groups *groups)
{
	return pns_groups_have(groups, who, c->number);
}

static int is_group(const struct pns_condition *c, const struct pns_who *who,
		    struct pns_groups *groups)
{
	gid_t gid;
	int r = pns_group_lookup(c->name, &gid);

	if (r == -ENOENT)
		return 0; /* nobody is in a group that is not there */
	return r < 0 ? r : pns_groups_have(groups, who, gid);
}

/* In the order of what it costs to know: conditions are asked in it until one does not hold. */
static const struct kind {
	const char *name;
	bool number;
	bool many;	   /* a user has several of them: two may stand in one header */
	const char *upper; /* what to do about a name in upper case */
	int (*holds)(const struct pns_condition *c, const struct pns_who *who,
		     struct pns_groups *groups);
} kinds[] = {
	{"user", false, false, "write [uid N] instead, or a file pam_ns.d/users/NAME.conf",
	 is_user},
	{"service", false, false, "link the service's file in pam.d to a name in lower case",
	 is_service},
	{"uid", true, false, NULL, is_uid},
	{"gid", true, true, NULL, is_gid},
	{"group", false, true, "write [gid N] instead", is_group},
};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

const char *pns_condition_kind(const struct pns_condition *condition)
{
	return kinds[condition->kind].name;
}

static int wrong(const struct pns_ini_item *item, struct pns_err *err, const char *what)
{
	return pns_err_add(err, EINVAL, "%s:%u: [%.200s]: %s", item->file, item->line,
			   item->section, what);
}

/* Takes the next word, quoted or not. 1, 0 at the end, -EINVAL for an open quote or a long word. */
static int next_word(const char **at, char *word, size_t size)
{
	const char *from = *at + strspn(*at, " \t"), *end;
	char quote = 0;

	if (!*from) {
		*at = from;
		return 0;
	}
	if (*from == '"' || *from == '\'')
		quote = *from++;
	end = quote ? strchr(from, quote) : from + strcspn(from, " \t\"'");
	if (!end || (size_t)(end - from) >= size || end == from)
		return -EINVAL;
	memcpy(word, from, (size_t)(end - from));
	word[end - from] = '\0';
	*at = end + (quote != 0);
	return **at && !isblank((unsigned char)**at) ? -EINVAL : 1;
}

static int find_kind(const char *word)
{
	for (int i = 0; i < KINDS; i++)
		if (strcasecmp(kinds[i].name, word) == 0)
			return i;
	return -1;
}

static int unknown_kind(const struct pns_ini_item *item, const char *word, struct pns_err *err)
{
	for (int i = 0; i < KINDS; i++)
		if (pns_typo_distance(kinds[i].name, strlen(kinds[i].name), word, strlen(word)) <=
		    PNS_TYPO_MAX)
			return pns_err_add(err, EINVAL,
					   "%s:%u: unknown section [%.200s]: did you mean "
					   "%s?",
					   item->file, item->line, item->section, kinds[i].name);
	return pns_err_add(err, EINVAL,
			   "%s:%u: unknown section [%.200s]: write default, or pairs of "
			   "user, group, service, uid, gid and a name",
			   item->file, item->line, item->section);
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			return true;
	return false;
}

static int parse_id(const char *text, uint32_t *ret_number)
{
	char *end;
	unsigned long number;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return -EINVAL;
	number = strtoul(text, &end, 10);
	if (number >= UINT32_MAX) /* (uid_t)-1 is nobody's: chown(2) */
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

static int parse_condition(const struct pns_ini_item *item, const char *kind, const char *name,
			   struct pns_section *section, struct pns_err *err)
{
	struct pns_condition *c = &section->condition[section->n];

	*c = (struct pns_condition){.kind = find_kind(kind)};
	if (c->kind < 0)
		return unknown_kind(item, kind, err);
	if (kinds[c->kind].number && parse_id(name, &c->number) < 0)
		return wrong(item, err, "not a number: write the id in digits");
	if (!kinds[c->kind].number && has_upper(name))
		return pns_err_add(err, EINVAL,
				   "%s:%u: [%.200s]: a name in upper case cannot stand in a "
				   "header: %s",
				   item->file, item->line, item->section, kinds[c->kind].upper);
	for (size_t i = 0; i < section->n; i++)
		if (section->condition[i].kind == c->kind && !kinds[c->kind].many)
			return wrong(item, err,
				     "two of a kind never hold together: write two sections");
	if (!kinds[c->kind].number)
		strcpy(c->name, name);
	section->n++;
	return 0;
}

static int by_kind(const void *a, const void *b)
{
	const struct pns_condition *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind - y->kind;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

int pns_section_parse(const struct pns_ini_item *item, struct pns_section *ret_section,
		      struct pns_err *err)
{
	struct pns_section section = {0};
	char kind[PNS_WHO_MAX], name[PNS_WHO_MAX];
	const char *at = item->section;
	int r;

	if (strcasecmp(at, "default") == 0) {
		*ret_section = section;
		return 0;
	}
	while ((r = next_word(&at, kind, sizeof(kind))) == 1) {
		if (find_kind(kind) < 0)
			return unknown_kind(item, kind, err);
		if (next_word(&at, name, sizeof(name)) != 1)
			return wrong(item, err,
				     "a name is missing or its quote is not closed: write pairs "
				     "such as user NAME");
		if (section.n == PNS_CONDITIONS_MAX)
			return wrong(item, err, "over 8 conditions: write fewer");
		r = parse_condition(item, kind, name, &section, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return wrong(item, err,
			     "cannot be read: write pairs such as user NAME, names with blanks in "
			     "quotes");
	qsort(section.condition, section.n, sizeof(section.condition[0]), by_kind);
	*ret_section = section;
	return 0;
}

int pns_section_applies(const struct pns_section *section, const struct pns_ini_item *item,
			const struct pns_who *who, struct pns_groups *groups, struct pns_err *err)
{
	for (size_t i = 0; i < section->n; i++) {
		const struct pns_condition *c = &section->condition[i];
		int r = kinds[c->kind].holds(c, who, groups);

		if (r < 0)
			return pns_err_sys(err, -r,
					   "%s:%u: [%.200s]: NSS cannot look it up (see "
					   "/etc/nsswitch.conf)",
					   item->file, item->line, item->section);
		if (r == 0)
			return 0;
	}
	return 1;
}

/* A section and its line, without room for conditions that it has not. */
struct seen {
	unsigned int line;
	size_t n;
	struct pns_condition condition[];
};

static int by_meaning(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int diff;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	for (size_t i = 0; i < x->n; i++) {
		diff = by_kind(&x->condition[i], &y->condition[i]);
		if (diff)
			return diff;
	}
	return 0;
}

int pns_sections_add(struct pns_sections *sections, const struct pns_ini_item *item,
		     const struct pns_section *section, struct pns_err *err)
{
	const size_t size = section->n * sizeof(section->condition[0]);
	struct seen *seen = malloc(sizeof(*seen) + size), **found = NULL;

	if (seen) {
		seen->line = item->line;
		seen->n = section->n;
		memcpy(seen->condition, section->condition, size);
		found = tsearch(seen, &sections->seen, by_meaning);
	}
	if (found && *found == seen)
		return 0;
	free(seen);
	if (!found)
		return pns_err_sys(err, ENOMEM, "%s", item->file);
	return pns_err_add(err, EINVAL,
			   "%s:%u: [%.200s]: doubled section, first in line %u: write it once",
			   item->file, item->line, item->section, (*found)->line);
}

void pns_sections_clear(struct pns_sections *sections)
{
	tdestroy(sections->seen, free);
	sections->seen = NULL;
}
