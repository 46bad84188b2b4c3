// SPDX-License-Identifier: MIT
/* The plan told as a tree: namespaces, then what is done in them, in the order of helper/steps.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "live.h"
#include "nstab.h"
#include "out.h"
#include "steps.h"

/* Lines are kept until the next of their depth comes: only then is the last one known. */
struct tree {
	size_t n;
	struct line {
		int depth;
		char *text;
	} line[512];
};

__attribute__((format(printf, 3, 4))) static void add(struct tree *tree, int depth, const char *fmt,
						      ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text && tree->n < sizeof(tree->line) / sizeof(tree->line[0]))
		tree->line[tree->n++] = (struct line){depth, text};
	else
		free(text);
}

static bool more_at(const struct tree *tree, size_t from, int depth)
{
	for (size_t i = from; i < tree->n && tree->line[i].depth >= depth; i++)
		if (tree->line[i].depth == depth)
			return true;
	return false;
}

static void print(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		const struct line *line = &tree->line[i];

		for (int d = 1; d <= line->depth; d++) {
			const bool more = more_at(tree, i + 1, d);

			if (d == line->depth)
				fputs(more ? "├─ " : "└─ ", stdout);
			else
				fputs(more ? "│  " : "   ", stdout);
		}
		put("%s\n", line->text);
	}
	for (size_t i = 0; i < tree->n; i++)
		free(tree->line[i].text);
}

static const char *value(const struct pns_plan *plan, enum pns_key_index key, char *buf,
			 size_t size)
{
	if (pns_keys[key].type->format(&pns_keys[key], pns_plan_member(plan, &pns_keys[key]), 0,
				       buf, size) < 0)
		buf[0] = '\0';
	return buf;
}

static void add_namespaces(struct tree *tree, const struct pns_plan *plan)
{
	add(tree, 1, "namespaces");
	for (int i = 0; i < PNS_NS_COUNT; i++)
		add(tree, 2, "%-7s %s", pns_nstab[i].name,
		    pns_nstab[i].wanted(plan) ? "its own" : "the host's");
}

static void add_mounts(struct tree *tree, const struct pns_plan *plan)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_layout layout = {0};

	if (!err || !plan->mount || pns_layout_make(plan, NULL, NULL, &layout, err) < 0) {
		free(err);
		return;
	}
	add(tree, 1, "mounts (propagation: %s)",
	    plan->propagation == PNS_PROPAGATION_SLAVE
		    ? "slave, later mounts of the host appear"
		    : "private, no later mount of the host appears");
	for (size_t i = 0; i < layout.n; i++) {
		const struct pns_mount *m = &layout.mount[i];
		char key[160];

		pns_mount_origin(m, key, sizeof(key));
		add(tree, 2, "%-15s %-9s %s%s%s%s", m->target, pns_mount_kind_name(m->kind), key,
		    m->source ? " of " : "", m->source ? m->source : "",
		    m->flags & PNS_MOUNT_RO ? ", read-only" : "");
	}
	pns_layout_free(&layout);
	add(tree, 2, "/run/pam_ns     tmpfs     read-only stand-in for the registry");
	free(err);
}

/* Keys with labels, each an entry of its own: what they do is in their rows. */
static void add_lists(struct tree *tree, const struct pns_plan *plan)
{
	char *text = malloc(PNS_PLAN_MAX);

	for (int i = 0; text && i < PNS_KEY_COUNT; i++) {
		const struct pns_key *key = &pns_keys[i];
		const struct pns_list *list;

		if (!key->type->labelled)
			continue;
		list = pns_plan_member(plan, key);
		if (list->n)
			add(tree, 1, "%s", key->name);
		for (size_t item = 0; item < list->n; item++)
			if (key->type->format(key, list, item, text, PNS_PLAN_MAX) >= 0)
				add(tree, 2, "%s%s%s", list->item[item].label,
				    list->item[item].label[0] ? " = " : "", text);
	}
	free(text);
}

void steps_print(const struct pns_plan *plan)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	char clock[32];

	if (!tree)
		return;
	add(tree, 0, "%s (%u) through %s", plan->who.user, plan->who.uid, plan->who.service);
	if (!plan->isolate) {
		add(tree, 1, "nothing: isolate = no leaves this login alone");
	} else {
		add_namespaces(tree, plan);
		if (plan->time)
			add(tree, 1, "clocks: %s",
			    value(plan, PNS_KEY_uptime, clock, sizeof(clock)));
		add_mounts(tree, plan);
		if (plan->uts)
			add(tree, 1, "hostname %s%s%s", plan->hostname.s,
			    plan->domainname.s[0] ? ", domainname " : "", plan->domainname.s);
		add_lists(tree, plan);
		if (plan_is(plan, "network", "loopback"))
			add(tree, 1, "lo comes up");
		add(tree, 1, "init, with CAP_KILL alone; the login joins");
	}
	print(tree);
	free(tree);
}
