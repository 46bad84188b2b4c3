// SPDX-License-Identifier: MIT
/* The PAM stacks: is pam_ns.so where it isolates, and does nothing go round it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "check.h"
#include "fd.h"
#include "nss.h"
#include "pam.h"

#ifndef PNS_MODULE
#define PNS_MODULE "/lib/security/pam_ns.so"
#endif

#define NONE ((size_t)-1)

/* What does nothing, or harm, when it runs in the session's namespaces. */
static const struct {
	const char *module, *why;
} before[] = {
	{"pam_systemd.so", "its session would not hold the helper"},
	{"pam_elogind.so", "its session would not hold the helper"},
	{"pam_limits.so", "it would read the limits of the session's init"},
	{"pam_loginuid.so", "it would silently do nothing"},
	{"pam_selinux.so", "it would label for the wrong place"},
	{"pam_keyinit.so", "init and helper would keep the caller's keyring"},
	{"pam_mkhomedir.so", "it would make the home inside the session alone"},
	{"pam_oddjob_mkhomedir.so", "it would make the home inside the session alone"},
	{"pam_mount.so", "its mounts would be inside the session alone"},
	{"pam_motd.so", "it would read the session's files"},
};

/* Who execs the user's program in the very process that opens the session (pam_ns(8)). */
static const char *const unfit[] = {"systemd-user", "polkit-1"};

/* Files made to be included: by sshd, login and su in their middle. */
static const char *const shared[] = {"common-session", "common-session-noninteractive",
				     "system-auth",    "password-auth",
				     "postlogin",      "system-login",
				     "base-session"};

static bool closes(const struct pam_line *line)
{
	char buf[8];

	return pam_arg(line, "close", buf, sizeof(buf)) != NULL;
}

static bool opens_only(const struct pam_line *line)
{
	char buf[8];

	return pam_arg(line, "open", buf, sizeof(buf)) != NULL;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The action of a bracket's pair: "default" -> "ignore". "" if there is no such pair. */
static const char *action(const char *control, const char *name, char *buf, size_t size)
{
	const size_t len = strlen(name);

	buf[0] = '\0';
	for (const char *at = control; *at;) {
		size_t n;

		at += strspn(at, " \t[]");
		n = strcspn(at, " \t[]");
		if (n > len && at[len] == '=' && strncasecmp(at, name, len) == 0)
			snprintf(buf, size, "%.*s", (int)(n - len - 1), at + len + 1);
		at += n;
	}
	return buf;
}

/* Does a failure of the line fail the login? */
static bool is_required(const char *control)
{
	char buf[32];

	if (*control != '[')
		return strcasecmp(control, "required") == 0 ||
		       strcasecmp(control, "requisite") == 0;
	/* The module's failure is session_err or system_err; what is not named falls to default. */
	action(control, "system_err", buf, sizeof(buf));
	if (!*buf)
		action(control, "default", buf, sizeof(buf));
	return strcmp(buf, "bad") == 0 || strcmp(buf, "die") == 0;
}

/* Can what this line returns make libpam skip the lines up to distance behind it? */
static bool can_skip(const char *control, size_t distance)
{
	if (*control != '[')
		return strcasecmp(control, "sufficient") == 0;
	for (const char *at = control; (at = strchr(at, '=')); at++) {
		if (strncmp(at + 1, "done", 4) == 0)
			return true;
		if (isdigit((unsigned char)at[1]) && strtoul(at + 1, NULL, 10) >= distance)
			return true;
	}
	return false;
}

static void judge_args(struct findings *f, const struct pam_line *line, struct stacks *stacks)
{
	char args[1024], buf[PATH_MAX], *save = NULL;
	gid_t gid;

	snprintf(args, sizeof(args), "%s", line->args);
	for (char *arg = strtok_r(args, " \t\r[]", &save); arg;
	     arg = strtok_r(NULL, " \t\r[]", &save)) {
		if (strcmp(arg, "isolate_root") == 0)
			stacks->isolate_root = true;
		else if (strcmp(arg, "debug") != 0 && strcmp(arg, "open") != 0 &&
			 strcmp(arg, "close") != 0 && strcmp(arg, "fatal") != 0 &&
			 strncmp(arg, "conf=/", 6) != 0 &&
			 (strncmp(arg, "exempt_group=", 13) != 0 || !arg[13]))
			found(f, ERROR,
			      "%s:%u: unknown argument %s, every login but root's is denied: write "
			      "open or close, conf=/PATH, debug, fatal, isolate_root or "
			      "exempt_group=NAME",
			      line->file, line->line, arg);
	}
	if (pam_arg(line, "exempt_group=", buf, sizeof(buf)) && buf[0] &&
	    pns_group_lookup(buf, &gid) == -ENOENT)
		found(f, WARNING,
		      "%s:%u: no group %s, so nobody is exempt: add it, or take the argument out",
		      line->file, line->line, buf);
}

static void judge_place(struct findings *f, const struct pam_stack *stack, const char *service,
			size_t open, size_t close)
{
	const struct pam_line *line = &stack->line[open];
	char buf[8];

	for (size_t i = 0; i < stack->n; i++) {
		const struct pam_line *other = &stack->line[i];

		for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
			if (!pam_is(other, before[k].module) ||
			    (strcmp(before[k].module, "pam_selinux.so") == 0 &&
			     pam_arg(other, "close", buf, sizeof(buf))))
				continue;
			if (i > open)
				found(f, WARNING,
				      "%s:%u: %s stands behind pam_ns.so in %s (%s): move "
				      "pam_ns.so open below it, to the end",
				      other->file, other->line, before[k].module, service,
				      before[k].why);
			else if (close != NONE && close != open && i < close)
				found(f, WARNING,
				      "%s:%u: pam_ns.so close stands behind %s in %s: move it to "
				      "the top, above all other session lines",
				      stack->line[close].file, stack->line[close].line,
				      before[k].module, service);
		}
		if (i < open && (!other->substack || other->substack == line->substack) &&
		    can_skip(other->control, open - i))
			found(f, WARNING,
			      "%s:%u: %s %s can skip pam_ns.so in %s, and the login would not be "
			      "isolated: write required",
			      other->file, other->line, other->control, base(other->module),
			      service);
	}
}

