// SPDX-License-Identifier: MIT
/* pam_nsctl show: the policy of a user as a login gets it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "fd.h"
#include "out.h"
#include "pam.h"
#include "policy.h"
#include "resolve.h"
#include "steps.h"

static int print_plan(const struct pns_plan *plan)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	char *text = malloc(PNS_PLAN_MAX);
	ssize_t n = err && text ? pns_plan_encode(plan, text, PNS_PLAN_MAX, err) : -ENOMEM;

	if (n >= 0)
		fwrite(text, 1, (size_t)n, stdout);
	else if (err)
		fail_err(err, "show: ");
	free(text);
	free(err);
	return n < 0 ? EXIT_BAD : 0;
}

static void print_value(const struct pns_policy *policy, int i)
{
	const struct pns_key *key = &pns_keys[i];
	const struct pns_origin *origin = &policy->origin[i];
	const void *member = pns_plan_member(&policy->plan, key);
	const struct pns_list *list = key->type->labelled ? member : NULL;
	const size_t n = list ? list->n : 1;
	char *value = malloc(PNS_PLAN_MAX), left[PATH_MAX];

	for (size_t item = 0; value && item < n; item++) {
		const char *label = list ? list->item[item].label : "";

		if (key->type->format(key, member, item, value, PNS_PLAN_MAX) < 0)
			break;
		snprintf(left, sizeof(left), "%s%s%.200s = %.3000s", key->name, *label ? "." : "",
			 label, value);
		clean(left);
		printf("%-36s %s", left, colour(DIM));
		if (origin->file)
			put("%s:%u", origin->file, origin->line);
		else
			printf("default");
		printf("%s\n", colour(PLAIN));
	}
	free(value);
}

static void print_origins(const struct pns_policy *policy)
{
	const struct pns_who *who = &policy->plan.who;

	put("%s (%u) through %s, home %s\n", who->user, who->uid, who->service, who->home);
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		print_value(policy, i);
}

/* The text of a plan, from a file or stdin: what show wrote, or an entry of the registry. */
static int read_plan(const char *path, struct pns_plan *ret_plan)
{
	pns_fd_auto int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
						    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct pns_err *err = calloc(1, sizeof(*err));
	char *text = malloc(PNS_PLAN_MAX + 1);
	size_t len = 0;
	ssize_t n = -1;
	int r = 0;

	if (!text || !err)
		r = fail("show: out of memory");
	else if (fd < 0)
		r = fail("show: %s: %s", path, strerror(errno));
	while (r == 0 && len <= PNS_PLAN_MAX &&
	       ((n = read(fd, text + len, PNS_PLAN_MAX + 1 - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	if (r == 0 && n < 0)
		r = fail("show: %s: %s", path, strerror(errno));
	else if (r == 0 && len > PNS_PLAN_MAX)
		r = fail("show: %s: too long for a plan", path);
	else if (r == 0 && pns_plan_decode(text, len, ret_plan, err) < 0)
		r = fail_err(err, "show: %s: ", path);
	free(text);
	free(err);
	return r;
}

static int show_policy(const struct args *args)
{
	struct pns_policy policy = {0};
	int r;

	r = resolve("show", args->target, args->value[SHOW_SERVICE], args->value[SHOW_CONF],
		    &policy);
	if (r)
		return r;
	if (args->value[SHOW_STEPS])
		steps_print(&policy.plan);
	else if (args->value[SHOW_ORIGIN])
		print_origins(&policy);
	else
		r = print_plan(&policy.plan);
	pns_policy_free(&policy);
	return r;
}

int verb_show(const struct args *args)
{
	struct pns_plan plan;
	int r;

	if (!args->target == !args->value[SHOW_PLAN])
		return fail(args->target ? "show: a user and --plan exclude one another: write one"
					 : "show: who? Write pam_nsctl show USER");
	if (args->value[SHOW_ORIGIN] && (args->value[SHOW_STEPS] || args->value[SHOW_PLAN]))
		return fail("show: --origin stands alone: a plan does not know its origin");
	if (args->value[SHOW_PLAN] && (args->value[SHOW_SERVICE] || args->value[SHOW_CONF]))
		return fail(
			"show: --plan holds the service and the policy already: leave them out");
	if (!args->value[SHOW_PLAN])
		return flushed(show_policy(args));
	r = read_plan(args->value[SHOW_PLAN], &plan);
	if (r)
		return r;
	if (args->value[SHOW_STEPS])
		steps_print(&plan);
	else
		r = print_plan(&plan);
	pns_plan_free(&plan);
	return flushed(r);
}
