/* SPDX-License-Identifier: MIT */
/* What pam_nsctl check finds: lines on stdout, counted by how bad they are. */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum verdict { FINE, WARNING, ERROR };

struct findings {
	bool quiet;
	unsigned int count[3]; /* by verdict */
	/* What was said already, so that a hundred users do not say it a hundred times. */
	char **said;
	size_t n, room;
};

/* "FILE:LINE: what is wrong: what to write", once. */
void found(struct findings *f, enum verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Each message of err, as an error. */
void found_err(struct findings *f, const struct pns_err *err);

/* The stacks: what the policy's checks need to know of them, too. */
struct stacks {
	char **conf; /* each conf= once; NULL-terminated */
	size_t confs;
	char **service; /* those with pam_ns; NULL-terminated */
	size_t services;
	bool isolate_root;
	bool module_named;
};

void check_pam(struct findings *f, struct stacks *ret_stacks);
void check_policy(struct findings *f, const char *conf, const struct stacks *stacks);
/* check_links.c: which paths of one login's policy lead to where another of its mounts is. */
struct pns_policy;
void check_links(struct findings *f, const struct pns_policy *policy);
void check_system(struct findings *f);

#endif
