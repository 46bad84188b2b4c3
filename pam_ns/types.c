// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "paths.h"
#include "plan.h"

#define SECONDS_MAX 86400 /* of a time-out: a day */
#define UPTIME_MAX  UINT32_MAX
#define LABEL_MAX   128
#define VALUE_MAX   256
#define WORD_MAX    64

unsigned int pns_typo_distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned int row[WORD_MAX + 1];

	if (alen > WORD_MAX || blen > WORD_MAX)
		return WORD_MAX;
	/* Levenshtein's, a row at a time. */
	for (size_t j = 0; j <= blen; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= alen; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[blen];
}

static int bad(struct pns_err *err, const char *text, const char *write)
{
	return pns_err_add(err, EINVAL, "'%.64s' is not a value of this key: write %s", text,
			   write);
}

static int put(char *buf, size_t size, int n)
{
	(void)buf;
	return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}

/* Decimal digits alone: no sign, no blank, no hex, as strtoull() would take. */
static int parse_number(const char *text, size_t len, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (digit > 9 || number > (max - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return 0;
}

/* ---- yesno ---- */

static int yesno_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		       struct pns_err *err)
{
	(void)key;
	(void)label;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return bad(err, text, "yes or no");
	*(bool *)value = text[0] == 'y';
	return 0;
}

static int yesno_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			size_t size)
{
	(void)key;
	(void)item;
	return put(buf, size, snprintf(buf, size, "%s", *(const bool *)value ? "yes" : "no"));
}

/* ---- choice: the number of a word of the row ---- */

static const char *next_word(const char *words, size_t *ret_len)
{
	*ret_len = strcspn(words, " ");
	return words[*ret_len] ? words + *ret_len + 1 : NULL;
}

static const char *closest_word(const char *words, const char *text, size_t *ret_len)
{
	unsigned int least = PNS_TYPO_MAX + 1;
	const char *best = NULL;

	for (const char *word = words, *next; word; word = next) {
		size_t len;
		unsigned int d;

		next = next_word(word, &len);
		d = pns_typo_distance(word, len, text, strlen(text));
		if (d < least) {
			least = d;
			best = word;
			*ret_len = len;
		}
	}
	return best;
}

static int choice_parse(const struct pns_key *key, const char *label, const char *text, void *value,
			struct pns_err *err)
{
	const char *close;
	int number = 0;
	size_t len;

	(void)label;
	for (const char *word = key->words, *next; word; word = next, number++) {
		next = next_word(word, &len);
		if (strlen(text) == len && memcmp(word, text, len) == 0) {
			*(int *)value = number;
			return 0;
		}
	}
	close = closest_word(key->words, text, &len);
	if (close)
		return pns_err_add(err, EINVAL,
				   "'%.64s' is not a value of this key: did you mean "
				   "%.*s? (one of: %s)",
				   text, (int)len, close, key->words);
	return pns_err_add(err, EINVAL, "'%.64s' is not a value of this key: write one of: %s",
			   text, key->words);
}

static int choice_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			 size_t size)
{
	int number = *(const int *)value;
	const char *word = key->words;
	size_t len;

	(void)item;
	while (word && number-- > 0)
		word = next_word(word, &len);
	if (!word)
		return -ENOSPC;
	next_word(word, &len);
	return put(buf, size, snprintf(buf, size, "%.*s", (int)len, word));
}

/* ---- seconds, count ---- */

static int seconds_parse(const struct pns_key *key, const char *label, const char *text,
			 void *value, struct pns_err *err)
{
	/* A login that may take no time at all can never be opened. */
	const unsigned int least = key->offset == pns_keys[PNS_KEY_timeout].offset;
	uint64_t number;

	(void)label;
	if (parse_number(text, strlen(text), SECONDS_MAX, &number) < 0 || number < least)
		return bad(err, text,
			   least ? "whole seconds, 1 to 86400" : "whole seconds, 0 to 86400");
	*(uint32_t *)value = (uint32_t)number;
	return 0;
}

