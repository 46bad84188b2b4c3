// SPDX-License-Identifier: MIT
/* hook: a list of programs with their arguments, kept as canonical words. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "keys.h"
#include "paths.h"

static int check_label(const char *label, struct pns_err *err)
{
	if (!*label || !pns_label_valid(label))
		return pns_err_add(err, EINVAL,
				   "'%.64s' is no label: write letters, digits, _ and -, at most "
				   "%d of them",
				   label, PNS_LABEL_MAX);
	return 0;
}

/* The plain path and no other: it is what is logged, and what a reader looks for in the policy. */
static int check_program(const char *path, struct pns_err *err)
{
	char normal[PATH_MAX];
	int r = pns_path_normalise(path, normal, sizeof(normal), err);

	if (r == 0 && (strcmp(path, normal) != 0 || !path[1]))
		return pns_err_add(err, EINVAL,
				   "'%.64s' holds an empty component, . or ..: write the plain "
				   "path",
				   path);
	return r;
}

/* May hold templates: what the path is will be known when they are expanded. */
static int hook_check(const struct pns_key *key, const char *label, const char *text,
		      struct pns_err *err)
{
	struct pns_words words;
	int r = label ? check_label(label, err) : 0;

	(void)key;
	if (r == 0)
		r = pns_words_split(text, &words, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = pns_templates_check(words.word[i], err);
	if (r == 0 && words.n && strncmp(words.word[0], "%d", 2) != 0)
		r = check_program(words.word[0], err);
	return r;
}

static int hook_parse(const struct pns_key *key, const char *label, const char *text, void *value,
		      struct pns_err *err)
{
	char canonical[PNS_VALUE_MAX];
	struct pns_words words;
	size_t len = 0;
	int r = *label ? check_label(label, err) : 0;

	(void)key;
	if (r == 0)
		r = pns_words_split(text, &words, err);
	if (r < 0)
		return r;
	if (words.n == 0) {
		pns_list_remove(value, label);
		return 0;
	}
	r = check_program(words.word[0], err);
	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = pns_words_put(canonical, sizeof(canonical), &len, words.word[i], err);
	if (r < 0)
		return r;
	r = pns_list_set(value, label, canonical);
	return r < 0 ? pns_err_sys(err, -r, "hook.%s", label) : 0;
}

const struct pns_type pns_type_hook = {.name = "path [argument ...]",
				       .labelled = true,
				       .check = hook_check,
				       .expand = pns_paths_expand,
				       .parse = hook_parse,
				       .format = pns_list_format};
