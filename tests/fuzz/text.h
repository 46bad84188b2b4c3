/* SPDX-License-Identifier: MIT */
/*
 * Stands between ini.c and the file system (ld --wrap): the files that a policy is read from are
 * pieces of the fuzzer's input. Who may own a file is pns_fd_open_trusted()'s affair, and tested
 * elsewhere.
 */
#ifndef FUZZ_TEXT_H
#define FUZZ_TEXT_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fd.h"
#include "fuzz.h"

#define FILES_MAX 2

static const struct file {
	const char *path;
} files[FILES_MAX] = {{"/fuzz/pam_ns.conf"}, {"/fuzz/pam_ns.d/users/alice.conf"}};

static struct piece {
	const char *text; /* NULL: no such file */
	size_t len;
} pieces[FILES_MAX];
static int opened; /* the piece that was opened last */

int __wrap_pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd,
			       struct pns_err *err);
int __wrap_pns_fd_read_all(int fd, size_t max, char **ret_buf, size_t *ret_len);

int __wrap_pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd,
			       struct pns_err *err)
{
	(void)flags;
	(void)type;
	(void)err;
	for (int i = 0; i < FILES_MAX; i++) {
		if (strcmp(files[i].path, path) != 0 || !pieces[i].text)
			continue;
		opened = i;
		*ret_fd = open("/dev/null", O_PATH | O_CLOEXEC);
		return 0;
	}
	return -ENOENT;
}

int __wrap_pns_fd_read_all(int fd, size_t max, char **ret_buf, size_t *ret_len)
{
	const struct piece *piece = &pieces[opened];
	char *buf;

	(void)fd;
	if (piece->len > max)
		return -EFBIG;
	/* Exactly as long as promised, so that AddressSanitizer sees one byte too many. */
	buf = malloc(piece->len + 1);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, piece->text, piece->len);
	buf[piece->len] = '\0';
	*ret_buf = buf;
	*ret_len = piece->len;
	return 0;
}

/* Cuts the input at each 0xff byte, which is in no policy, into up to n files. */
static void cut(const uint8_t *data, size_t size, int n)
{
	const char *at = (const char *)data;

	for (int i = 0; i < FILES_MAX; i++) {
		const char *end = at && i + 1 < n ? memchr(at, 0xff, size) : NULL;

		pieces[i].text = at;
		pieces[i].len = !at ? 0 : end ? (size_t)(end - at) : size;
		size -= end ? pieces[i].len + 1 : 0;
		at = end ? end + 1 : NULL;
	}
}

/* Every message is "FILE:LINE: what is wrong: what to write", but for the one that counts the rest. */
static void must_be_mistakes(const struct pns_err *err)
{
	const char *at = err->text;

	for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		const int len = (int)strcspn(at, "\n");
		const char *line = at, *colon;
		unsigned int more;
		char *end;

		if (sscanf(line, "and %u more", &more) == 1 && !line[len] && more < err->count)
			continue;
		for (int i = 0; i < FILES_MAX; i++)
			if (strncmp(line, files[i].path, strlen(files[i].path)) == 0)
				line += strlen(files[i].path);
		must(line != at && *line == ':', "no FILE in \"%.*s\"", len, at);
		must(strtoul(line + 1, &end, 10) > 0 && strncmp(end, ": ", 2) == 0,
		     "no LINE in \"%.*s\"", len, at);
		colon = strstr(end + 2, ": ");
		must(colon && colon < at + len, "nothing to write in \"%.*s\"", len, at);
	}
}

/* The number that the next fd gets: the same before and after, or something was left open. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);

	close(fd);
	return fd;
}

#endif