static int seconds_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			  size_t size)
{
	(void)key;
	(void)item;
	return put(buf, size, snprintf(buf, size, "%" PRIu32, *(const uint32_t *)value));
}

static int count_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		       struct pns_err *err)
{
	uint64_t number = PNS_UNLIMITED;

	(void)key;
	(void)label;
	if (strcmp(text, "unlimited") != 0 &&
	    (parse_number(text, strlen(text), PNS_UNLIMITED - 1, &number) < 0 || number == 0))
		return bad(err, text, "a number from 1, or unlimited");
	*(uint32_t *)value = (uint32_t)number;
	return 0;
}

static int count_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			size_t size)
{
	if (*(const uint32_t *)value == PNS_UNLIMITED)
		return put(buf, size, snprintf(buf, size, "unlimited"));
	return seconds_format(key, value, item, buf, size);
}

/* ---- size: bytes with K, M or G, or N% ---- */

static int size_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		      struct pns_err *err)
{
	static const char units[] = "KMG";
	struct pns_size result = {0};
	size_t len = strlen(text);
	unsigned int shift = 0;
	const char *unit = len ? strchr(units, toupper((unsigned char)text[len - 1])) : NULL;
	int r;

	(void)key;
	(void)label;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		len--;
	} else if (len && text[len - 1] == '%') {
		result.percent = true;
		len--;
	}
	/* 2^53: far above any memory, far below where sums could overflow. */
	r = parse_number(text, len, result.percent ? 100 : (UINT64_C(1) << 53) >> shift,
			 &result.value);
	if (r < 0 || result.value == 0)
		return bad(err, text, "bytes with K, M or G behind, or 1% to 100% of memory");
	result.value <<= shift;
	*(struct pns_size *)value = result;
	return 0;
}

static int size_format(const struct pns_key *key, const void *value, size_t item, char *buf,
		       size_t size)
{
	const struct pns_size *s = value;

	(void)key;
	(void)item;
	return put(buf, size,
		   snprintf(buf, size, "%" PRIu64 "%s", s->value, s->percent ? "%" : ""));
}

/* ---- uptime: host, session, or seconds ---- */

static int uptime_parse(const struct pns_key *key, const char *label, const char *text, void *value,
			struct pns_err *err)
{
	uint64_t number;

	(void)key;
	(void)label;
	if (strcmp(text, "host") == 0)
		*(int64_t *)value = PNS_UPTIME_HOST;
	else if (strcmp(text, "session") == 0)
		*(int64_t *)value = PNS_UPTIME_SESSION;
	else if (parse_number(text, strlen(text), UPTIME_MAX, &number) == 0)
		*(int64_t *)value = (int64_t)number;
	else
		return bad(err, text, "host, session, or the seconds to start from");
	return 0;
}

static int uptime_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			 size_t size)
{
	const int64_t uptime = *(const int64_t *)value;

	(void)key;
	(void)item;
	if (uptime == PNS_UPTIME_HOST)
		return put(buf, size, snprintf(buf, size, "host"));
	if (uptime == PNS_UPTIME_SESSION)
		return put(buf, size, snprintf(buf, size, "session"));
	return put(buf, size, snprintf(buf, size, "%" PRId64, uptime));
}

/* ---- hostname: a name, as it is once its templates are expanded ---- */

