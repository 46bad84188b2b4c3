/* SPDX-License-Identifier: MIT */
/* The header of a section: conditions that must all hold. */
#ifndef PNS_SECTION_H
#define PNS_SECTION_H

#include "ini.h"
#include "nss.h"

#define PNS_CONDITIONS_MAX 8

/* [default] has no condition. Sorted, so that one meaning has one form. */
struct pns_section {
	size_t n;
	struct pns_condition {
		int kind; /* index into the table of section.c */
		uint32_t number;
		char name[PNS_WHO_MAX];
	} condition[PNS_CONDITIONS_MAX];
};

/* The sections of one file so far, a tree (tsearch(3)) of what is section.c's own. */
struct pns_sections {
	void *seen;
};

/* Reads item->section. 0, or -EINVAL with "FILE:LINE: ..." in err. */
int pns_section_parse(const struct pns_ini_item *item, struct pns_section *ret_section,
		      struct pns_err *err);

/* "user", "group", "service", "uid" or "gid": the last two have a number, the others a name. */
const char *pns_condition_kind(const struct pns_condition *condition);

/*
 * Does it apply to who? 1, 0, or -errno when NSS could not say, which must not be taken for no.
 */
int pns_section_applies(const struct pns_section *section, const struct pns_ini_item *item,
			const struct pns_who *who, struct pns_groups *groups, struct pns_err *err);

/* Notes it; -EINVAL if the file has one of the same meaning already, "[uid 5]" and "[uid 05]". */
int pns_sections_add(struct pns_sections *sections, const struct pns_ini_item *item,
		     const struct pns_section *section, struct pns_err *err);

/* Forgets them all. */
void pns_sections_clear(struct pns_sections *sections);

#endif
