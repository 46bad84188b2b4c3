// SPDX-License-Identifier: MIT
/* Prints conf/pam_ns.conf from the table of keys. */
#include <stdio.h>
#include <string.h>

#include "keys.h"

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

int main(void)
{
	fputs(intro, stdout);
	for (int i = 0; i < PNS_KEY_COUNT; i++) {
		const struct pns_key *key = &pns_keys[i];

		printf("\n# %s\n# (", key->doc);
		print_values(key);
		if (key->type->labelled)
			printf(")\n# %s.%s =\n", key->name,
			       key->type == &pns_type_sysctl ? "NAME" : "LABEL");
		else
			printf(")\n# %s =%s%s\n", key->name, *key->fallback ? " " : "",
			       key->fallback);
	}
	return 0;
}
