// SPDX-License-Identifier: MIT
/* pam_nsctl check: what would deny, or leak, before a login finds out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ctl.h"
#include "out.h"

static bool said_before(struct findings *f, const char *text)
{
	char *copy;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->said[i], text) == 0)
			return true;
	if (f->n == f->room) {
		const size_t room = f->room ? 2 * f->room : 64;
		char **grown = realloc(f->said, room * sizeof(*grown));

		if (!grown)
			return false;
		f->said = grown;
		f->room = room;
	}
	copy = strdup(text);
	if (copy)
		f->said[f->n++] = copy;
	return false;
}

void found(struct findings *f, enum verdict verdict, const char *fmt, ...)
{
	static const char *const label[] = {"ok", "warning", "error"};
	static const enum colour shade[] = {GREEN, YELLOW, RED};
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (!text || said_before(f, text)) {
		free(text);
		return;
	}
	f->count[verdict]++;
	clean(text);
	if (verdict != FINE || !f->quiet)
		printf("%s%-7s%s %s\n", colour(shade[verdict]), label[verdict], colour(PLAIN),
		       text);
	free(text);
}

void found_err(struct findings *f, const struct pns_err *err)
{
	unsigned int lines = 0;

	for (const char *at = err->text; *at; lines++) {
		const size_t len = strcspn(at, "\n");

		found(f, ERROR, "%.*s", (int)len, at);
		at += len + (at[len] == '\n');
	}
	if (err->count > lines) /* the last line is "and 10 more" */
		f->count[ERROR] += err->count - lines;
}

int verb_check(const struct args *args)
{
	struct findings f = {.quiet = args->value[CHECK_QUIET] != NULL};
	struct stacks stacks = {0};
	bool checked = false;

	if (args->target && args->target[0] != '/')
		return fail("check: %s: not an absolute path: write one that starts with /",
			    args->target);
	check_pam(&f, &stacks);
	if (args->target) {
		check_policy(&f, args->target, &stacks);
	} else {
		for (size_t i = 0; i < stacks.confs; i++) {
			check_policy(&f, stacks.conf[i], &stacks);
			checked = true;
		}
		if (!checked)
			check_policy(&f, PNS_CONF, &stacks);
	}
	check_system(&f);
	if (!f.quiet)
		printf("%u error%s, %u warning%s\n", f.count[ERROR], f.count[ERROR] == 1 ? "" : "s",
		       f.count[WARNING], f.count[WARNING] == 1 ? "" : "s");
	for (size_t i = 0; i < f.n; i++)
		free(f.said[i]);
	free(f.said);
	for (size_t i = 0; i < stacks.confs; i++)
		free(stacks.conf[i]);
	free(stacks.conf);
	for (size_t i = 0; i < stacks.services; i++)
		free(stacks.service[i]);
	free(stacks.service);
	return flushed(f.count[ERROR] ? EXIT_BAD : f.count[WARNING] ? EXIT_LEAKY : 0);
}
