// SPDX-License-Identifier: MIT
/* pam_nsctl: see, check, try, enter and end sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "instance.h"
#include "out.h"
#include "types.h"

#define SERVICE                                                                           \
	{                                                                                 \
		"service", "SERVICE", "as a login through this PAM service; default sshd" \
	}
#define CONF                                                                                  \
	{                                                                                     \
		"conf", "FILE", "this policy, not the one that the service's PAM stack names" \
	}

const struct verb verbs[] = {
	{"check", "the policy and the PAM stacks, and what is wrong with them", verb_check,
	 .target = TARGET_FILE, .target_optional = true,
	 .option = {[CHECK_QUIET] = {"quiet", NULL, "warnings and errors alone"}},
	 .more = "FILE is the main file; default " PNS_CONF ".\n"
		 "Exit status: 0 nothing found, 1 warnings, 2 errors.\n"},
	{"show", "the policy of a user, as a login gets it", verb_show, .target = TARGET_USER,
	 .target_optional = true,
	 .option = {[SHOW_SERVICE] = SERVICE,
		    [SHOW_ORIGIN] = {"origin", NULL, "the file and line behind each value"},
		    [SHOW_STEPS] = {"steps", NULL, "what is made, in its order, as a tree"},
		    [SHOW_CONF] = CONF,
		    [SHOW_PLAN] = {"plan", "FILE", "no user's, but what show wrote; - is stdin"}}},
	{"run", "a command in a session such as a login gets", verb_run, .target = TARGET_USER,
	 .takes_command = true, .root = true, .on_host = true,
	 .option = {[RUN_SERVICE] = SERVICE, [RUN_CONF] = CONF},
	 .more = "Without a command: the user's shell, as a login shell.\n"
		 "Exit status: the command's; 128 and its number if a signal ended it;\n"
		 "126, 127 if it cannot be run.\n"},
	{"list", "the instances that live", verb_list, .root = true, .on_host = true,
	 .option = {[LIST_JSON] = {"json", NULL, "for programs; pam_nsctl(8) has the format"}}},
	{"status", "one of them in full", verb_status, .target = TARGET_INSTANCE, .root = true,
	 .on_host = true},
	{"enter", "a shell or a command inside", verb_enter, .target = TARGET_INSTANCE,
	 .takes_command = true, .root = true, .on_host = true,
	 .option = {[ENTER_USER] = {"user", NULL, "as the session's user, not as root"}},
	 .more = "The session ends as if nobody were there, and takes the command with it.\n"
		 "Exit status: as with run.\n"},
	{"end", "ends it, by its kill_grace", verb_end, .target = TARGET_INSTANCE, .root = true,
	 .on_host = true, .option = {[END_NOW] = {"now", NULL, "at once, by SIGKILL"}},
	 .more = "USER: all of the user's.\n"},
	{"keys", "what can stand in the policy", verb_keys, .target = TARGET_KEY,
	 .target_optional = true,
	 .option = {[KEYS_CONF] = {"conf", NULL, "as an example file, pam_ns.conf"},
		    [KEYS_MDOC] = {"mdoc", NULL, "as a list for a manual, mdoc(7)"}}},
	{"doctor", "tries the known ways out of a user's session", verb_doctor,
	 .target = TARGET_USER, .root = true, .on_host = true,
	 .option = {[DOCTOR_SERVICE] = SERVICE, [DOCTOR_CONF] = CONF},
	 .more = "Exit status: 0 no way is open, 1 some are, 2 errors.\n"},
};

const size_t verb_count = sizeof(verbs) / sizeof(verbs[0]);

static const char *const target_text[] = {
	[TARGET_NONE] = "",	[TARGET_FILE] = "FILE",	       [TARGET_KEY] = "NAME",
	[TARGET_USER] = "USER", [TARGET_INSTANCE] = "ID|USER",
};

/* The verb and its words, for usage: "run USER [--service SERVICE] [-- COMMAND]". */
static void print_synopsis(const struct verb *verb, const char *indent)
{
	const char *target = target_text[verb->target];

	printf("%spam_nsctl %s", indent, verb->name);
	if (*target)
		printf(verb->target_optional ? " [%s]" : " %s", target);
	for (int i = 0; i < OPTIONS_MAX && verb->option[i].name; i++)
		printf(" [--%s%s%s]", verb->option[i].name, verb->option[i].arg ? " " : "",
		       verb->option[i].arg ? verb->option[i].arg : "");
	puts(verb->takes_command ? " [-- COMMAND [ARG ...]]" : "");
}

static int help(void)
{
	puts("pam_nsctl VERB ...: see, check, try, enter and end pam_ns sessions\n");
	for (size_t i = 0; i < verb_count; i++) {
		char left[40];
		const struct verb *verb = &verbs[i];

		snprintf(left, sizeof(left), "%s %s", verb->name, target_text[verb->target]);
		printf("  %-16s %s%s\n", left, verb->text, verb->root ? " (root)" : "");
	}
	puts("\npam_nsctl VERB --help says more; pam_nsctl(8) says all.");
	return flushed(0);
}

static int help_of(const struct verb *verb)
{
	print_synopsis(verb, "");
	printf("%s%s\n", verb->text, verb->root ? " (root)" : "");
	for (int i = 0; i < OPTIONS_MAX && verb->option[i].name; i++) {
		const struct option *option = &verb->option[i];
		char left[40];

		snprintf(left, sizeof(left), "--%s %s", option->name,
			 option->arg ? option->arg : "");
		printf("  %-18s %s\n", left, option->text);
	}
	if (verb->more)
		fputs(verb->more, stdout);
	return flushed(0);
}

/* For the shell: a line a verb, "VERB TARGET OPTION ...", options that take a value with '='. */
static int complete(void)
{
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *verb = &verbs[i];

		printf("%s %s --help", verb->name,
		       verb->target == TARGET_NONE ? "-" : target_text[verb->target]);
		for (int o = 0; o < OPTIONS_MAX && verb->option[o].name; o++)
			printf(" --%s%s", verb->option[o].name, verb->option[o].arg ? "=" : "");
		puts(verb->takes_command ? " --" : "");
	}
	return flushed(0);
}

static int unknown(const char *name)
{
	const struct verb *best = NULL;
	unsigned int least = PNS_TYPO_MAX + 1;

	for (size_t i = 0; i < verb_count; i++) {
		unsigned int d =
			pns_typo_distance(verbs[i].name, strlen(verbs[i].name), name, strlen(name));

		if (d < least) {
			least = d;
			best = &verbs[i];
		}
	}
	if (best)
		return fail("unknown verb %s: did you mean %s?", name, best->name);
	return fail("unknown verb %s: see pam_nsctl --help", name);
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct args args;
	int r;

	if (asks_help(argc, argv))
		return help_of(verb);
	r = args_parse(verb, argc, argv, &args);
	if (r)
		return r;
	if (verb->root && geteuid() != 0)
		return fail("%s needs root: run it as root", verb->name);
	if (verb->on_host && pns_instance_inside())
		return fail("%s: this is inside a session: run it on the host", verb->name);
	return verb->run(&args);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fail("which verb? See pam_nsctl --help");
		return EXIT_BAD;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--complete") == 0)
		return complete();
	for (size_t i = 0; i < verb_count; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run(&verbs[i], argc - 1, argv + 1);
	return unknown(argv[1]);
}
