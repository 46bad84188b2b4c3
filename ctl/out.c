// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "out.h"

const char *colour(enum colour which)
{
	static const char *const escape[] = {
		[PLAIN] = "\033[0m", [BOLD] = "\033[1m",   [DIM] = "\033[2m",
		[RED] = "\033[31m",  [GREEN] = "\033[32m", [YELLOW] = "\033[33m",
	};
	static int wanted = -1;

	if (wanted < 0) {
		const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

		wanted = isatty(STDOUT_FILENO) && !(no && *no) &&
			 !(term && strcmp(term, "dumb") == 0);
	}
	return wanted ? escape[which] : "";
}

/* C1 controls too: some terminals obey them, as two bytes of UTF-8 or as one. */
void clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
	}
}

__attribute__((format(printf, 2, 0))) static void say(const char *label, const char *fmt,
						      va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	clean(text);
	fflush(stdout);
	fprintf(stderr, "pam_nsctl: %s%s\n", label, text);
	free(text);
}

int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
	return EXIT_BAD;
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("note: ", fmt, args);
	va_end(args);
}

int fail_err(const struct pns_err *err, const char *fmt, ...)
{
	char *text = NULL, *rest;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	for (const char *at = err->text; *at;) {
		size_t len = strcspn(at, "\n");

		if (asprintf(&rest, "%.*s", (int)len, at) < 0)
			break;
		fail("%s%s", text ? text : "", rest);
		free(rest);
		at += len + (at[len] == '\n');
	}
	free(text);
	return EXIT_BAD;
}

void put(const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	for (char *line = text; line;) {
		char *eol = strchr(line, '\n');

		if (eol)
			*eol = '\0';
		clean(line);
		fputs(line, stdout);
		if (eol)
			putchar('\n');
		line = eol ? eol + 1 : NULL;
	}
	free(text);
}

int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return fail("writing the result: %s", strerror(errno));
}

const char *size_text(uint64_t bytes, char buf[24])
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && i + 1 < sizeof(unit) / sizeof(unit[0])) {
		value /= 1024;
		i++;
	}
	snprintf(buf, 24, i && value < 10 ? "%.1f %s" : "%.0f %s", value, unit[i]);
	return buf;
}

const char *age_text(int64_t seconds, char buf[24])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 60)
		snprintf(buf, 24, "%" PRId64 " s", seconds);
	else if (seconds < 3600)
		snprintf(buf, 24, "%" PRId64 " min", seconds / 60);
	else if (seconds < 86400)
		snprintf(buf, 24, "%" PRId64 " h %02" PRId64 " min", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(buf, 24, "%" PRId64 " d %" PRId64 " h", seconds / 86400,
			 seconds / 3600 % 24);
	return buf;
}

/* ---- tables ---- */

void table_add(struct table *table, const char *text)
{
	char *copy = strdup(*text ? text : "-");

	if (table->n == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **grown = realloc(table->cell, room * sizeof(*grown));

		if (!grown) {
			free(copy);
			return;
		}
		table->cell = grown;
		table->room = room;
	}
	if (copy)
		clean(copy);
	table->cell[table->n++] = copy;
}

/* In characters of UTF-8. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const struct table *table, unsigned int column, size_t wide,
		       const char *text)
{
	const size_t pad = wide - width(text);
	const bool last = column + 1 == table->columns;

	if (table->right & UINT32_C(1) << column)
		printf("%*s%s", (int)pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(struct table *table)
{
	size_t wide[32] = {0};

	for (unsigned int c = 0; c < table->columns; c++)
		wide[c] = width(table->head[c]);
	for (size_t i = 0; i < table->n; i++) {
		const size_t w = width(table->cell[i] ? table->cell[i] : "");

		if (w > wide[i % table->columns])
			wide[i % table->columns] = w;
	}
	fputs(colour(BOLD), stdout);
	for (unsigned int c = 0; c < table->columns; c++)
		print_cell(table, c, wide[c], table->head[c]);
	fputs(colour(PLAIN), stdout);
	for (size_t i = 0; i < table->n; i++) {
		print_cell(table, (unsigned int)(i % table->columns), wide[i % table->columns],
			   table->cell[i] ? table->cell[i] : "");
		free(table->cell[i]);
	}
	free(table->cell);
	table->cell = NULL;
	table->n = table->room = 0;
}
