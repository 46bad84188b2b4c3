// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "paths.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct builder {
	const struct pns_plan *plan;
	pns_blame_fn blame;
	void *arg;
	struct pns_layout layout;
	size_t room;
	struct pns_err *err;
};

const char *pns_mount_kind_name(enum pns_mount_kind kind)
{
	static const char *const names[] = {
		[PNS_MOUNT_PROC] = "proc",	 [PNS_MOUNT_SYS] = "sysfs",
		[PNS_MOUNT_TMPFS] = "tmpfs",	 [PNS_MOUNT_DIR] = "directory",
		[PNS_MOUNT_MQUEUE] = "mqueue",	 [PNS_MOUNT_DISK] = "disk",
		[PNS_MOUNT_BIND] = "bind",	 [PNS_MOUNT_DEVICE] = "device",
		[PNS_MOUNT_DEV] = "dev",	 [PNS_MOUNT_FREEZE] = "freeze",
		[PNS_MOUNT_ENTRIES] = "entries", [PNS_MOUNT_READONLY] = "readonly",
		[PNS_MOUNT_HIDE] = "hide",
	};

	return names[kind];
}

void pns_mount_origin(const struct pns_mount *mount, char *buf, size_t size)
{
	const char *label = mount->label ? mount->label : "";

	snprintf(buf, size, "%s%s%s", pns_keys[mount->key].name, *label ? "." : "", label);
}

/* ---- the list ---- */

static int no_memory(struct builder *b)
{
	return pns_err_sys(b->err, ENOMEM, "mounts");
}

/* FILE:LINE of what asks for a mount, or nothing. */
static void place(const struct builder *b, const struct pns_mount *mount, char *buf, size_t size)
{
	buf[0] = '\0';
	if (b->blame)
		b->blame(b->arg, mount->key, mount->label, buf, size);
}

/* Takes copies of source and target. */
static int add(struct builder *b, const struct pns_mount *mount)
{
	struct pns_mount *to;

	if (b->layout.n == b->room) {
		const size_t room = b->room ? 2 * b->room : 32;
		struct pns_mount *grown = realloc(b->layout.mount, room * sizeof(*grown));

		if (!grown)
			return no_memory(b);
		b->layout.mount = grown;
		b->room = room;
	}
	to = &b->layout.mount[b->layout.n];
	*to = *mount;
	to->target = strdup(mount->target);
	to->source = mount->source ? strdup(mount->source) : NULL;
	if (!to->target || (mount->source && !to->source)) {
		free(to->target);
		free(to->source);
		return no_memory(b);
	}
	b->layout.n++;
	return 0;
}

#define ADD(b, ...) add((b), &(struct pns_mount){__VA_ARGS__})

/* ---- what the keys without a label ask for ---- */

static int add_tmp(struct builder *b)
{
	const struct pns_plan *plan = b->plan;
	char path[sizeof(PNS_DISK) + 32];
	const struct {
		char *target;
		const char *name;
	} dirs[] = {{"/tmp", "tmp"}, {"/var/tmp", "var-tmp"}};
	int r = 0;

	if (plan->private_tmp == PNS_PRIVATE_TMP_NO)
		return 0;
	for (size_t i = 0; r == 0 && i < COUNT(dirs); i++) {
		snprintf(path, sizeof(path), PNS_DISK "/%u/%s", plan->who.uid, dirs[i].name);
		if (plan->private_tmp == PNS_PRIVATE_TMP_DISK)
			r = ADD(b, .kind = PNS_MOUNT_DISK, .source = path, .target = dirs[i].target,
				.key = PNS_KEY_private_tmp);
		else
			r = ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_STICKY,
				.target = dirs[i].target, .size = plan->tmp_size,
				.key = PNS_KEY_private_tmp);
	}
	return r;
}

static int add_ipc(struct builder *b)
{
	int r;

	if (!b->plan->ipc)
		return 0;
	r = ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_STICKY, .target = "/dev/shm",
		.size = b->plan->tmp_size, .key = PNS_KEY_ipc);
	/* Where the host has no /dev/mqueue, nobody sees queues by path: the namespace is enough. */
	return r < 0 ? r
		     : ADD(b, .kind = PNS_MOUNT_MQUEUE, .flags = PNS_MOUNT_OPTIONAL,
			   .target = "/dev/mqueue", .key = PNS_KEY_ipc);
}

