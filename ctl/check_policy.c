// SPDX-License-Identifier: MIT
/*
 * The policy: every file is read by the very code of a login, and then resolved for whoever the
 * sections name, so that rules between keys are found whatever sections meet in one login.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "live.h"
#include "nss.h"
#include "out.h"
#include "pam.h"
#include "policy.h"
#include "section.h"

#define RESOLVES_MAX 4096		 /* of a login's time each */
#define NOBODY	     ((uid_t)4294967294) /* whom no section names */

/* A login that some section applies to. */
struct login {
	char *user; /* of NSS, or NULL: made up from the ids */
	uid_t uid;
	gid_t gid;
};

struct checking {
	struct findings *f;
	const struct stacks *stacks;
	const char *conf;
	char *owner; /* of a file in users/, else NULL */
	struct login *login;
	size_t logins, room;
	char **service;
	size_t services;
};

static void add_login(struct checking *c, const char *user, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < c->logins; i++)
		if (c->login[i].uid == uid && c->login[i].gid == gid &&
		    strcmp(c->login[i].user ? c->login[i].user : "", user ? user : "") == 0)
			return;
	if (c->logins == c->room) {
		const size_t room = c->room ? 2 * c->room : 16;
		struct login *grown = realloc(c->login, room * sizeof(*grown));

		if (!grown)
			return;
		c->login = grown;
		c->room = room;
	}
	c->login[c->logins++] = (struct login){user ? strdup(user) : NULL, uid, gid};
}

static void add_service(struct checking *c, const char *service)
{
	char **grown;

	for (size_t i = 0; i < c->services; i++)
		if (strcmp(c->service[i], service) == 0)
			return;
	grown = realloc(c->service, (c->services + 1) * sizeof(*grown));
	if (!grown)
		return;
	c->service = grown;
	c->service[c->services] = strdup(service);
	if (c->service[c->services])
		c->services++;
}

/* ---- sections ---- */

static void never(struct checking *c, const struct pns_ini_item *item, const char *why)
{
	found(c->f, WARNING, "%s:%u: [%s] never matches: %s: mend the name, or take it out",
	      item->file, item->line, item->section, why);
}

/* A directory that does not answer is no reason to warn; errno was 0 before the look-up. */
static bool absent(const void *entry)
{
	return !entry && (!errno || errno == ENOENT || errno == ESRCH);
}

static bool no_service(const char *name)
{
	struct pam_stack stack;
	const int r = pam_read(name, &stack);

	if (r == 0)
		pam_free(&stack);
	return r == -ENOENT;
}

/* "" if it is there; else what is not. */
static const char *missing(const struct pns_condition *cond, char *buf, size_t size)
{
	const char *kind = pns_condition_kind(cond);
	gid_t gid;

	buf[0] = '\0';
	errno = 0;
	if (strcmp(kind, "user") == 0 && absent(getpwnam(cond->name)))
		snprintf(buf, size, "no user %.64s", cond->name);
	else if (strcmp(kind, "group") == 0 && pns_group_lookup(cond->name, &gid) == -ENOENT)
		snprintf(buf, size, "no group %.64s", cond->name);
	else if (strcmp(kind, "uid") == 0 && absent(getpwuid(cond->number)))
		snprintf(buf, size, "nobody has uid %u", cond->number);
	else if (strcmp(kind, "gid") == 0 && absent(getgrgid(cond->number)))
		snprintf(buf, size, "no group has gid %u", cond->number);
	else if (strcmp(kind, "service") == 0 && no_service(cond->name))
		snprintf(buf, size, "no service %.64s in /etc/pam.d", cond->name);
	return buf;
}

static bool isolated(const struct stacks *stacks, const char *service)
{
	for (size_t i = 0; i < stacks->services; i++)
		if (strcmp(stacks->service[i], service) == 0)
			return true;
	return false;
}

