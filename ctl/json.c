// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "out.h"

static void put_string(const char *s);

static void next(struct json *json, const char *key)
{
	if (json->some)
		putchar(',');
	if (json->depth)
		printf("\n%*s", (int)(2 * json->depth), "");
	json->some = true;
	if (key) {
		put_string(key);
		fputs(": ", stdout);
	}
}

void json_begin(struct json *json, const char *key, char bracket)
{
	next(json, key);
	putchar(bracket);
	json->depth++;
	json->some = false;
}

void json_end(struct json *json, char bracket)
{
	json->depth--;
	if (json->some)
		printf("\n%*s", (int)(2 * json->depth), "");
	putchar(bracket);
	json->some = true;
	if (!json->depth)
		putchar('\n');
}

/* The bytes of the character at s if it is well-formed (RFC 3629), or 0. */
static int utf8_length(const unsigned char *s)
{
	const int n = s[0] < 0x80   ? 1
		      : s[0] < 0xc2 ? 0
		      : s[0] < 0xe0 ? 2
		      : s[0] < 0xf0 ? 3
		      : s[0] < 0xf5 ? 4
				    : 0;

	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, a surrogate, or beyond Unicode. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putchar('"');
	while (*s) {
		int n = utf8_length(s);

		if (n == 0) {
			fputs("\\ufffd", stdout);
			s++;
		} else if (*s == '"' || *s == '\\') {
			printf("\\%c", *s++);
		} else if (*s < ' ' || *s == 0x7f) {
			printf("\\u%04x", *s++);
		} else {
			fwrite(s, 1, (size_t)n, stdout);
			s += n;
		}
	}
	putchar('"');
}

void json_string(struct json *json, const char *key, const char *value)
{
	next(json, key);
	if (value)
		put_string(value);
	else
		fputs("null", stdout);
}

void json_number(struct json *json, const char *key, int64_t value)
{
	next(json, key);
	printf("%" PRId64, value);
}