static int add_devices(struct builder *b)
{
	static char *const nodes[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
				      "/dev/urandom", "/dev/tty",  "/dev/ptmx"};
	/* pts: a login's terminal was made outside. log: what the login program itself has to say. */
	static char *const others[] = {"/dev/pts", "/dev/log", "/dev/shm", "/dev/mqueue"};
	const size_t n = COUNT(others) - (b->plan->ipc ? 2 : 0);
	int r;

	if (b->plan->devices != PNS_DEVICES_MINIMAL)
		return 0;
	r = ADD(b, .kind = PNS_MOUNT_DEV, .target = "/dev", .key = PNS_KEY_devices);
	for (size_t i = 0; r == 0 && i < COUNT(nodes); i++)
		r = ADD(b, .kind = PNS_MOUNT_DEVICE, .flags = PNS_MOUNT_OPTIONAL,
			.source = nodes[i], .target = nodes[i], .key = PNS_KEY_devices);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ADD(b, .kind = PNS_MOUNT_BIND, .flags = PNS_MOUNT_OPTIONAL, .source = others[i],
			.target = others[i], .key = PNS_KEY_devices);
	return r;
}

/*
 * The system bus; the sockets of PID 1; and /run/user, where the user's bus and manager listen. That
 * one may come at any time, and what comes cannot be hidden any more by then: so the session has
 * one of its own.
 */
static int add_buses(struct builder *b)
{
	char user[32];
	int r;

	if (b->plan->buses != PNS_BUSES_HIDE)
		return 0;
	snprintf(user, sizeof(user), "/run/user/%u", b->plan->who.uid);
	r = ADD(b, .kind = PNS_MOUNT_HIDE, .target = "/run/dbus", .key = PNS_KEY_buses);
	if (r == 0)
		r = ADD(b, .kind = PNS_MOUNT_FREEZE, .flags = PNS_MOUNT_COVER,
			.target = "/run/systemd", .key = PNS_KEY_buses);
	if (r == 0)
		r = ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_COVER, .target = "/run/user",
			.size = b->plan->tmp_size, .key = PNS_KEY_buses);
	if (r == 0)
		r = ADD(b, .kind = PNS_MOUNT_DIR, .target = user, .key = PNS_KEY_buses);
	return r;
}

/* ---- home ---- */

/* Would an empty directory over this one take more away than other people's homes? */
static bool belongs_to_system(const char *dir)
{
	static const char *const trees[] = {"/bin",   "/boot",	"/dev", "/etc",	 "/lib",
					    "/lib32", "/lib64", "/opt", "/proc", "/run",
					    "/sbin",  "/sys",	"/tmp", "/usr",	 "/var/tmp"};
	static const char *const dirs[] = {"/",	       "/var",	    "/var/cache", "/var/lib",
					   "/var/log", "/var/mail", "/var/run",	  "/var/spool"};

	for (size_t i = 0; i < COUNT(trees); i++)
		if (pns_path_within(dir, trees[i]))
			return true;
	for (size_t i = 0; i < COUNT(dirs); i++)
		if (strcmp(dir, dirs[i]) == 0)
			return true;
	return false;
}

static int bad_home(struct builder *b, const char *why)
{
	char where[PATH_MAX + 16];

	place(b, &(struct pns_mount){.key = PNS_KEY_home}, where, sizeof(where));
	return pns_err_add(b->err, EINVAL,
			   "%sthe home directory of %.64s is '%.128s', %s: write home = host for "
			   "this user",
			   where, b->plan->who.user, b->plan->who.home, why);
}

static int add_own_home(struct builder *b, char *home)
{
	char parent[PATH_MAX], why[PATH_MAX + 128];
	struct pns_size size = {.value = 1 << 20}; /* of mount points alone */
	bool below = pns_path_within(home, "/home");
	int r;

	strcpy(parent, home);
	*strrchr(parent, '/') = '\0';
	if (!*parent)
		strcpy(parent, "/");
	if (belongs_to_system(parent)) {
		snprintf(why, sizeof(why), "and home = own would empty %.128s", parent);
		return bad_home(b, why);
	}
	r = ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_OPTIONAL, .target = "/home",
		.size = size, .key = PNS_KEY_home);
	if (r == 0 && !below)
		r = ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_OPTIONAL, .target = parent,
			.size = size, .key = PNS_KEY_home);
	if (r == 0)
		r = ADD(b, .kind = PNS_MOUNT_BIND, .flags = PNS_MOUNT_OPTIONAL, .source = home,
			.target = home, .key = PNS_KEY_home);
	if (r == 0 && !pns_path_within(home, "/root"))
		r = ADD(b, .kind = PNS_MOUNT_HIDE, .flags = PNS_MOUNT_OPTIONAL, .target = "/root",
			.key = PNS_KEY_home);
	return r;
}

