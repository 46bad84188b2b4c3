/* SPDX-License-Identifier: MIT */
/* The value types of policy keys: how each is read, written and judged. */
#ifndef PNS_TYPES_H
#define PNS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define PNS_UNLIMITED	   UINT32_MAX
#define PNS_UPTIME_HOST	   (-1)
#define PNS_UPTIME_SESSION (-2)
#define PNS_NAME_SIZE	   65	/* __NEW_UTS_LEN and the NUL, uname(2) */
#define PNS_VALUE_MAX	   8192 /* bytes of an entry's canonical text with its NUL: two paths */

/* A size in bytes, or in percent of the machine's memory (tmpfs takes both, tmpfs(5)). */
struct pns_size {
	uint64_t value;
	bool percent;
};

#define PNS_NETNS_SIZE 256 /* NAME_MAX and the NUL: it is a file's name in /run/netns */

/* One of the words (enum pns_network), or PNS_NETWORK_NAMED and the name of `ip netns`. */
struct pns_network {
	int mode;
	char name[PNS_NETNS_SIZE];
};

/* A set of capabilities by number, or all that there are. */
struct pns_caps {
	bool all;
	uint64_t set;
};

/*
 * The entries of a labelled key (sysctl.NAME = value), in the order of first mention. Label "" is
 * the entry written without one. Values are kept in their canonical form.
 */
struct pns_list {
	size_t n;
	struct pns_item {
		char *label;
		char *value;
	} * item;
};

/* The C type of the plan's member for each value type: PNS_C_<type> in keys.h. */
#define PNS_C_yesno    bool
#define PNS_C_choice   int /* index into the row's words */
#define PNS_C_seconds  uint32_t
#define PNS_C_count    uint32_t /* PNS_UNLIMITED */
#define PNS_C_size     struct pns_size
#define PNS_C_uptime   int64_t /* seconds, or PNS_UPTIME_* */
#define PNS_C_hostname struct pns_name
#define PNS_C_sysctl   struct pns_list
#define PNS_C_network  struct pns_network
#define PNS_C_caps     struct pns_caps
#define PNS_C_hook     struct pns_list
#define PNS_C_bind     struct pns_list
#define PNS_C_tmpfs    struct pns_list
#define PNS_C_paths    struct pns_list

struct pns_name {
	char s[PNS_NAME_SIZE];
};

struct pns_key;
struct pns_who;

/*
 * One value type. parse, expand and format are total: any bytes in, an error or a value out.
 *
 * expand	Fills the templates of a text that was checked. NULL for a type without any. 0, -EINVAL,
 *		-ENOSPC.
 * check	Is text (label and text, for a labelled type) something an admin may write? It
 *		may hold %-templates where the type allows them. Messages say only what is wrong
 *		and what to write ("not yes or no: write yes or no"): the caller puts FILE:LINE in
 *		front. Returns 0 or -EINVAL.
 * parse	text with its templates expanded -> *value (a member of struct pns_plan that
 *		is zeroed or holds an earlier value, which is replaced and freed). 0, -EINVAL
 *		or -ENOMEM; *value untouched on failure.
 * format	*value -> canonical text, NUL-terminated, that parse reads back to the same
 *		value. Returns the length, or -ENOSPC. For a labelled type: of one item.
 */
struct pns_type {
	const char *name; /* for the manual: "yes | no" */
	bool labelled;	  /* key.LABEL = value, the member is a struct pns_list */
	int (*check)(const struct pns_key *key, const char *label, const char *text,
		     struct pns_err *err);
	int (*expand)(const struct pns_who *who, const char *text, char *buf, size_t size,
		      struct pns_err *err);
	int (*parse)(const struct pns_key *key, const char *label, const char *text, void *value,
		     struct pns_err *err);
	int (*format)(const struct pns_key *key, const void *value, size_t item, char *buf,
		      size_t size);
};

extern const struct pns_type pns_type_yesno, pns_type_choice, pns_type_seconds, pns_type_count,
	pns_type_size, pns_type_uptime, pns_type_hostname, pns_type_sysctl, pns_type_network,
	pns_type_caps, pns_type_hook;
extern const struct pns_type pns_type_bind, pns_type_tmpfs, pns_type_paths; /* types_paths.c */

#define PNS_TYPO_MAX 2 /* up to here a mistyped word is taken for the one it is close to */

/* How many letters must be changed, added or removed to make one word of the other. */
unsigned int pns_typo_distance(const char *a, size_t alen, const char *b, size_t blen);

/* May c stand in a hostname? */
bool pns_hostname_char(char c);

/* Gives a label its value, replacing an earlier one. 0 or -ENOMEM with the list as it was. */
int pns_list_set(struct pns_list *list, const char *label, const char *text);

/* Takes a label's entry away, if there is one. */
void pns_list_remove(struct pns_list *list, const char *label);

/* The format function of lists: an item's value is its text. */
int pns_list_format(const struct pns_key *key, const void *value, size_t item, char *buf,
		    size_t size);

/* Frees the items of a list and empties it. */
void pns_list_free(struct pns_list *list);

#endif
