// SPDX-License-Identifier: MIT
/*
 * Paths that a symbolic link leads to what another mount covers: a session of such a policy does not
 * start (helper/verify.c). As the links are now, on this host.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "layout.h"
#include "paths.h"
#include "policy.h"

/* Where a path leads, as far as it is there; false if that cannot be told. */
static bool resolve(const char *path, char real[PATH_MAX])
{
	char part[PATH_MAX], *slash;

	snprintf(part, sizeof(part), "%s", path);
	while (!realpath(part, real)) {
		slash = strrchr(part, '/');
		if (!slash || slash == part)
			return false;
		*slash = '\0';
	}
	return strlen(real) + strlen(path + strlen(part)) < PATH_MAX &&
	       strcat(real, path + strlen(part));
}

/* These bring along what was mounted there before; the last makes no mount at all. */
static bool covers(const struct pns_mount *mount)
{
	return mount->kind != PNS_MOUNT_READONLY && mount->kind != PNS_MOUNT_FREEZE &&
	       mount->kind != PNS_MOUNT_HIDE && mount->kind != PNS_MOUNT_ENTRIES &&
	       mount->kind != PNS_MOUNT_DIR;
}

static void say(struct findings *f, const struct pns_policy *policy, const struct pns_mount *linked,
		const char *real, const struct pns_mount *covered, const char *verb)
{
	const struct pns_origin *origin = pns_policy_origin(policy, linked->key, linked->label);
	char name[128], other[128];

	pns_mount_origin(linked, name, sizeof(name));
	pns_mount_origin(covered, other, sizeof(other));
	found(f, WARNING,
	      "%s:%u: %s: a symbolic link leads %s to %s, %s %s (%s), which denies the login: write "
	      "%s",
	      origin->file ? origin->file : "-", origin->line, name, linked->target, real, verb,
	      covered->target, other, real);
}

/* The layout is in the order of the work. */
static void judge(struct findings *f, const struct pns_policy *policy,
		  const struct pns_layout *layout, size_t i)
{
	const struct pns_mount *mount = &layout->mount[i];
	char real[PATH_MAX];

	if (!resolve(mount->target, real) || strcmp(real, mount->target) == 0)
		return;
	for (size_t j = 0; j < layout->n; j++) {
		const struct pns_mount *other = &layout->mount[j];

		if (j > i && covers(other) && pns_path_within(real, other->target))
			say(f, policy, mount, real, other, "covered by the mount on");
		if (j < i && covers(mount) && pns_path_within(other->target, real))
			say(f, policy, mount, real, other, "covering that on");
	}
}

void check_links(struct findings *f, const struct pns_policy *policy)
{
	const struct pns_plan *plan = &policy->plan;
	struct pns_layout layout = {0};
	struct pns_err *err = calloc(1, sizeof(*err));

	/* What is wrong with it otherwise has been said by the rules between keys. */
	if (err && pns_layout_make(plan, NULL, NULL, &layout, err) == 0)
		for (size_t i = 0; i < layout.n; i++)
			if (layout.mount[i].key == PNS_KEY_bind ||
			    layout.mount[i].key == PNS_KEY_tmpfs ||
			    layout.mount[i].key == PNS_KEY_readonly ||
			    layout.mount[i].key == PNS_KEY_hide)
				judge(f, policy, &layout, i);
	pns_layout_free(&layout);
	free(err);
}