bool pns_hostname_char(char c)
{
	/* '_' is in no RFC and in many user names; Linux takes any byte. */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

static bool may_be_empty(const struct pns_key *key)
{
	return key->fallback[0] == '\0';
}

static int hostname_check(const struct pns_key *key, const char *label, const char *text,
			  struct pns_err *err)
{
	(void)label;
	if (!*text && !may_be_empty(key))
		return bad(err, text, "a name");
	if (*text == '-' || *text == '.')
		return bad(err, text, "a name that begins with a letter or a digit");
	for (const char *p = text; *p; p++) {
		if (*p == '%') {
			p++;
			if (!*p || !strchr(PNS_TEMPLATES, *p))
				return bad(err, text,
					   "%u user, %U uid, %g gid, %h host, %s service "
					   "or %% behind a percent sign");
			if (*p == 'd' || *p == '%')
				return bad(err, text,
					   "a name without %d and %%: no hostname holds "
					   "a path or a percent sign");
		} else if (!pns_hostname_char(*p)) {
			return bad(err, text, "letters, digits, . - _ and templates such as %u");
		}
	}
	return 0;
}

/* What a template puts in is data of NSS's: in a name, every other byte becomes '-'. */
static size_t put_name(char *buf, size_t size, size_t len, const char *text)
{
	for (; *text && len + 1 < size; text++) {
		const bool leads = len == 0 && (*text == '-' || *text == '.');

		buf[len++] = leads ? 'x' : pns_hostname_char(*text) ? *text : '-';
	}
	return len;
}

/* text was checked: behind every '%' stands a letter that is known. Cut to a name's length. */
static int hostname_expand(const struct pns_who *who, const char *text, char *buf, size_t size,
			   struct pns_err *err)
{
	size_t len = 0;
	char number[16];

	(void)err;
	if (size > PNS_NAME_SIZE)
		size = PNS_NAME_SIZE;
	for (; *text && len + 1 < size; text++) {
		if (*text == '%')
			len = put_name(buf, size, len, pns_template_value(who, *++text, number));
		else
			buf[len++] = *text;
	}
	buf[len] = '\0';
	return 0;
}

static int hostname_parse(const struct pns_key *key, const char *label, const char *text,
			  void *value, struct pns_err *err)
{
	struct pns_name name = {0};
	size_t len = strlen(text);

	(void)label;
	if ((len == 0 && !may_be_empty(key)) || len >= sizeof(name.s) || *text == '-' ||
	    *text == '.')
		return bad(err, text, "a name of at most 64 bytes");
	for (const char *p = text; *p; p++)
		if (!pns_hostname_char(*p))
			return bad(err, text, "letters, digits, . - _");
	memcpy(name.s, text, len);
	*(struct pns_name *)value = name;
	return 0;
}

static int hostname_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			   size_t size)
{
	(void)key;
	(void)item;
	return put(buf, size, snprintf(buf, size, "%s", ((const struct pns_name *)value)->s));
}

/* ---- sysctl: a list by name ---- */

/* Which sysctls belong to a namespace of the session, and so do not touch the host. */
static bool sysctl_namespaced(const char *name)
{
	static const char *const prefixes[] = {"net.", "fs.mqueue.", "kernel.shm", "kernel.msg"};

	if (strcmp(name, "kernel.sem") == 0)
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 &&
		    name[strlen(prefixes[i])])
			return true;
	return false;
}

static int sysctl_check(const struct pns_key *key, const char *label, const char *text,
			struct pns_err *err)
{
	(void)key;
	if (!label || !*label)
		return pns_err_add(err, EINVAL, "sysctl without a name: write sysctl.NAME = VALUE");
	if (strlen(label) > LABEL_MAX || strstr(label, "..") || label[strlen(label) - 1] == '.' ||
	    strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != strlen(label))
		return pns_err_add(err, EINVAL,
				   "'%.64s' is not a sysctl's name: write it with dots, "
				   "net.ipv4.ip_forward, in at most %d bytes",
				   label, LABEL_MAX);
	if (!sysctl_namespaced(label))
		return pns_err_add(err, EINVAL,
				   "sysctl %s is the whole machine's: write one of net.*, "
				   "kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*",
				   label);
	if (strlen(text) > VALUE_MAX)
		return pns_err_add(err, EINVAL,
				   "the value of sysctl %s is over %d bytes: write a "
				   "shorter one",
				   label, VALUE_MAX);
	for (const char *p = text; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || (unsigned char)*p > '~')
			return pns_err_add(err, EINVAL,
					   "the value of sysctl %s holds a byte that is "
					   "no text: write plain ASCII",
					   label);
	return 0;
}