static void judge_condition(struct checking *c, const struct pns_ini_item *item,
			    const struct pns_condition *cond, struct login *login)
{
	const char *kind = pns_condition_kind(cond);
	char why[128];

	if (*missing(cond, why, sizeof(why))) {
		never(c, item, why);
		return;
	}
	if (strcmp(kind, "user") == 0) {
		login->user = strdup(cond->name);
		if (c->owner && strcmp(c->owner, cond->name) != 0)
			never(c, item, "this file is another user's");
	} else if (strcmp(kind, "uid") == 0) {
		login->uid = cond->number;
	} else if (strcmp(kind, "gid") == 0) {
		login->gid = cond->number;
	} else if (strcmp(kind, "group") == 0) {
		pns_group_lookup(cond->name, &login->gid);
	} else {
		add_service(c, cond->name);
		if (!isolated(c->stacks, cond->name))
			never(c, item, "pam_ns.so is not in that service's session stack");
	}
	if (!c->stacks->isolate_root &&
	    ((strcmp(kind, "uid") == 0 && cond->number == 0) ||
	     (strcmp(kind, "user") == 0 && strcmp(cond->name, "root") == 0)))
		never(c, item, "root is left alone (write isolate_root in the PAM stack)");
}

static int judge_item(void *arg, const struct pns_ini_item *item, struct pns_err *err)
{
	struct checking *c = arg;
	struct login login = {.uid = NOBODY, .gid = NOBODY};
	struct pns_err *known;
	struct pns_section section;

	(void)err;
	if (item->key)
		return 0;
	known = calloc(1, sizeof(*known)); /* the login's own reading has said it */
	if (known && pns_section_parse(item, &section, known) == 0) {
		for (size_t i = 0; i < section.n; i++)
			judge_condition(c, item, &section.condition[i], &login);
		if (login.user || login.uid != NOBODY || login.gid != NOBODY)
			add_login(c, login.user, login.uid, login.gid);
	}
	free(login.user);
	free(known);
	return 0;
}

/* ---- files ---- */

/* "NAME" of "DIR/users/NAME.conf", or NULL. */
static char *owner_of(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	const size_t before = (size_t)(name - path);

	if (before < 9 || strncmp(name - 7, "/users/", 7) != 0 || !strstr(path, ".d/users/"))
		return NULL;
	return strndup(name, strlen(name) - strlen(".conf"));
}

static int judge_file(void *arg, const char *path, struct pns_err *ignored)
{
	struct checking *c = arg;
	struct pns_err *err = calloc(1, sizeof(*err));
	const bool main_file = strcmp(path, c->conf) == 0;
	const struct passwd *pw;
	int r;

	(void)ignored;
	if (!err)
		return -ENOMEM;
	c->owner = main_file ? NULL : owner_of(path);
	errno = 0;
	pw = c->owner ? getpwnam(c->owner) : NULL;
	if (c->owner && absent(pw))
		found(c->f, WARNING, "%s: no user %s: rename the file, or remove it", path,
		      c->owner);
	else if (pw)
		add_login(c, c->owner, pw->pw_uid, pw->pw_gid);
	r = pns_policy_judge(path, judge_item, c, err);
	if (r == -ENOENT && main_file)
		found(c->f, ERROR,
		      "%s does not exist: create it; an empty file isolates every login by the "
		      "defaults",
		      path);
	found_err(c->f, err);
	if (r == 0 && err->count == 0)
		found(c->f, FINE, "%s", path);
	free(c->owner);
	c->owner = NULL;
	free(err);
	return 0;
}

static bool ends_in_conf(const char *name)
{
	const size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

/* What lies beside the files and looks as if it counted. */
static void judge_leftovers(struct checking *c, const char *below)
{
	const size_t len = strlen(c->conf);
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%.*s.d%s", (int)(ends_in_conf(c->conf) ? len - 5 : len),
		 c->conf, below);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    (strcmp(name, "users") == 0 && !*below))
			continue;
		if (name[0] == '.' || !ends_in_conf(name))
			found(c->f, WARNING,
			      "%s/%s is not read: end its name in .conf, without a dot in front, or "
			      "remove it",
			      path, name);
	}
	if (dir)
		closedir(dir);
}

/* ---- what a policy leaks ---- */

static const struct leak {
	const char *key, *value, *and_key, *and_value; /* and_key NULL: the first alone */
	const char *text;
} leaks[] = {
	{"mount", "no", NULL, NULL,
	 "mount = no: the session has all files of the host, /tmp and /proc too: write mount = yes"},
	{"pid", "no", "mount", "yes",
	 "mount without pid: /proc/PID/root of the user's processes outside leads out of the "
	 "session: write pid = yes"},
	{"network", "host", "buses", "show",
	 "network = host with buses shown: systemd-run and D-Bus start processes outside: write "
	 "buses = hide"},
	{"buses", "show", "network", "loopback",
	 "buses = show: systemd-run --user starts processes outside the session: write buses = hide"},
	{"private_tmp", "no", "mount", "yes",
	 "private_tmp = no: sockets in the host's /tmp (tmux, ssh-agent) lead out of the session: "
	 "write private_tmp = memory"},
};

