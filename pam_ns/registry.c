// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "registry.h"

#define ANSWER_MS 1000

/* ---- what is there ---- */

struct list {
	struct pns_entry *entry;
	size_t n, room;
};

static int list_add(struct list *list, uid_t uid, unsigned int number)
{
	if (list->n == list->room) {
		const size_t room = list->room ? 2 * list->room : 16;
		struct pns_entry *grown = realloc(list->entry, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->entry = grown;
		list->room = room;
	}
	list->entry[list->n++] = (struct pns_entry){uid, number};
	return 0;
}

/* A name of digits alone, without leading zeros; UINT32_MAX is nobody's uid and no entry's number. */
static bool is_number(const char *name, uint32_t *ret_number)
{
	unsigned long n;

	if (!*name || strlen(name) > 10 || strspn(name, "0123456789") != strlen(name) ||
	    (name[0] == '0' && name[1]))
		return false;
	n = strtoul(name, NULL, 10);
	if (n >= UINT32_MAX)
		return false;
	*ret_number = (uint32_t)n;
	return true;
}

static int open_user(int registry, const char *name, int *ret_fd)
{
	pns_fd_auto int fd =
		openat(registry, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

typedef int (*name_fn)(void *arg, int dir, uint32_t number, const char *name);

/* Calls fn for each name in dir that is a number. */
static int each_number(int dir, name_fn fn, void *arg)
{
	struct dirent *entry;
	uint32_t number;
	DIR *stream;
	int fd, r = 0;

	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		pns_fd_close(&fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(stream)))
		if (is_number(entry->d_name, &number))
			r = fn(arg, dir, number, entry->d_name);
	closedir(stream);
	return r;
}

struct listing {
	struct list list;
	uid_t uid;
	struct pns_err *err;
};

static int add_entry(void *arg, int dir, uint32_t number, const char *name)
{
	struct listing *listing = arg;

	(void)dir;
	(void)name;
	return number ? list_add(&listing->list, listing->uid, number) : 0;
}

static int add_user(void *arg, int dir, uint32_t number, const char *name)
{
	struct listing *listing = arg;
	pns_fd_auto int user = -1;
	int r;

	r = open_user(dir, name, &user);
	if (r == -ENOENT)
		return 0; /* gone with its last instance */
	if (r < 0) {
		pns_err_add(listing->err, EPERM,
			    PNS_REGISTRY "/%s is not a directory that pam_ns made: remove it",
			    name);
		return 0;
	}
	listing->uid = number;
	return each_number(user, add_entry, listing);
}

static int by_name(const void *a, const void *b)
{
	const struct pns_entry *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int pns_registry_list(struct pns_entry **ret_entries, size_t *ret_n, struct pns_err *err)
{
	struct listing listing = {.err = err};
	pns_fd_auto int registry = -1;
	int r;

	r = pns_fd_open_trusted(PNS_REGISTRY, O_RDONLY | O_DIRECTORY, S_IFDIR, &registry, err);
	if (r == 0) {
		r = each_number(registry, add_user, &listing);
		if (r < 0)
			pns_err_sys(err, -r, PNS_REGISTRY);
	}
	if (r < 0 && r != -ENOENT) {
		free(listing.list.entry);
		return r;
	}
	if (listing.list.n)
		qsort(listing.list.entry, listing.list.n, sizeof(struct pns_entry), by_name);
	*ret_entries = listing.list.entry;
	*ret_n = listing.list.n;
	return 0;
}

/* ---- one of them ---- */

static int foreign(struct pns_entry entry, const char *why, struct pns_err *err)
{
	return pns_err_add(err, EPROTO,
			   PNS_REGISTRY "/%u/%u is not what pam_ns made (%s): remove it", entry.uid,
			   entry.number, why);
}

/* The file may be anything: a FIFO must not hold us, and a symlink is not followed. */
static int read_plan(int user, struct pns_entry entry, char **ret_text, size_t *ret_len,
		     struct pns_err *err)
{
	pns_fd_auto int fd = -1;
	struct stat st;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "%u", entry.number);
	fd = openat(user, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return foreign(entry, "no regular file", err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return pns_err_sys(err, errno, PNS_REGISTRY "/%u/%u", entry.uid, entry.number);
	if (!S_ISREG(st.st_mode))
		return foreign(entry, "no regular file", err);
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return foreign(entry, "others than root can write it", err);
	r = pns_fd_read_all(fd, PNS_PLAN_MAX, ret_text, ret_len);
	if (r == -EFBIG)
		return foreign(entry, "too long for a plan", err);
	return r < 0 ? pns_err_sys(err, -r, PNS_REGISTRY "/%u/%u", entry.uid, entry.number) : 0;
}

static int decode(struct pns_entry entry, const char *text, size_t len, struct pns_plan *ret_plan,
		  struct pns_err *err)
{
	struct pns_err *why = calloc(1, sizeof(*why));
	char id[sizeof(ret_plan->id)];
	struct pns_plan plan;
	int r;

	if (!why)
		return pns_err_sys(err, ENOMEM, "plan");
	r = pns_plan_decode(text, len, &plan, why);
	if (r < 0)
		foreign(entry, why->text, err);
	free(why);
	if (r < 0)
		return r;
	snprintf(id, sizeof(id), "%u.%u", entry.uid, entry.number);
	if (plan.who.uid != entry.uid || strcmp(plan.id, id) != 0) {
		pns_plan_free(&plan);
		return foreign(entry, "the plan of another instance", err);
	}
	*ret_plan = plan;
	return 0;
}

/* Connects only to a socket that lies there itself and on which root listens. */
static int connect_init(int user, struct pns_entry entry, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	pns_fd_auto int fd = -1;
	struct stat st;
	char name[32];

	snprintf(name, sizeof(name), "%u.socket", entry.number);
	if (fstatat(user, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	snprintf(addr.sun_path, sizeof(addr.sun_path), PNS_REGISTRY "/%u/%s", entry.uid, name);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid != 0)
		return -EPERM;
	*ret_fd = pns_fd_steal(&fd);
	return 0;
}

static int ask(int sock, char *status, int *ret_init)
{
	struct pns_msg msg = {.kind = PNS_MSG_STATUS};
	struct pollfd wait = {.fd = sock, .events = POLLIN};
	pns_fd_auto int init = -1;
	ssize_t n;
	int r;

	r = pns_fd_send(sock, &msg, sizeof(msg), NULL, 0);
	if (r < 0)
		return r;
	do
		r = poll(&wait, 1, ANSWER_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = pns_fd_recv(sock, &msg, sizeof(msg), &init, 1);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return (int)n;
	if (n != sizeof(msg) || msg.kind != PNS_MSG_OK)
		return -EPROTO;
	msg.text[sizeof(msg.text) - 1] = '\0';
	strcpy(status, msg.text);
	*ret_init = pns_fd_steal(&init);
	return 0;
}

/* What init says of itself must be about this entry. */
static bool names_itself(const char *status, struct pns_entry entry)
{
	char id[48];
	int n = snprintf(id, sizeof(id), "id=%u.%u\n", entry.uid, entry.number);

	return strncmp(status, id, (size_t)n) == 0;
}

static int confirm(int user, struct pns_live *live, struct pns_err *err)
{
	const struct pns_entry entry = live->entry;
	pns_fd_auto int sock = -1;
	int r;

	r = connect_init(user, entry, &sock);
	if (r == 0)
		r = ask(sock, live->status, &live->init);
	if (r == 0 && !names_itself(live->status, entry))
		r = -EPROTO;
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EPIPE:
		return pns_err_add(err, ESTALE,
				   "%u.%u: its init is gone: the next login of that user takes the "
				   "entry away",
				   entry.uid, entry.number);
	case -ETIMEDOUT:
	case -EAGAIN:
		return pns_err_add(err, ETIMEDOUT,
				   "%u.%u: its init does not answer: try again, or end it with "
				   "pam_nsctl end --now",
				   entry.uid, entry.number);
	case -ENOTSOCK:
	case -EPERM:
	case -EPROTO:
	case -EPROTOTYPE:
	case -EMSGSIZE:
		return pns_err_add(err, EPROTO,
				   PNS_REGISTRY "/%u/%u.socket is not an init of pam_ns's: "
						"remove it",
				   entry.uid, entry.number);
	default:
		return pns_err_sys(err, -r, "%u.%u: asking its init", entry.uid, entry.number);
	}
}

static int look(int user, struct pns_live *live, struct pns_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	r = read_plan(user, live->entry, &text, &len, err);
	if (r == -ENOENT)
		return pns_err_add(err, ENOENT, "%u.%u: no such instance", live->entry.uid,
				   live->entry.number);
	if (r == 0 && len == 0) /* the helper writes it before the socket is there */
		r = pns_err_add(err, EAGAIN, "%u.%u is being opened, or was never: try again",
				live->entry.uid, live->entry.number);
	if (r == 0)
		r = decode(live->entry, text, len, &live->plan, err);
	free(text);
	return r < 0 ? r : confirm(user, live, err);
}

int pns_registry_look(struct pns_entry entry, struct pns_live *ret_live, struct pns_err *err)
{
	struct pns_live *live = calloc(1, sizeof(*live));
	pns_fd_auto int registry = -1;
	pns_fd_auto int user = -1;
	char name[16];
	int r;

	if (!live)
		return pns_err_sys(err, ENOMEM, "instance");
	*live = (struct pns_live){.entry = entry, .init = -1};
	snprintf(name, sizeof(name), "%u", entry.uid);
	r = pns_fd_open_trusted(PNS_REGISTRY, O_RDONLY | O_DIRECTORY, S_IFDIR, &registry, err);
	if (r == 0)
		r = open_user(registry, name, &user);
	if (r == -ENOENT)
		pns_err_add(err, ENOENT, "%u.%u: no such instance", entry.uid, entry.number);
	else if (r < 0 && registry >= 0)
		pns_err_add(err, EPERM,
			    PNS_REGISTRY "/%u is not a directory that pam_ns made: remove it",
			    entry.uid);
	if (r == 0)
		r = look(user, live, err);
	if (r == 0 || r == -ETIMEDOUT)
		*ret_live = *live;
	else
		pns_live_free(live);
	free(live);
	return r;
}

void pns_live_free(struct pns_live *live)
{
	pns_plan_free(&live->plan);
	pns_fd_close(&live->init);
}
