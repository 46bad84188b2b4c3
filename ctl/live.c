// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "fd.h"
#include "live.h"
#include "out.h"
#include "policy.h"

void live_free(struct pns_live *live, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pns_live_free(&live[i]);
	free(live);
}

/* "UID.N" in decimal, or not. */
static bool parse_id(const char *text, struct pns_entry *ret_entry)
{
	unsigned long uid, number;
	char *end;

	if (strspn(text, "0123456789.") != strlen(text) || text[0] == '.')
		return false;
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9')
		return false;
	number = strtoul(end + 1, &end, 10);
	if (*end || errno || uid >= UINT32_MAX || number >= UINT32_MAX)
		return false;
	*ret_entry = (struct pns_entry){(uid_t)uid, (unsigned int)number};
	return true;
}

/* By name, else by number: a user whose name has been taken out may still be logged in. */
static int parse_user(const char *text, uid_t *ret_uid)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_who *who = calloc(1, sizeof(*who));
	unsigned long uid;
	char *end;
	int r = -ENOMEM;

	if (err && who) {
		r = pns_who_lookup(text, "", who, err);
		if (r == 0)
			*ret_uid = who->uid;
	}
	if (r == -ENOENT) {
		errno = 0;
		uid = strtoul(text, &end, 10);
		if (*text >= '0' && *text <= '9' && !*end && !errno && uid < UINT32_MAX) {
			*ret_uid = (uid_t)uid;
			r = 0;
		}
	}
	if (r < 0 && err)
		fail_err(err, "%s: ", text);
	free(who);
	free(err);
	return r;
}

static int look(struct pns_entry entry, bool hung_too, struct pns_live *ret_live)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	int r = err ? pns_registry_look(entry, ret_live, err) : -ENOMEM;

	if (r == -ETIMEDOUT && hung_too) {
		ret_live->init = hung_init(ret_live);
		r = ret_live->init < 0 ? r : 0;
	}
	if (r < 0)
		fail_err(err ? err : &(struct pns_err){.text = "out of memory"}, "%s", "");
	free(err);
	return r;
}

static int list(struct pns_entry **ret_entries, size_t *ret_n)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	int r = err ? pns_registry_list(ret_entries, ret_n, err) : -ENOMEM;

	if (err && err->count)
		fail_err(err, "%s", "");
	free(err);
	return r;
}

int live_find(const char *verb, const char *target, bool hung_too, struct pns_live **ret_live,
	      size_t *ret_n)
{
	struct pns_live *live = NULL;
	struct pns_entry *entries = NULL, one;
	size_t n = 0, total = 0, of_user = 0;
	uid_t uid = 0;
	int bad = 0;

	if (parse_id(target, &one)) {
		entries = malloc(sizeof(*entries));
		if (!entries)
			return fail("%s: out of memory", verb);
		entries[total++] = one;
		uid = one.uid;
	} else if (parse_user(target, &uid) < 0 || list(&entries, &total) < 0) {
		return EXIT_BAD;
	}
	live = calloc(total + 1, sizeof(*live));
	for (size_t i = 0; live && i < total; i++) {
		if (entries[i].uid != uid)
			continue;
		of_user++;
		live[n] = (struct pns_live)PNS_LIVE_NONE;
		if (look(entries[i], hung_too, &live[n]) == 0) {
			n++;
			continue;
		}
		pns_live_free(&live[n]);
		bad = EXIT_BAD;
	}
	free(entries);
	if (!live)
		return fail("%s: out of memory", verb);
	if (!of_user)
		bad = fail("%s has no session: see pam_nsctl list", target);
	if (n == 0) {
		free(live);
		return bad;
	}
	*ret_live = live;
	*ret_n = n;
	return 0;
}

pid_t live_pid(int pidfd)
{
	char path[64], text[512], *at;
	pns_fd_auto int fd = -1;
	ssize_t n;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "\nPid:");
	/* 0: of another pid namespace; -1: dead and reaped. */
	return at && sscanf(at + 5, "%d", &pid) == 1 && pid > 0 ? pid : 0;
}

bool live_gone(const struct pns_live *live)
{
	struct pollfd wait = {.fd = live->init, .events = POLLIN};

	return poll(&wait, 1, 0) != 0;
}

const char *live_status(const struct pns_live *live, const char *key, char *buf, size_t size)
{
	const size_t len = strlen(key);

	buf[0] = '\0';
	for (const char *line = live->status; *line;) {
		const size_t n = strcspn(line, "\n");

		if (n > len && line[len] == '=' && memcmp(line, key, len) == 0) {
			snprintf(buf, size, "%.*s", (int)(n - len - 1), line + len + 1);
			break;
		}
		line += n + (line[n] == '\n');
	}
	return buf;
}

const char *plan_value(const struct pns_plan *plan, const char *name, char *buf, size_t size)
{
	const struct pns_key *key = pns_key_find(name, strlen(name));
	const void *member;

	if (!key)
		return NULL;
	member = pns_plan_member(plan, key);
	buf[0] = '\0';
	if (key->type->labelled && ((const struct pns_list *)member)->n == 0)
		return buf;
	if (key->type->format(key, member, 0, buf, size) < 0)
		return NULL;
	return buf;
}

bool plan_is(const struct pns_plan *plan, const char *key, const char *value)
{
	char text[512];
	const char *has = plan_value(plan, key, text, sizeof(text));

	return has && strcmp(has, value) == 0;
}

/* Is word one of the words between commas? */
static bool among(const char *list, const char *word)
{
	const size_t len = strlen(word);

	for (const char *at = list; *at;) {
		const size_t n = strcspn(at, ",");

		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

/* Of lines such as "leader=0 pid=1234 service=sshd". */
void live_services(const struct pns_live *live, char *buf, size_t size)
{
	char line[256], service[128];

	buf[0] = '\0';
	for (const char *at = live->status; *at;) {
		const size_t n = strcspn(at, "\n"), len = strlen(buf);

		snprintf(line, sizeof(line), "%.*s", (int)n, at);
		at += n + (at[n] == '\n');
		if (sscanf(line, "leader=%*u pid=%*d service=%127s", service) != 1 ||
		    among(buf, service))
			continue;
		if (len + strlen(service) + 2 < size)
			snprintf(buf + len, size - len, "%s%s", len ? "," : "", service);
	}
	if (!buf[0])
		snprintf(buf, size, "%s", live->plan.who.service);
}