/* "FILE:LINE: " of the key that was set, of both; by defaults alone no policy leaks. */
static bool blame(const struct pns_policy *policy, const struct leak *leak, char *where,
		  size_t size)
{
	const char *const names[] = {leak->key, leak->and_key};

	for (size_t i = 0; i < 2 && names[i]; i++) {
		const struct pns_key *key = pns_key_find(names[i], strlen(names[i]));
		const struct pns_origin *origin = key ? &policy->origin[key - pns_keys] : NULL;

		if (origin && origin->file) {
			snprintf(where, size, "%s:%u: ", origin->file, origin->line);
			return true;
		}
	}
	return false;
}

static void judge_leaks(struct findings *f, const struct pns_policy *policy)
{
	char where[PATH_MAX + 16];

	if (!policy->plan.isolate)
		return;
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		const struct leak *leak = &leaks[i];

		if (plan_is(&policy->plan, leak->key, leak->value) &&
		    (!leak->and_key || plan_is(&policy->plan, leak->and_key, leak->and_value)) &&
		    blame(policy, leak, where, sizeof(where)))
			found(f, WARNING, "%s%s", where, leak->text);
	}
}

static int make_who(const struct login *login, const char *service, struct pns_who *who,
		    struct pns_err *err)
{
	struct pns_who made = {
		.uid = login->uid, .gid = login->gid, .user = "Nobody", .home = "/home/Nobody"};
	struct pns_who host;

	if (login->user)
		return pns_who_lookup(login->user, service, who, err);
	/*
	 * Nobody of NSS, with that group as his primary one. No header holds a name in upper case, so
	 * no section is about him by accident; his home is where home = own lets one be.
	 */
	if (pns_who_lookup("root", service, &host, err) < 0)
		return -EINVAL;
	strcpy(made.host, host.host);
	snprintf(made.service, sizeof(made.service), "%s", service);
	*who = made;
	return 0;
}

static void judge_login(struct checking *c, const struct login *login, const char *service)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_who *who = calloc(1, sizeof(*who));
	struct pns_policy policy = {0};

	if (err && who) {
		if (make_who(login, service, who, err) == 0 &&
		    pns_policy_resolve(c->conf, who, &policy, err) == 0) {
			judge_leaks(c->f, &policy);
			check_links(c->f, &policy);
		}
		found_err(c->f, err);
	}
	pns_policy_free(&policy);
	free(who);
	free(err);
}

static void judge_logins(struct checking *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->logins; i++) {
		for (size_t s = 0; s < c->services; s++) {
			if (++n > RESOLVES_MAX)
				continue;
			judge_login(c, &c->login[i], c->service[s]);
		}
	}
	if (n > RESOLVES_MAX)
		found(c->f, FINE,
		      "%s: rules between keys looked at for %d of %zu pairs of user and service",
		      c->conf, RESOLVES_MAX, n);
}

void check_policy(struct findings *f, const char *conf, const struct stacks *stacks)
{
	struct checking c = {.f = f, .stacks = stacks, .conf = conf};
	const unsigned int before = f->count[ERROR];
	struct pns_err *err = calloc(1, sizeof(*err));

	if (!err)
		return;
	add_login(&c, NULL, NOBODY, NOBODY); /* the defaults */
	for (size_t i = 0; i < stacks->services; i++)
		add_service(&c, stacks->service[i]);
	if (!c.services)
		add_service(&c, "sshd");
	pns_policy_files(conf, judge_file, &c, err);
	found_err(f, err); /* a directory that others can write */
	judge_leftovers(&c, "");
	judge_leftovers(&c, "/users");
	/* A login with mistakes in its policy is denied before rules between keys are looked at. */
	if (f->count[ERROR] == before)
		judge_logins(&c);
	for (size_t i = 0; i < c.logins; i++)
		free(c.login[i].user);
	for (size_t i = 0; i < c.services; i++)
		free(c.service[i]);
	free(c.login);
	free(c.service);
	free(err);
}