static void judge_line(struct findings *f, const struct pam_line *line, const char *service)
{
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (strcmp(base(line->file), shared[i]) == 0)
			found(f, WARNING,
			      "%s:%u: pam_ns.so in a file that other services include in their "
			      "middle: write it into each service's own file, last",
			      line->file, line->line);
	if (!is_required(line->control))
		found(f, ERROR,
		      "%s:%u: pam_ns.so is %s, so a login that cannot be isolated goes on without: "
		      "write required",
		      line->file, line->line, line->control);
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		if (strcmp(service, unfit[i]) == 0)
			found(f, ERROR,
			      "%s:%u: %s cannot be isolated, its sessions are denied: take pam_ns.so "
			      "out",
			      line->file, line->line, service);
}

static void add(char ***list, size_t *n, const char *text)
{
	char **grown;

	for (size_t i = 0; i < *n; i++)
		if (strcmp((*list)[i], text) == 0)
			return;
	grown = realloc(*list, (*n + 2) * sizeof(*grown));
	if (!grown)
		return;
	*list = grown;
	grown[*n] = strdup(text);
	*n += grown[*n] != NULL;
	grown[*n] = NULL;
}

static void judge_stack(struct findings *f, const struct pam_stack *stack, const char *service,
			struct stacks *stacks)
{
	size_t open = NONE, close = NONE;
	char conf[PATH_MAX];

	for (size_t i = 0; i < stack->n; i++) {
		const struct pam_line *line = &stack->line[i];

		if (!pam_is(line, "pam_ns.so"))
			continue;
		stacks->module_named = true;
		judge_args(f, line, stacks);
		if (closes(line) && opens_only(line)) {
			found(f, ERROR,
			      "%s:%u: open together with close, every login but root's is denied: "
			      "write one of them",
			      line->file, line->line);
			continue;
		}
		if (!opens_only(line) && close == NONE)
			close = i;
		if (!closes(line) && open == NONE)
			open = i;
	}
	if (open == NONE && close == NONE)
		return;
	if (stack->trouble)
		found(f, ERROR, "%s, %s lets nobody in", stack->trouble, service);
	if (open == NONE) {
		found(f, ERROR,
		      "%s:%u: pam_ns.so close alone isolates nobody: write session required "
		      "pam_ns.so open at the end of the stack",
		      stack->line[close].file, stack->line[close].line);
		return;
	}
	if (close == NONE)
		found(f, WARNING,
		      "%s:%u: pam_ns.so open without close, so other modules close inside the "
		      "session: write session required pam_ns.so close at the top",
		      stack->line[open].file, stack->line[open].line);
	judge_line(f, &stack->line[open], service);
	judge_place(f, stack, service, open, close);
	add(&stacks->service, &stacks->services, service);
	add(&stacks->conf, &stacks->confs,
	    pam_arg(&stack->line[open], "conf=", conf, sizeof(conf)) ? conf : PNS_CONF);
	found(f, FINE, "%s:%u: %s is isolated", stack->line[open].file, stack->line[open].line,
	      service);
}

static void judge_module(struct findings *f)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	pns_fd_auto int fd = -1;
	int r = err ? pns_fd_open_trusted(PNS_MODULE, O_PATH, S_IFREG, &fd, err) : 0;

	if (r == -ENOENT)
		found(f, ERROR,
		      PNS_MODULE
		      " is missing, and its services let nobody in: install pam_ns again");
	else if (r < 0)
		found_err(f, err);
	free(err);
}

void check_pam(struct findings *f, struct stacks *ret_stacks)
{
	char **services = pam_services();

	for (size_t i = 0; services && services[i]; i++) {
		struct pam_stack stack;

		/* Files to be included are no services, and are seen in those that include them. */
		if (strncmp(services[i], "common-", 7) == 0 || pam_read(services[i], &stack) < 0)
			continue;
		judge_stack(f, &stack, services[i], ret_stacks);
		pam_free(&stack);
	}
	pam_services_free(services);
	if (ret_stacks->module_named)
		judge_module(f);
	else
		found(f, WARNING,
		      "no service in /etc/pam.d has pam_ns.so in its session stack, so nobody is "
		      "isolated: see pam_ns(8)");
}
