// SPDX-License-Identifier: MIT
/* capabilities: all, none, or names as libcap knows them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "keys.h"

#define BLANKS	   " \t"
#define PREFIX	   "cap_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define NUMBERS	   64 /* struct pns_caps has a bit for each */
#define WORD_SIZE  64

/*
 * The name of a number without its prefix into buf, or false: cap_to_name() gives a number that it
 * has no name for as digits, and libcap may know more or fewer than the running kernel.
 */
static bool name_of(cap_value_t cap, char buf[WORD_SIZE])
{
	char *name = cap_to_name(cap);
	bool known = name && strncmp(name, PREFIX, PREFIX_LEN) == 0 && strlen(name) < WORD_SIZE;

	if (known)
		strcpy(buf, name + PREFIX_LEN);
	cap_free(name);
	return known;
}

static cap_value_t find(const char *name)
{
	char known[WORD_SIZE];

	for (cap_value_t cap = 0; cap < NUMBERS; cap++)
		if (name_of(cap, known) && strcmp(known, name) == 0)
			return cap;
	return -1;
}

static int unknown(const char *word, struct pns_err *err)
{
	unsigned int least = PNS_TYPO_MAX + 1;
	char known[WORD_SIZE], best[WORD_SIZE];

	for (cap_value_t cap = 0; cap < NUMBERS; cap++) {
		unsigned int d;

		if (!name_of(cap, known))
			continue;
		d = pns_typo_distance(known, strlen(known), word, strlen(word));
		if (d < least) {
			least = d;
			strcpy(best, known);
		}
	}
	if (least <= PNS_TYPO_MAX)
		return pns_err_add(err, EINVAL, "'%.64s' is no capability: did you mean %s?", word,
				   best);
	return pns_err_add(err, EINVAL,
			   "'%.64s' is no capability: write all, none, or names of "
			   "capabilities(7)",
			   word);
}

/* The next word in lower case and without its prefix; false at the end. A long one is cut. */
static bool next_word(const char **at, char buf[WORD_SIZE])
{
	const char *word = *at + strspn(*at, BLANKS);
	const size_t len = strcspn(word, BLANKS);
	size_t n = 0;

	*at = word + len;
	if (len > PREFIX_LEN && strncasecmp(word, PREFIX, PREFIX_LEN) == 0)
		word += PREFIX_LEN;
	for (; word < *at && n + 1 < WORD_SIZE; word++)
		buf[n++] = (char)tolower((unsigned char)*word);
	buf[n] = '\0';
	return n > 0;
}

static int caps_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		      struct pns_err *err)
{
	struct pns_caps caps = {0};
	char word[WORD_SIZE];
	unsigned int words = 0;
	bool alone = false;

	(void)key;
	(void)label;
	for (const char *at = text; next_word(&at, word); words++) {
		cap_value_t cap;

		if (strcmp(word, "all") == 0 || strcmp(word, "none") == 0) {
			caps.all = word[0] == 'a';
			alone = true;
			continue;
		}
		cap = find(word);
		if (cap < 0)
			return unknown(word, err);
		caps.set |= UINT64_C(1) << cap;
	}
	if (words == 0 || (alone && words > 1))
		return pns_err_add(err, EINVAL,
				   "'%.64s' is not a value of this key: write all alone, none "
				   "alone, or names of capabilities(7)",
				   text);
	*(struct pns_caps *)value = caps;
	return 0;
}

static int caps_check(const struct pns_key *key, const char *label, const char *text,
		      struct pns_err *err)
{
	struct pns_caps ignored;

	return caps_parse(key, label, text, &ignored, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* By name, not by number: the text is for people too. */
static int caps_format(const struct pns_key *key, const void *value, size_t item, char *buf,
		       size_t size)
{
	const struct pns_caps *caps = value;
	char names[NUMBERS][WORD_SIZE];
	size_t n = 0, len = 0;

	(void)key;
	(void)item;
	for (cap_value_t cap = 0; cap < NUMBERS && !caps->all; cap++)
		if (caps->set >> cap & 1 && name_of(cap, names[n]))
			n++;
	if (n == 0)
		strcpy(names[n++], caps->all ? "all" : "none");
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		int put = snprintf(buf + len, size - len, "%s%s", i ? " " : "", names[i]);

		if (put < 0 || (size_t)put >= size - len)
			return -ENOSPC;
		len += (size_t)put;
	}
	return (int)len;
}

const struct pns_type pns_type_caps = {.name = "all | none | names",
				       .check = caps_check,
				       .parse = caps_parse,
				       .format = caps_format};
