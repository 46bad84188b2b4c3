// SPDX-License-Identifier: MIT
/* hook: a list of programs with their arguments, kept as canonical words. */
#include <errno.h>
#include <string.h>

#include "keys.h"
#include "words.h"

#define LABEL_MAX 64

static int check_label(const char *label, struct pns_err *err)
{
	if (!*label || strlen(label) > LABEL_MAX ||
	    strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(label))
		return pns_err_add(err, EINVAL,
				   "'%.64s' is no label: write letters, digits, _ and -, at most "
				   "%d of them",
				   label, LABEL_MAX);
	return 0;
}

static int malformed(int code, struct pns_err *err)
{
	return code == -EINVAL
		       ? pns_err_add(err, EINVAL,
				     "a backslash that is no escape: write \\134 for it, and "
				     "\\040 for a blank inside a word")
		       : pns_err_add(err, EINVAL, "a word is too long: write a shorter one");
}

/* May hold templates: what the path is will be known when they are expanded. */
static int hook_check(const struct pns_key *key, const char *label, const char *text,
		      struct pns_err *err)
{
	char word[PNS_VALUE_MAX];
	unsigned int words = 0;
	int r = label ? check_label(label, err) : 0;

	(void)key;
	for (const char *at = text; r == 0 && (r = pns_word_next(&at, word, sizeof(word))) != 0;) {
		if (r < 0)
			return malformed(r, err);
		r = pns_templates_check(word, err);
		if (r == 0 && words++ == 0 && strncmp(word, "%d", 2) != 0)
			r = pns_path_check(word, err);
	}
	return r;
}

static int hook_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		      struct pns_err *err)
{
	char word[PNS_VALUE_MAX], canonical[PNS_VALUE_MAX] = "";
	int r = *label ? check_label(label, err) : 0;

	(void)key;
	if (r < 0)
		return r;
	for (const char *at = text; (r = pns_word_next(&at, word, sizeof(word))) == 1;) {
		if (!*canonical && pns_path_check(word, err) < 0)
			return -EINVAL;
		r = pns_word_put(canonical, sizeof(canonical), word);
		if (r < 0)
			break;
	}
	if (r < 0)
		return malformed(r, err);
	if (!*canonical) {
		pns_list_remove(value, label);
		return 0;
	}
	r = pns_list_set(value, label, canonical);
	return r < 0 ? pns_err_sys(err, -r, "hook.%s", label) : 0;
}

const struct pns_type pns_type_hook = {.name = "path [argument ...]",
				       .labelled = true,
				       .templates = true,
				       .check = hook_check,
				       .expand = pns_words_expand,
				       .parse = hook_parse,
				       .format = pns_list_format};