static int add_home(struct builder *b)
{
	struct pns_err ignored = {0};
	char home[PATH_MAX];

	if (b->plan->home == PNS_HOME_HOST)
		return 0;
	if (pns_path_normalise(b->plan->who.home, home, sizeof(home), &ignored) < 0)
		return bad_home(b, "not an absolute path without '..'");
	if (strcmp(home, "/") == 0)
		return bad_home(b, "the root directory");
	switch ((enum pns_home)b->plan->home) {
	case PNS_HOME_OWN:
		return add_own_home(b, home);
	case PNS_HOME_MEMORY:
		if (belongs_to_system(home))
			return bad_home(b, "a directory of the system");
		return ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_USER, .target = home,
			   .size = b->plan->tmp_size, .key = PNS_KEY_home);
	default:
		return ADD(b, .kind = PNS_MOUNT_READONLY, .flags = PNS_MOUNT_OPTIONAL,
			   .target = home, .key = PNS_KEY_home);
	}
}

static int add_plain(struct builder *b)
{
	const struct pns_plan *plan = b->plan;
	int r = 0;

	if (plan->pid)
		r = ADD(b, .kind = PNS_MOUNT_PROC,
			.flags = plan->proc == PNS_PROC_OWN ? PNS_MOUNT_OWN : 0, .target = "/proc",
			.key = PNS_KEY_proc);
	if (r == 0 && plan->network.mode != PNS_NETWORK_HOST)
		r = ADD(b, .kind = PNS_MOUNT_SYS, .target = "/sys", .key = PNS_KEY_network);
	if (r == 0)
		r = add_tmp(b);
	if (r == 0)
		r = add_ipc(b);
	if (r == 0)
		r = add_home(b);
	if (r == 0)
		r = add_devices(b);
	return r < 0 ? r : add_buses(b);
}

/* ---- what the labelled keys ask for ---- */

static int add_bind(struct builder *b, struct pns_words *words, const struct pns_item *item)
{
	struct pns_bind bind;
	int r = pns_bind_read(item->value, words, &bind, b->err);

	return r < 0 ? r
		     : ADD(b, .kind = PNS_MOUNT_BIND,
			   .flags = (bind.readonly ? PNS_MOUNT_RO : 0) |
				    (bind.optional ? PNS_MOUNT_OPTIONAL : 0),
			   .source = (char *)(size_t)bind.source,
			   .target = (char *)(size_t)bind.target, .key = PNS_KEY_bind,
			   .label = item->label);
}

static int add_tmpfs(struct builder *b, struct pns_words *words, const struct pns_item *item)
{
	struct pns_size size;
	const char *path;
	int r = pns_tmpfs_read(item->value, words, &path, &size, b->err);

	return r < 0 ? r
		     : ADD(b, .kind = PNS_MOUNT_TMPFS, .flags = PNS_MOUNT_LIKE,
			   .target = (char *)(size_t)path,
			   .size = size.value ? size : b->plan->tmp_size, .key = PNS_KEY_tmpfs,
			   .label = item->label);
}

static int add_paths(struct builder *b, struct pns_words *words, const struct pns_item *item,
		     enum pns_mount_kind kind, enum pns_key_index key)
{
	int r = pns_words_split(item->value, words, b->err);

	for (size_t i = 0; r == 0 && i < words->n; i++) {
		r = ADD(b, .kind = kind, .target = (char *)(size_t)words->word[i], .key = key,
			.label = item->label);
		/* The terminals lie there, and the login program must give them to the user. */
		if (r == 0 && kind == PNS_MOUNT_READONLY && strcmp(words->word[i], "/") == 0 &&
		    b->plan->devices == PNS_DEVICES_HOST)
			r = ADD(b, .kind = PNS_MOUNT_BIND, .source = "/dev", .target = "/dev",
				.key = key, .label = item->label);
	}
	return r;
}

static int add_labelled(struct builder *b)
{
	const struct pns_plan *plan = b->plan;
	struct pns_words *words = malloc(sizeof(*words));
	int r = words ? 0 : no_memory(b);

	for (size_t i = 0; r == 0 && i < plan->tmpfs.n; i++)
		r = add_tmpfs(b, words, &plan->tmpfs.item[i]);
	for (size_t i = 0; r == 0 && i < plan->bind.n; i++)
		r = add_bind(b, words, &plan->bind.item[i]);
	for (size_t i = 0; r == 0 && i < plan->readonly.n; i++)
		r = add_paths(b, words, &plan->readonly.item[i], PNS_MOUNT_READONLY,
			      PNS_KEY_readonly);
	for (size_t i = 0; r == 0 && i < plan->hide.n; i++)
		r = add_paths(b, words, &plan->hide.item[i], PNS_MOUNT_HIDE, PNS_KEY_hide);
	free(words);
	return r;
}

