// SPDX-License-Identifier: MIT
/* pam_nsctl list: the instances that live, a line each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "live.h"
#include "out.h"

struct row {
	const struct pns_live *live;
	char services[256], leaders[16], hostname[80], network[300], linger[32], state[32];
	uint64_t memory;
	size_t processes;
	int64_t age;
	pid_t init;
};

/* 0, or -ESRCH if it has ended meanwhile. */
static int fill(const struct pns_live *live, struct row *ret_row)
{
	struct row row = {.live = live, .init = live_pid(live->init)};
	struct proc *proc;
	size_t n;
	int r;

	r = live_processes(live, &proc, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		row.memory += proc[i].memory;
		if (proc[i].is_init)
			row.age = uptime() - proc[i].started;
		else
			row.processes++;
	}
	free(proc);
	live_services(live, row.services, sizeof(row.services));
	live_status(live, "leaders", row.leaders, sizeof(row.leaders));
	live_status(live, "state", row.state, sizeof(row.state));
	if (live->plan.uts)
		plan_value(&live->plan, "hostname", row.hostname, sizeof(row.hostname));
	plan_value(&live->plan, "network", row.network, sizeof(row.network));
	plan_value(&live->plan, "linger", row.linger, sizeof(row.linger));
	*ret_row = row;
	return 0;
}

static void print_json(struct json *json, const struct row *row)
{
	const struct pns_live *live = row->live;

	json_begin(json, NULL, '{');
	json_string(json, "id", live->plan.id);
	json_number(json, "uid", live->plan.who.uid);
	json_string(json, "user", live->plan.who.user);
	json_begin(json, "services", '[');
	for (const char *at = row->services; *at;) {
		char one[256];
		size_t len = strcspn(at, ",");

		snprintf(one, sizeof(one), "%.*s", (int)len, at);
		json_string(json, NULL, one);
		at += len + (at[len] == ',');
	}
	json_end(json, ']');
	json_string(json, "state", row->state);
	json_number(json, "init", row->init);
	json_number(json, "leaders", atoi(row->leaders));
	json_number(json, "processes", (int64_t)row->processes);
	json_number(json, "memory", (int64_t)row->memory);
	json_number(json, "age", row->age);
	json_string(json, "hostname", row->hostname[0] ? row->hostname : NULL);
	json_string(json, "network", row->network);
	json_string(json, "linger", row->linger[0] ? row->linger : NULL);
	json_end(json, '}');
}

/* "3.2 MiB" -> "3.2M", "2 h 05 min" -> "2h05m": a line is to fit the terminal. */
static const char *compact(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (strncmp(from, "iB", 2) == 0 || strncmp(from, "in", 2) == 0)
			from++;
		else if (*from != ' ')
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

static void add_row(struct table *table, const struct row *row)
{
	char buf[24];

	table_add(table, row->live->plan.id);
	table_add(table, row->live->plan.who.user);
	table_add(table, row->services);
	table_add(table, row->leaders);
	snprintf(buf, sizeof(buf), "%zu", row->processes);
	table_add(table, buf);
	size_text(row->memory, buf);
	table_add(table, compact(buf));
	age_text(row->age, buf);
	table_add(table, compact(buf));
	table_add(table, row->hostname);
	table_add(table, row->network);
	table_add(table, row->linger);
}

/* Looks at one and shows it. An entry that is no instance is worth a line and the status. */
static int show(struct pns_entry entry, bool as_json, struct json *json, struct table *table)
{
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_live live = PNS_LIVE_NONE;
	struct row row;
	int r, bad = 0;

	if (!err)
		return fail("list: out of memory");
	r = pns_registry_look(entry, &live, err);
	if (r == 0 && fill(&live, &row) == 0) {
		if (as_json)
			print_json(json, &row);
		else
			add_row(table, &row);
	} else if (r < 0 && r != -ENOENT && r != -EAGAIN) {
		bad = fail_err(err, "%s", "");
	}
	/* What ended, or began, while we looked is not there: that is no error of a list. */
	pns_live_free(&live);
	free(err);
	return bad;
}

int verb_list(const struct args *args)
{
	static const char *const head[] = {"ID",  "USER", "SERVICE",  "LEADERS", "PROCS",
					   "MEM", "AGE",  "HOSTNAME", "NETWORK", "LINGER"};
	struct table table = {.columns = 10, .head = head, .right = 0x38};
	const bool as_json = args->value[LIST_JSON] != NULL;
	struct pns_err *err = calloc(1, sizeof(*err));
	struct pns_entry *entries = NULL;
	struct json json = {0};
	size_t n = 0;
	int bad = 0;

	if (!err)
		return fail("list: out of memory");
	if (pns_registry_list(&entries, &n, err) < 0 || err->count)
		bad = fail_err(err, "%s", "");
	free(err);
	if (as_json)
		json_begin(&json, NULL, '[');
	for (size_t i = 0; i < n; i++)
		bad |= show(entries[i], as_json, &json, &table);
	if (as_json)
		json_end(&json, ']');
	else
		table_print(&table);
	free(entries);
	return flushed(bad);
}