int pns_list_set(struct pns_list *list, const char *label, const char *text)
{
	char *copy = strdup(text);
	struct pns_item *grown;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->item[i].label, label) != 0)
			continue;
		free(list->item[i].value);
		list->item[i].value = copy;
		return 0;
	}
	grown = realloc(list->item, (list->n + 1) * sizeof(*grown));
	if (grown)
		list->item = grown;
	if (grown)
		grown[list->n].label = strdup(label);
	if (!grown || !grown[list->n].label) {
		free(copy);
		return -ENOMEM;
	}
	grown[list->n++].value = copy;
	return 0;
}

void pns_list_remove(struct pns_list *list, const char *label)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->item[i].label, label) != 0)
			continue;
		free(list->item[i].label);
		free(list->item[i].value);
		list->n--;
		memmove(&list->item[i], &list->item[i + 1], (list->n - i) * sizeof(list->item[0]));
		return;
	}
}

static int sysctl_parse(const struct pns_key *key, const char *label, const char *text, void *value,
			struct pns_err *err)
{
	int r = sysctl_check(key, label, text, err);

	if (r < 0)
		return r;
	if (!*text) {
		pns_list_remove(value, label);
		return 0;
	}
	r = pns_list_set(value, label, text);
	return r < 0 ? pns_err_sys(err, -r, "sysctl.%s", label) : 0;
}

int pns_list_format(const struct pns_key *key, const void *value, size_t item, char *buf,
		    size_t size)
{
	const struct pns_list *list = value;

	(void)key;
	return put(buf, size, snprintf(buf, size, "%s", list->item[item].value));
}

void pns_list_free(struct pns_list *list)
{
	while (list->n) {
		list->n--;
		free(list->item[list->n].label);
		free(list->item[list->n].value);
	}
	free(list->item);
	list->item = NULL;
}

/* A plain type's text is right if it parses; into a value that is then thrown away. */
#define CHECK_BY_PARSE(name, ctype)                                                             \
	static int name##_check(const struct pns_key *key, const char *label, const char *text, \
				struct pns_err *err)                                            \
	{                                                                                       \
		ctype ignored;                                                                  \
                                                                                                \
		return name##_parse(key, label, text, &ignored, err);                           \
	}

CHECK_BY_PARSE(yesno, PNS_C_yesno)
CHECK_BY_PARSE(choice, PNS_C_choice)
CHECK_BY_PARSE(seconds, PNS_C_seconds)
CHECK_BY_PARSE(count, PNS_C_count)
CHECK_BY_PARSE(size, PNS_C_size)
CHECK_BY_PARSE(uptime, PNS_C_uptime)

#define TYPE(kind, doc) .name = doc, .check = kind##_check, .parse = kind##_parse

const struct pns_type pns_type_yesno = {TYPE(yesno, "yes | no"), .format = yesno_format};
const struct pns_type pns_type_choice = {TYPE(choice, NULL), .format = choice_format};
const struct pns_type pns_type_seconds = {TYPE(seconds, "seconds"), .format = seconds_format};
const struct pns_type pns_type_count = {TYPE(count, "number | unlimited"), .format = count_format};
const struct pns_type pns_type_size = {TYPE(size, "bytes[K|M|G] | percent%"),
				       .format = size_format};
const struct pns_type pns_type_uptime = {TYPE(uptime, "host | session | seconds"),
					 .format = uptime_format};
const struct pns_type pns_type_hostname = {TYPE(hostname, "name"), .expand = hostname_expand,
					   .format = hostname_format};
const struct pns_type pns_type_sysctl = {TYPE(sysctl, "value"), .labelled = true,
					 .format = pns_list_format};