/* ---- order ---- */

/* By bytes with '/' before all others: a directory, then what is below it, then its neighbours. */
static int compare_paths(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int compare(const void *a, const void *b)
{
	const struct pns_mount *left = a, *right = b;
	int r;

	/* "/" has no component of its own to be compared by. */
	r = (strcmp(left->target, "/") != 0) - (strcmp(right->target, "/") != 0);
	if (r == 0)
		r = compare_paths(left->target, right->target);
	return r ? r : (int)left->kind - (int)right->kind;
}

/* ---- contradictions ---- */

static int contradiction(const struct builder *b, const struct pns_mount *mount, const char *text,
			 const struct pns_mount *other)
{
	char where[PATH_MAX + 16], name[128], other_name[128];

	place(b, mount, where, sizeof(where));
	if (!where[0] && other)
		place(b, other, where, sizeof(where));
	pns_mount_origin(mount, name, sizeof(name));
	if (!other)
		return pns_err_add(b->err, EINVAL, "%s%s: %.200s: %s", where, name, mount->target,
				   text);
	pns_mount_origin(other, other_name, sizeof(other_name));
	return pns_err_add(b->err, EINVAL, "%s%s: %.200s: %s %s (%.200s): take one of them out",
			   where, name, mount->target, text, other_name, other->target);
}

/* The session stands on these, and has keys of its own for them. */
static int check_place(const struct builder *b, const struct pns_mount *mount)
{
	static const char *const whole[] = {"/", "/proc", "/sys", "/dev", "/run"};

	if (!mount->label || (mount->key == PNS_KEY_readonly))
		return 0;
	if (pns_path_within(mount->target, "/run/pam_ns"))
		return contradiction(b, mount, "the session's own: take it out", NULL);
	for (size_t i = 0; i < COUNT(whole); i++)
		if (strcmp(mount->target, whole[i]) == 0)
			return contradiction(
				b, mount,
				"the session stands on it: name what lies below it instead", NULL);
	return 0;
}

/* Both belong to one place; in the order of the work, first comes first. */
static int check_pair(const struct builder *b, const struct pns_mount *first,
		      const struct pns_mount *second)
{
	const bool same = strcmp(first->target, second->target) == 0;
	/* The one that an admin wrote is the one to take out. */
	const struct pns_mount *mine = second->label ? second : first,
			       *other = second->label ? first : second;

	if (!pns_path_within(second->target, first->target))
		return 0;
	if (same && second->kind == PNS_MOUNT_READONLY && first->kind != PNS_MOUNT_READONLY)
		return 0;
	if (same)
		return contradiction(b, mine, "is the place of two mounts, the other is", other);
	if (first->kind == PNS_MOUNT_HIDE)
		return contradiction(b, second, "lies below what is hidden by", first);
	return 0;
}

static int check(const struct builder *b)
{
	int r = 0;

	for (size_t i = 0; i < b->layout.n; i++) {
		if (check_place(b, &b->layout.mount[i]) < 0)
			r = -EINVAL;
		/* What lies below a mount follows it without a gap. */
		for (size_t j = i + 1; j < b->layout.n; j++) {
			if (!pns_path_within(b->layout.mount[j].target, b->layout.mount[i].target))
				break;
			if (check_pair(b, &b->layout.mount[i], &b->layout.mount[j]) < 0)
				r = -EINVAL;
		}
	}
	return r;
}

int pns_layout_make(const struct pns_plan *plan, pns_blame_fn blame, void *arg,
		    struct pns_layout *ret_layout, struct pns_err *err)
{
	struct builder b = {.plan = plan, .blame = blame, .arg = arg, .err = err};
	int r;

	*ret_layout = (struct pns_layout){0};
	if (!plan->isolate || !plan->mount)
		return 0;
	r = add_plain(&b);
	if (r == 0)
		r = add_labelled(&b);
	if (r == 0) {
		qsort(b.layout.mount, b.layout.n, sizeof(b.layout.mount[0]), compare);
		r = check(&b);
	}
	if (r < 0)
		pns_layout_free(&b.layout);
	*ret_layout = b.layout;
	return r;
}

void pns_layout_free(struct pns_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++) {
		free(layout->mount[i].source);
		free(layout->mount[i].target);
	}
	free(layout->mount);
	*layout = (struct pns_layout){0};
}
