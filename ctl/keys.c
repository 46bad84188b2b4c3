// SPDX-License-Identifier: MIT
/* pam_nsctl keys: the table of policy keys, for eyes, for the example file, for the manual. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "keys.h"
#include "out.h"

static const char intro[] =
	"# pam_ns.conf - which logins get which namespaces. See pam_ns.conf(5).\n"
	"#\n"
	"# Sections are conditions, applied top to bottom: [default], then what applies of\n"
	"# [user NAME] [group NAME] [service NAME] [uid N] [gid N], also several pairs in one\n"
	"# header: [group students service sshd]. The later value wins. After this file come\n"
	"# pam_ns.d/*.conf, then pam_ns.d/users/NAME.conf for that one user.\n"
	"#\n"
	"# root, and the group named by exempt_group= in the PAM stack, get in whatever stands\n"
	"# here. A mistake denies everybody else, with FILE:LINE in the log.\n"
	"#\n"
	"# Each key stands here at its default. Names may hold %u user, %U uid, %g gid, %h host,\n"
	"# %s service; paths also %d, the home directory. \\040 is a blank in a path. LABEL is any\n"
	"# name: entries of another label add up, an empty value takes a label's entry away.\n"
	"\n"
	"[default]\n";

/* "yes | no": of a choice, its words. */
static void print_values(const struct pns_key *key)
{
	const char *values = key->type->name ? key->type->name : key->words;

	for (; *values; values++) {
		if (key->type->name || *values != ' ')
			putchar(*values);
		else
			fputs(" | ", stdout);
	}
}

/* What stands behind the dot of a labelled key: a sysctl's own name, or any label. */
static const char *label_word(const struct pns_key *key)
{
	return !key->type->labelled ? "" : key->type == &pns_type_sysctl ? ".NAME" : ".LABEL";
}

static void print_conf(const struct pns_key *key)
{
	printf("\n# %s\n# (", key->doc);
	print_values(key);
	if (key->type->labelled)
		printf(")\n# %s%s =\n", key->name, label_word(key));
	else
		printf(")\n# %s =%s%s\n", key->name, *key->fallback ? " " : "", key->fallback);
}

/* What no mdoc(7) parser may take for markup. */
static void print_roff(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	}
}

static void print_mdoc(const struct pns_key *key)
{
	printf(".It Ic %s%s No = Ar ", key->name, label_word(key));
	print_values(key);
	puts("");
	/* A zero-width \& keeps a dot or a quote at the line's start from being a request. */
	fputs("\\&", stdout);
	print_roff(key->doc);
	puts(".");
	if (!key->type->labelled)
		printf("Default: \\&%s%s.\n", *key->fallback ? key->fallback : "empty", "");
}

static void print_plain(const struct pns_key *key)
{
	printf("%s%s%s%s = ", colour(BOLD), key->name, label_word(key), colour(PLAIN));
	print_values(key);
	if (!key->type->labelled && *key->fallback)
		printf("  %s(default: %s)%s", colour(DIM), key->fallback, colour(PLAIN));
	printf("\n    %s\n", key->doc);
}

static int unknown(const char *name)
{
	const struct pns_key *close = pns_key_closest(name, strcspn(name, "."));

	if (close)
		return fail("keys: unknown key %s: did you mean %s?", name, close->name);
	return fail("keys: unknown key %s: see pam_nsctl keys", name);
}

int verb_keys(const struct args *args)
{
	const struct pns_key *only = NULL;
	void (*print)(const struct pns_key *key) = print_plain;

	if (args->target) {
		only = pns_key_find(args->target, strcspn(args->target, "."));
		if (!only)
			return unknown(args->target);
	}
	if (args->value[KEYS_CONF] && args->value[KEYS_MDOC])
		return fail("keys: --conf and --mdoc exclude one another: write one");
	if (args->value[KEYS_CONF]) {
		print = print_conf;
		if (!only)
			fputs(intro, stdout);
	} else if (args->value[KEYS_MDOC]) {
		print = print_mdoc;
		puts(".Bl -tag -width Ds");
	}
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		if (!only || only == &pns_keys[i])
			print(&pns_keys[i]);
	if (args->value[KEYS_MDOC])
		puts(".El");
	return flushed(0);
}
