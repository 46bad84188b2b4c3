// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "inside.h"
#include "out.h"

#define TABLE_MAX  (1 << 24) /* bytes of one of /proc's tables */
#define TCP_LISTEN 0x0a
#define UDP_UNCONN 0x07
#define ACCEPTS	   0x10000 /* __SO_ACCEPTCON in /proc/net/unix */

static char *table_of(pid_t pid, const char *name)
{
	pns_fd_auto int fd = -1;
	char path[64], *text;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || pns_fd_read_all(fd, TABLE_MAX, &text, &len) < 0 ? NULL : text;
}

/* ---- mounts ---- */

struct mount {
	const char *dev, *root, *path, *options, *type, *source;
};

/* Cuts up one line of mountinfo(5): id parent dev root path options [tags] - type source super. */
static bool parse_mount(char *line, struct mount *m)
{
	char *dash = strstr(line, " - "), *save = NULL;

	if (!dash)
		return false;
	*dash = '\0';
	strtok_r(line, " ", &save);
	strtok_r(NULL, " ", &save);
	m->dev = strtok_r(NULL, " ", &save);
	m->root = strtok_r(NULL, " ", &save);
	m->path = strtok_r(NULL, " ", &save);
	m->options = strtok_r(NULL, " ", &save);
	m->type = strtok_r(dash + 3, " ", &save);
	m->source = strtok_r(NULL, " ", &save);
	return m->options && m->source;
}

static size_t parse_mounts(char *text, struct mount **ret_mounts)
{
	size_t lines = 1, n = 0;
	char *save = NULL;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	*ret_mounts = calloc(lines, sizeof(**ret_mounts));
	if (!*ret_mounts)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n += parse_mount(line, &(*ret_mounts)[n]);
	return n;
}

static bool same_mount(const struct mount *a, const struct mount *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->dev, b->dev) == 0 &&
	       strcmp(a->root, b->root) == 0 && strcmp(a->options, b->options) == 0;
}

static bool among(const struct mount *m, const struct mount *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_mount(m, &list[i]))
			return true;
	return false;
}

void inside_mounts(pid_t init)
{
	char *theirs = table_of(init, "mountinfo"), *ours = table_of(getpid(), "mountinfo");
	struct mount *in = NULL, *out = NULL;
	size_t n_in = theirs ? parse_mounts(theirs, &in) : 0;
	size_t n_out = ours ? parse_mounts(ours, &out) : 0;
	bool some = false;

	for (size_t i = 0; i < n_in; i++) {
		if (among(&in[i], out, n_out))
			continue;
		some = true;
		put("  %-19s %-8s %s", in[i].path, in[i].type, in[i].options);
		if (strcmp(in[i].root, "/") != 0)
			put(" from %s", in[i].root);
		puts("");
	}
	if (!some)
		puts("  none");
	free(in);
	free(out);
	free(theirs);
	free(ours);
}

/* ---- sockets ---- */

/* The kernel writes addresses as words of the machine's byte order, in hex. */
static void address(const char *hex, char *buf, size_t size)
{
	uint32_t word[4] = {0};
	const size_t words = strlen(hex) / 8;

	for (size_t i = 0; i < words && i < 4; i++) {
		char one[9];

		snprintf(one, sizeof(one), "%.8s", hex + 8 * i);
		word[i] = (uint32_t)strtoul(one, NULL, 16);
	}
	if (!inet_ntop(words == 4 ? AF_INET6 : AF_INET, word, buf, (socklen_t)size))
		buf[0] = '\0';
}

static bool inet_sockets(pid_t init, const char *name, unsigned int wanted)
{
	char path[32], *text, *save = NULL;
	bool some = false;

	snprintf(path, sizeof(path), "net/%s", name);
	text = table_of(init, path);
	if (!text)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char hex[33], show[INET6_ADDRSTRLEN];
		unsigned int port, state;

		if (sscanf(line, " %*d: %32[0-9A-F]:%X %*[0-9A-F]:%*X %X", hex, &port, &state) !=
			    3 ||
		    state != wanted)
			continue;
		address(hex, show, sizeof(show));
		printf(strchr(show, ':') ? "  %-5s [%s]:%u\n" : "  %-5s %s:%u\n", name, show, port);
		some = true;
	}
	free(text);
	return some;
}

static bool unix_sockets(pid_t init)
{
	char *text = table_of(init, "net/unix"), *save = NULL;
	bool some = false;

	if (!text)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int flags;
		int at = 0;

		if (sscanf(line, "%*s %*s %*s %X %*s %*s %*s %n", &flags, &at) != 1 ||
		    !(flags & ACCEPTS))
			continue;
		put("  unix  %s\n", at && line[at] ? line + at : "(no name)");
		some = true;
	}
	free(text);
	return some;
}

void inside_sockets(pid_t init)
{
	bool some = inet_sockets(init, "tcp", TCP_LISTEN);

	some |= inet_sockets(init, "tcp6", TCP_LISTEN);
	some |= inet_sockets(init, "udp", UDP_UNCONN);
	some |= inet_sockets(init, "udp6", UDP_UNCONN);
	some |= unix_sockets(init);
	if (!some)
		puts("  none");
}
