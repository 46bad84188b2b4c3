// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "out.h"
#include "types.h"

static const char *closest_option(const struct verb *verb, const char *name, size_t len)
{
	for (int i = 0; i < OPTIONS_MAX && verb->option[i].name; i++)
		if (pns_typo_distance(verb->option[i].name, strlen(verb->option[i].name), name,
				      len) <= PNS_TYPO_MAX)
			return verb->option[i].name;
	return NULL;
}

static int bad_option(const struct verb *verb, const char *word, size_t len)
{
	const char *close = closest_option(verb, word + 2, len - 2);

	if (close)
		return fail("%s: unknown option %.*s: did you mean --%s?", verb->name, (int)len,
			    word, close);
	return fail("%s: unknown option %.*s: see pam_nsctl %s --help", verb->name, (int)len, word,
		    verb->name);
}

/* Reads the option at argv[*at], and its value, which may be the next word. */
static int take_option(const struct verb *verb, char **argv, int argc, int *at, struct args *args)
{
	const char *word = argv[*at], *equals = strchr(word, '=');
	const size_t len = equals ? (size_t)(equals - word) : strlen(word);
	int i;

	for (i = 0; i < OPTIONS_MAX && verb->option[i].name; i++)
		if (len > 2 && word[1] == '-' && strlen(verb->option[i].name) == len - 2 &&
		    memcmp(verb->option[i].name, word + 2, len - 2) == 0)
			break;
	if (i == OPTIONS_MAX || !verb->option[i].name)
		return bad_option(verb, word, len);
	if (args->value[i])
		return fail("%s: %.*s is given twice: write it once", verb->name, (int)len, word);
	if (!verb->option[i].arg) {
		args->value[i] = "";
		return equals ? fail("%s: %.*s takes no value: write it alone", verb->name,
				     (int)len, word)
			      : 0;
	}
	if (!equals && *at + 1 >= argc)
		return fail("%s: %s without its value: write %s %s", verb->name, word, word,
			    verb->option[i].arg);
	args->value[i] = equals ? equals + 1 : argv[++*at];
	if (!*args->value[i])
		return fail("%s: %.*s without its value: write %.*s %s", verb->name, (int)len, word,
			    (int)len, word, verb->option[i].arg);
	return 0;
}

static const char *const target_names[] = {
	[TARGET_FILE] = "FILE",
	[TARGET_KEY] = "NAME",
	[TARGET_USER] = "USER",
	[TARGET_INSTANCE] = "ID or USER",
};

int args_parse(const struct verb *verb, int argc, char **argv, struct args *ret_args)
{
	struct args args = {0};

	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (strcmp(argv[i], "--") == 0) {
			if (verb->takes_command && argv[i + 1]) {
				args.command = argv + i + 1;
				break;
			}
			return fail("%s: nothing to stand behind --: see pam_nsctl %s --help",
				    verb->name, verb->name);
		}
		if (argv[i][0] == '-' && argv[i][1])
			r = take_option(verb, argv, argc, &i, &args);
		else if (verb->target != TARGET_NONE && !args.target)
			args.target = argv[i];
		else if (verb->takes_command)
			r = fail("%s: write -- before the command: -- %s", verb->name, argv[i]);
		else
			r = fail("%s: one word too many, %s: see pam_nsctl %s --help", verb->name,
				 argv[i], verb->name);
		if (r)
			return r;
	}
	if (verb->target != TARGET_NONE && !verb->target_optional && !args.target)
		return fail("%s: who or which? Write pam_nsctl %s %s", verb->name, verb->name,
			    target_names[verb->target]);
	*ret_args = args;
	return 0;
}
