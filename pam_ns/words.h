/* SPDX-License-Identifier: MIT */
/*
 * Values that are words separated by blanks: a blank, a control byte or a backslash inside a word
 * is written in octal, as in fstab(5): \040. Templates are expanded inside each word, so that
 * what NSS or PAM says can never become two words.
 */
#ifndef PNS_WORDS_H
#define PNS_WORDS_H

#include <stddef.h>

#include "err.h"

struct pns_who;

/*
 * The next word of *at, unescaped, into buf; *at moves on. 1; 0 at the end; -EINVAL for a backslash
 * that no octal number follows or a NUL; -ENAMETOOLONG. Adds nothing to any err.
 */
int pns_word_next(const char **at, char *buf, size_t size);

/* Appends a word, escaped and with a blank before it if it is not the first. -ENOSPC. */
int pns_word_put(char *buf, size_t size, const char *word);

/* Is each percent sign of text a template (or %%)? 0, or -EINVAL with what to write. */
int pns_templates_check(const char *text, struct pns_err *err);

/*
 * Expands the templates of each word of a text that was checked. -EINVAL if user, host or service
 * has a name that would change a path ("a/b", ".", ".."), or the result is longer than size.
 */
int pns_words_expand(const struct pns_who *who, const char *text, char *buf, size_t size,
		     struct pns_err *err);

/* Is path absolute, with no component that is empty, "." or ".."? 0 or -EINVAL. */
int pns_path_check(const char *path, struct pns_err *err);

#endif
