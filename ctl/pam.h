/* SPDX-License-Identifier: MIT */
/* The session stacks under /etc/pam.d as libpam reads them: pam.conf(5). */
#ifndef CTL_PAM_H
#define CTL_PAM_H

#include <stdbool.h>
#include <stddef.h>

struct pam_line {
	char *file;
	unsigned int line;
	char *control;	       /* "required", or "[success=1 default=ignore]" */
	char *module;	       /* as written */
	char *args;	       /* separated by blanks; "" */
	unsigned int depth;    /* 0: in the service's own file; each include adds one */
	unsigned int substack; /* the number of the substack it is in, 0: none */
};

/* One service's session lines, its includes put in their places. */
struct pam_stack {
	size_t n, room;
	struct pam_line *line;
	char *trouble; /* the first that libpam would stumble over, as FILE:LINE: what: what to write; or NULL */
};

/* 0; -ENOENT if there is no such service; -errno. To be freed. */
int pam_read(const char *service, struct pam_stack *ret_stack);
void pam_free(struct pam_stack *stack);

/* The services by their files, in order of names; NULL-terminated, to be freed with each name. */
char **pam_services(void);
void pam_services_free(char **services);

bool pam_is(const struct pam_line *line, const char *module); /* "pam_ns.so", wherever it lies */
/* Is word among the arguments? With '=' at its end: what stands behind it. NULL: no. */
const char *pam_arg(const struct pam_line *line, const char *word, char *buf, size_t size);

/* What the service's pam_ns line has as conf=, to be freed; NULL if nothing. */
char *pam_conf_of(const char *service);

#endif
