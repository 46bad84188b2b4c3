/* SPDX-License-Identifier: MIT */
/* What is printed: results to stdout, errors to stderr, colour on a terminal, JSON. */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW };

/* The escape sequence on a terminal without NO_COLOR (no-color.org), elsewhere nothing. */
const char *colour(enum colour colour);

/*
 * "pam_nsctl: ..." on stderr; returns EXIT_BAD. fail_err() gives each message of err a line, behind
 * what fmt says. What comes from users cannot reach the terminal as more than text.
 */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fail_err(const struct pns_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* printf() to stdout with every control character of the result but '\n' as '?'. */
void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a text of others, in which '\n' is one of them. */
void clean(char *text);
/* The result was written whole; EXIT_BAD if stdout is full or gone. */
int flushed(int status);

/* "1.5 MiB"; "2 h 05 min". */
const char *size_text(uint64_t bytes, char buf[24]);
const char *age_text(int64_t seconds, char buf[24]);

/* Columns as wide as their widest cell; the last is not padded. Columns of numbers go right. */
struct table {
	unsigned int columns;
	const char *const *head;
	uint32_t right; /* bit i: column i */
	size_t n, room;
	char **cell;
};
void table_add(struct table *table, const char *text); /* cell by cell, row by row */
void table_print(struct table *table);		       /* and frees it */

/* Well-formed whatever the strings hold: what is not UTF-8 becomes U+FFFD. */
struct json {
	unsigned int depth;
	bool some; /* a comma is due */
};
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *value); /* NULL: null */
void json_number(struct json *json, const char *key, int64_t value);

#endif
