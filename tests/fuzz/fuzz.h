/* SPDX-License-Identifier: MIT */
/* What every harness asks of the code it feeds. A broken promise aborts, and libFuzzer keeps the input. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((noreturn, format(printf, 1, 2))) static inline void broken(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("promise broken: ", stderr);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

#define must(promise, ...)                   \
	do {                                 \
		if (!(promise))              \
			broken(__VA_ARGS__); \
	} while (0)

/* A message a line; the last line may count those that no longer fitted. */
static inline unsigned int count_messages(const char *text)
{
	unsigned int lines = text[0] != 0, more;
	const char *last = text;

	for (const char *p = text; *p; p++)
		if (*p == '\n') {
			last = p + 1;
			lines++;
		}
	return sscanf(last, "and %u more", &more) == 1 ? lines - 1 + more : lines;
}

/* err.h's own promises: a failure has a reason, success has none, and no line can be forged. */
static inline void must_be_err(const struct pns_err *err, int r)
{
	must(r == 0 ? err->count == 0 : err->count > 0, "%d with %u messages", r, err->count);
	must(r == 0 || err->text[0], "%d without a text", r);
	must(r == 0 || err->code > 0, "%d without a code", r);
	must(count_messages(err->text) == err->count, "%u messages: %s", err->count, err->text);
	for (const char *p = err->text; *p; p++)
		must(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f),
		     "control byte in \"%s\"", err->text);
}

#endif
