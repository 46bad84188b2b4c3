// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

/* What the last line says when messages no longer fit; its room is kept free from the start. */
#define MORE	  "and %u more"
#define MORE_SIZE 32

/* The messages that text holds whole; the first is always among them. */
static unsigned int shown(const struct pns_err *err)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < err->len; i++)
		lines += err->text[i] == '\n';
	return lines;
}

static void sanitise(char *text, size_t len)
{
	for (char *p = text; p < text + len; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

__attribute__((format(printf, 4, 0))) static void
err_append(struct pns_err *err, int code, const char *suffix, const char *fmt, va_list args)
{
	const size_t room = sizeof(err->text) - MORE_SIZE;
	bool fits;
	char *at;
	int n = 0, m = 0;

	if (err->count++ == 0)
		err->code = code;

	at = err->text + err->len;
	/* Behind one that was left out nothing is shown: it would stand in the place of MORE. */
	fits = err->len + 2 < room && (err->count == 1 || shown(err) == err->count - 1);
	if (fits) {
		if (err->len)
			*at++ = '\n';
		size_t left = room - (size_t)(at - err->text);

		n = vsnprintf(at, left, fmt, args);
		if (n >= 0 && (size_t)n < left && suffix)
			m = snprintf(at + n, left - (size_t)n, ": %s", suffix);
		/* The first message is kept even if it must be cut: it is the reason. */
		fits = n >= 0 && m >= 0 && (size_t)(n + m) < left;
		if (!fits && err->count == 1) {
			n = (int)strlen(at);
			m = 0;
			fits = true;
		}
	}
	if (!fits) {
		snprintf(err->text + err->len, MORE_SIZE, "\n" MORE, err->count - shown(err));
		return;
	}
	sanitise(at, (size_t)(n + m));
	err->len = (size_t)(at - err->text) + (size_t)(n + m);
}

/* A code from elsewhere, or an errno that nobody has set, must not turn a failure into a success. */
static int as_failure(int code)
{
	return code > 0 ? code : EPROTO;
}

int pns_err_add(struct pns_err *err, int code, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	code = as_failure(code);
	va_start(args, fmt);
	err_append(err, code, NULL, fmt, args);
	va_end(args);
	errno = saved;
	return -code;
}

int pns_err_sys(struct pns_err *err, int code, const char *fmt, ...)
{
	int saved = errno;
	char buf[64];
	va_list args;

	code = as_failure(code);
	va_start(args, fmt);
	/* GNU strerror_r: strerror() is not safe in a threaded login program. */
	err_append(err, code, strerror_r(code, buf, sizeof(buf)), fmt, args);
	va_end(args);
	errno = saved;
	return -code;
}

void pns_err_clear(struct pns_err *err)
{
	err->code = 0;
	err->count = 0;
	err->len = 0;
	err->text[0] = '\0';
}

void pns_err_note(const struct pns_err *err, const char *fmt, ...)
{
	char text[PNS_NOTE_SIZE];
	va_list args;

	if (!err->note)
		return;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	sanitise(text, strlen(text));
	err->note(err->note_arg, text);
}
