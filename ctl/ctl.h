/* SPDX-License-Identifier: MIT */
/* The verbs of pam_nsctl: one row each in ctl.c, which is dispatch, usage and completion at once. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>

#ifndef PNS_CONF
#define PNS_CONF "/etc/security/pam_ns.conf"
#endif

#define EXIT_LEAKY 1 /* check: warnings; doctor: a way round is open */
#define EXIT_BAD   2 /* bad usage, no such thing, or an error: one line says which */

#define OPTIONS_MAX 5

/* What stands behind the verb, for usage and completion. */
enum target { TARGET_NONE, TARGET_FILE, TARGET_KEY, TARGET_USER, TARGET_INSTANCE };

struct option {
	const char *name; /* without its dashes */
	const char *arg;  /* what it takes, or NULL */
	const char *text;
};

/* A verb's command line, read by the row's own words. */
struct args {
	const char *target; /* NULL if it was left out */
	const char
		*value[OPTIONS_MAX]; /* by the row's options: NULL if not given, "" without arg */
	char **command;		     /* behind "--"; NULL if there is none */
};

struct verb {
	const char *name;
	const char *text; /* one line */
	int (*run)(const struct args *args);
	enum target target;
	bool target_optional;
	bool takes_command;
	bool root;    /* needs to be root */
	bool on_host; /* cannot work inside a session */
	struct option option[OPTIONS_MAX];
	const char *more; /* for its --help; NULL: nothing */
};

extern const struct verb verbs[];
extern const size_t verb_count;

/* args.c: 0 and *ret_args, or EXIT_BAD with a line on stderr. argv[0] is the verb. */
int args_parse(const struct verb *verb, int argc, char **argv, struct args *ret_args);

/* The verbs. The order of each one's options, by which args->value is indexed, stands here. */
enum { CHECK_QUIET };
int verb_check(const struct args *args);
enum { SHOW_SERVICE, SHOW_ORIGIN, SHOW_STEPS, SHOW_CONF, SHOW_PLAN };
int verb_show(const struct args *args);
enum { RUN_SERVICE, RUN_CONF };
int verb_run(const struct args *args);
enum { LIST_JSON };
int verb_list(const struct args *args);
int verb_status(const struct args *args);
enum { ENTER_USER };
int verb_enter(const struct args *args);
enum { END_NOW };
int verb_end(const struct args *args);
enum { KEYS_CONF, KEYS_MDOC };
int verb_keys(const struct args *args);
enum { DOCTOR_SERVICE, DOCTOR_CONF };
int verb_doctor(const struct args *args);

#endif
