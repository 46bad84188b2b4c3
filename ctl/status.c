// SPDX-License-Identifier: MIT
/* pam_nsctl status: one instance in full. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "inside.h"
#include "live.h"
#include "nstab.h"
#include "out.h"
#include "resolve.h"

#define WIDTH 78

static void heading(const char *text)
{
	printf("%s%s%s\n", colour(BOLD), text, colour(PLAIN));
}

static void print_head(const struct pns_live *live, const struct proc *proc, size_t n)
{
	const struct pns_who *who = &live->plan.who;
	char leaders[16], state[32], services[256], buf[24];
	uint64_t memory = 0;
	int64_t age = 0;

	for (size_t i = 0; i < n; i++) {
		memory += proc[i].memory;
		if (proc[i].is_init)
			age = uptime() - proc[i].started;
	}
	live_status(live, "leaders", leaders, sizeof(leaders));
	live_status(live, "state", state, sizeof(state));
	live_services(live, services, sizeof(services));
	put("%s%s%s  %s (%u) through %s, %s for %s\n", colour(BOLD), live->plan.id, colour(PLAIN),
	    who->user, who->uid, services, state, age_text(age, buf));
	put("  %s leader%s, %s", leaders, strcmp(leaders, "1") == 0 ? "" : "s",
	    size_text(memory, buf));
	if (live->plan.uts)
		put(", hostname %s", live->plan.hostname.s);
	puts("");
}

static void ns_link(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	n = readlink(path, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	n = (ssize_t)strcspn(buf, "[");
	memmove(buf, buf + n, strlen(buf + n) + 1); /* "net:[4026531840]": the number alone */
	buf[strcspn(buf, "]")] = '\0';
	if (buf[0] == '[')
		memmove(buf, buf + 1, strlen(buf));
}

static void print_namespaces(pid_t init)
{
	char theirs[64], ours[64];

	heading("Namespaces");
	for (int i = 0; i < PNS_NS_COUNT; i++) {
		ns_link(init, pns_nstab[i].name, theirs, sizeof(theirs));
		ns_link(getpid(), pns_nstab[i].name, ours, sizeof(ours));
		printf("  %-7s %-12s %s\n", pns_nstab[i].name, theirs[0] ? theirs : "-",
		       strcmp(theirs, ours) == 0 ? "the host's" : "its own");
	}
}

static const char *user_name(uid_t uid, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(buf, size, "%.8s", pw->pw_name);
	else
		snprintf(buf, size, "%u", uid);
	return buf;
}

static bool has(const struct proc *proc, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (proc[i].pid == pid)
			return true;
	return false;
}

static void print_tree(const struct proc *proc, size_t n, pid_t parent, int depth)
{
	char user[16];

	for (size_t i = 0; i < n; i++) {
		/* On the first level: those whose parents are outside, as the login's own child. */
		if (depth == 0 ? has(proc, n, proc[i].ppid) : proc[i].ppid != parent)
			continue;
		put("  %7d %5d  %-8s %*s%.*s\n", proc[i].pid, proc[i].inner,
		    user_name(proc[i].uid, user, sizeof(user)), 2 * depth, "",
		    depth < 20 ? WIDTH - 26 - 2 * depth : 12, proc[i].command);
		if (depth < 100)
			print_tree(proc, n, proc[i].pid, depth + 1);
	}
}

/* Short settings side by side, as many as fit; a long one on a line of its own. */
static void print_plan(const struct pns_plan *plan)
{
	char *value = malloc(PNS_PLAN_MAX), *word;
	size_t column = 0;

	heading("Plan");
	for (int i = 0; value && i < PNS_KEY_COUNT; i++) {
		const struct pns_key *key = &pns_keys[i];
		const void *member = pns_plan_member(plan, key);
		const struct pns_list *list = key->type->labelled ? member : NULL;

		for (size_t item = 0; item < (list ? list->n : 1); item++) {
			const char *label = list ? list->item[item].label : "";

			if (key->type->format(key, member, item, value, PNS_PLAN_MAX) < 0 ||
			    asprintf(&word, "%s%s%s=%s", key->name, *label ? "." : "", label,
				     value) < 0)
				continue;
			if (column && column + 2 + strlen(word) > WIDTH) {
				puts("");
				column = 0;
			}
			put("  %s", word);
			column += 2 + strlen(word);
			free(word);
		}
	}
	puts("");
	free(value);
}

/* All items of a key, as text to compare; NULL if memory is short. */
static char *key_text(const struct pns_plan *plan, const struct pns_key *key)
{
	const void *member = pns_plan_member(plan, key);
	const struct pns_list *list = key->type->labelled ? member : NULL;
	char *value = malloc(PNS_PLAN_MAX), *text = strdup(""), *more;

	for (size_t item = 0; value && text && item < (list ? list->n : 1); item++) {
		const char *label = list ? list->item[item].label : "";

		if (key->type->format(key, member, item, value, PNS_PLAN_MAX) < 0)
			break;
		if (asprintf(&more, "%s%s%s%s%s", text, item ? ", " : "", label, *label ? "=" : "",
			     value) < 0)
			break;
		free(text);
		text = more;
	}
	free(value);
	return text;
}

static bool print_change(const struct pns_live *live, const struct pns_policy *now, int i)
{
	char *was = key_text(&live->plan, &pns_keys[i]);
	char *is = was ? key_text(&now->plan, &pns_keys[i]) : NULL;
	const bool changed = is && strcmp(was, is) != 0;

	if (changed) {
		put("  %s%s%s: was %s, is now %s", colour(YELLOW), pns_keys[i].name, colour(PLAIN),
		    *was ? was : "empty", *is ? is : "empty");
		if (now->origin[i].file)
			put(" (%s:%u)", now->origin[i].file, now->origin[i].line);
		puts("");
	}
	free(was);
	free(is);
	return changed;
}

/* Would a login get the same now? */
static void print_policy(const struct pns_live *live)
{
	struct pns_policy now = {0};
	bool changed = false;

	heading("Policy");
	if (resolve("status", live->plan.who.user, live->plan.who.service, NULL, &now)) {
		puts("  cannot be read now: the next login is denied");
		return;
	}
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		changed |= print_change(live, &now, i);
	if (!changed)
		puts("  the same as when it was opened");
	pns_policy_free(&now);
}

static int status(const struct pns_live *live)
{
	const pid_t init = live_pid(live->init);
	struct proc *proc = NULL;
	size_t n = 0;
	int r;

	r = live_processes(live, &proc, &n);
	if (r < 0)
		return fail("status: %s: %s", live->plan.id,
			    r == -ESRCH ? "it has ended: see pam_nsctl list" : strerror(-r));
	print_head(live, proc, n);
	print_namespaces(init);
	heading("Processes (pid, pid inside, user, command)");
	print_tree(proc, n, 0, 0);
	free(proc);
	heading("Mounts that the host has not");
	inside_mounts(init);
	heading("Listening sockets");
	if (!pns_nstab[PNS_NS_NET].wanted(&live->plan))
		puts("  network = host: the host's");
	else
		inside_sockets(init);
	print_plan(&live->plan);
	print_policy(live);
	/* Of a process that has gone, /proc tells about none or another. */
	if (live_gone(live))
		return fail("status: %s has ended while it was looked at", live->plan.id);
	return 0;
}

int verb_status(const struct args *args)
{
	struct pns_live *live;
	int r, bad = 0;
	size_t n;

	r = live_find("status", args->target, false, &live, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (i)
			puts("");
		bad |= status(&live[i]);
	}
	live_free(live, n);
	return flushed(bad);
}
