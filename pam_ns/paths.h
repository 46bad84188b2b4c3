/* SPDX-License-Identifier: MIT */
/*
 * Values that are made of words, some of them paths. Blanks part words; a blank, a backslash or a
 * control byte inside a word is written as fstab(5) does, \040. What a template puts in is
 * part of its word, whatever bytes NSS has: it is escaped before anything is judged.
 */
#ifndef PNS_PATHS_H
#define PNS_PATHS_H

#include <sys/types.h>

#include "err.h"
#include "types.h"

#define PNS_WORDS_MAX 256
#define PNS_LABEL_MAX 64

struct pns_who;

/* The words of a value, unescaped; they point into buf. */
struct pns_words {
	size_t n;
	const char *word[PNS_WORDS_MAX];
	char buf[PNS_VALUE_MAX];
};

/* -EINVAL with err filled: too long, too many, an escape that is none, a NUL written as one. */
int pns_words_split(const char *text, struct pns_words *ret_words, struct pns_err *err);

/* Appends a word in its written form, with a blank in front unless it is the first. -EINVAL: too long. */
int pns_words_put(char *buf, size_t size, size_t *len, const char *word, struct pns_err *err);

/* Does label consist of nothing but what KEY.LABEL may hold? "", no label, does. */
bool pns_label_valid(const char *label);

#define PNS_TEMPLATES "uUgdhs%" /* the letters behind a percent sign, see pns_paths_expand() */

/* What stands for the template of a letter among them; number is room for one. */
const char *pns_template_value(const struct pns_who *who, char c, char number[16]);

/* Is each percent sign of a word a template's? 0, or -EINVAL with what to write. */
int pns_templates_check(const char *word, struct pns_err *err);

/*
 * Puts who's values in place of the templates: %u user, %U uid, %g primary gid, %d home, %h short
 * host name, %s service, %% a percent sign. A value that would not stay in its component ("/" in it,
 * "." or "..") is refused, and so is a home that is no absolute path. 0, -EINVAL or -ENOSPC.
 */
int pns_paths_expand(const struct pns_who *who, const char *text, char *buf, size_t size,
		     struct pns_err *err);

/* A path without doubled, trailing or "." components -> buf; -EINVAL if it is not absolute or holds "..". */
int pns_path_normalise(const char *path, char *buf, size_t size, struct pns_err *err);

/* Is path below dir, or dir itself? Both normalised. */
bool pns_path_within(const char *path, const char *dir);

/* What an entry of each kind says, from its value in a plan. Pointers go into words. */
struct pns_bind {
	const char *source, *target;
	bool readonly, optional;
};

int pns_bind_read(const char *value, struct pns_words *words, struct pns_bind *ret_bind,
		  struct pns_err *err);

/* *ret_size is {0} where the entry names no size. */
int pns_tmpfs_read(const char *value, struct pns_words *words, const char **ret_path,
		   struct pns_size *ret_size, struct pns_err *err);

#endif
