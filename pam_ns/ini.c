// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#if __has_include(<iniparser/iniparser.h>)
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#include "fd.h"
#include "ini.h"

#define FILE_MAX (1 << 20) /* what a pipe holds for root and user alike, see load() */
#define LINE_LEN 1000	   /* iniparser's own end is 1024 */

/* What the scan found in one line; strings point into the text, which the scan cuts up. */
struct entry {
	unsigned int line;
	const char *section;
	const char *key; /* NULL: the section's header */
};

struct scan {
	const char *file;
	struct pns_err *err;
	struct entry *entry;
	size_t n, room;
	const char *section; /* of the line that is read; NULL before the first */
	unsigned int line;
	unsigned int mistakes;
	int code; /* -ENOMEM */
};

static void mistake(struct scan *scan, const char *what)
{
	scan->mistakes++;
	pns_err_add(scan->err, EINVAL, "%s:%u: %s", scan->file, scan->line, what);
}

static void mistake_of(struct scan *scan, const char *fmt, const char *name,
		       unsigned int first_line)
{
	char what[512];

	snprintf(what, sizeof(what), "doubled %s %.200s, first in line %u: write it once", fmt,
		 name, first_line);
	mistake(scan, what);
}

static char *strip(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* As iniparser does, byte by byte and not by locale. */
static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static bool add_entry(struct scan *scan, const char *key)
{
	if (scan->n == scan->room) {
		size_t room = scan->room ? 2 * scan->room : 32;
		struct entry *grown = realloc(scan->entry, room * sizeof(*grown));

		if (!grown) {
			scan->code = -ENOMEM;
			return false;
		}
		scan->entry = grown;
		scan->room = room;
	}
	scan->entry[scan->n++] = (struct entry){scan->line, scan->section, key};
	return true;
}

/* The line where this header, or this key of this section, stood already; 0 if it did not. */
static unsigned int first_line(const struct scan *scan, const char *section, const char *key)
{
	for (size_t i = scan->n; i-- > 0;) {
		const struct entry *e = &scan->entry[i];

		if (key && e->section != section)
			return 0; /* entries of a section lie together */
		if (!key ? !e->key && strcasecmp(e->section, section) == 0
			 : e->key && strcmp(e->key, key) == 0)
			return e->line;
	}
	return 0;
}

static bool scan_header(struct scan *scan, char *s)
{
	const char *wrong = "malformed header: write [default], [user NAME], [group NAME], "
			    "[service NAME], [uid N] or [gid N], and nothing behind the bracket";
	char *end = strchr(s, ']');
	unsigned int before;

	scan->section = NULL; /* what follows a broken header belongs nowhere */
	if (!end || end[1] || strchr(s, ':')) {
		mistake(scan, wrong);
		return false;
	}
	*end = '\0';
	s = strip(s + 1);
	if (!*s) {
		mistake(scan, wrong);
		return false;
	}
	before = first_line(scan, s, NULL);
	if (before) {
		mistake_of(scan, "section", s, before);
		return false;
	}
	scan->section = s;
	return add_entry(scan, NULL);
}

/* A value in quotes must end in them, and nothing but a comment may come behind. */
static const char *check_quotes(const char *value)
{
	const char *end;

	if (*value != '"' && *value != '\'')
		return NULL;
	end = strchr(value + 1, *value);
	if (!end)
		return "a quote is not closed: close it";
	end += 1 + strspn(end + 1, " \t");
	return *end && *end != '#' && *end != ';' ? "text behind a closed quote: take it out"
						  : NULL;
}

static bool scan_value(struct scan *scan, char *s)
{
	char *equals = strchr(s, '='), *key;
	const char *wrong;
	unsigned int before;

	if (!equals) {
		mistake(scan,
			"neither a [section] nor KEY = VALUE: write one of them, or # in front");
		return false;
	}
	*equals = '\0';
	key = strip(s);
	lower(key);
	if (!*key || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(key)) {
		mistake(scan, "a key holds letters, digits, _ . and - alone: write such a one");
		return false;
	}
	wrong = check_quotes(strip(equals + 1));
	if (wrong) {
		mistake(scan, wrong);
		return false;
	}
	if (!scan->section) {
		mistake(scan, scan->n || scan->mistakes
				      ? "belongs to no section: mend the header above it"
				      : "text before the first section: write [default] above it");
		return false;
	}
	before = first_line(scan, scan->section, key);
	if (before) {
		mistake_of(scan, "key", key, before);
		return false;
	}
	return add_entry(scan, key);
}

/*
 * One line, NUL-terminated, of len bytes. Returns whether iniparser may see it. A copy of the
 * line is cut up: names are to live as long as the scan.
 */
static bool scan_line(struct scan *scan, char *line, size_t len)
{
	char *s;

	if (len > LINE_LEN) {
		mistake(scan, "a line of over 1000 bytes: make it shorter");
		return false;
	}
	if (strlen(line) != len) {
		mistake(scan, "a NUL byte: take it out");
		return false;
	}
	s = strip(line);
	if (s[0] && s[strlen(s) - 1] == '\\') {
		mistake(scan, "ends in a backslash: write the value on one line");
		return false;
	}
	if (!*s || *s == '#' || *s == ';')
		return true;
	return *s == '[' ? scan_header(scan, s) : scan_value(scan, s);
}

/* Scans text, and blanks in it what iniparser must not see; names is a copy to cut up. */
static void scan_text(struct scan *scan, char *text, size_t len, char *names)
{
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		memcpy(text, "   ", 3); /* a byte order mark, which some editors write */
		memcpy(names, "   ", 3);
	}
	for (size_t at = 0; at < len && scan->code == 0;) {
		const char *eol = memchr(text + at, '\n', len - at);
		size_t n = eol ? (size_t)(eol - text) - at : len - at;

		scan->line++;
		names[at + n] = '\0';
		if (!scan_line(scan, names + at, n))
			memset(text + at, '\n', n);
		at += n + 1;
	}
}

static int silent(const char *format, ...)
{
	(void)format;
	return 0;
}

/*
 * iniparser reads by path alone. A pipe holds just the text that was scanned, whatever becomes of
 * the file meanwhile; and unlike a memfd it does not raise SIGXFSZ in a login program whose
 * RLIMIT_FSIZE pam_limits has set.
 */
static int load(const char *text, size_t len, dictionary **ret_dict)
{
	int ends[2], r = 0;
	char path[32];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	if (len > 65536 && fcntl(ends[1], F_SETPIPE_SZ, FILE_MAX) < 0)
		r = -errno;
	n = r < 0 ? -1 : write(ends[1], text, len);
	close(ends[1]);
	if (r == 0 && n != (ssize_t)len)
		r = n < 0 ? -errno : -EFBIG;
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
		iniparser_set_error_callback(silent);
		*ret_dict = iniparser_load(path);
		iniparser_set_error_callback(NULL);
		if (!*ret_dict)
			r = -EBADMSG;
	}
	close(ends[0]);
	return r;
}

static int yield(const struct scan *scan, const dictionary *dict, pns_ini_fn fn, void *arg)
{
	char name[2 * LINE_LEN + 8];
	int r = 0;

	for (size_t i = 0; r == 0 && i < scan->n; i++) {
		const struct entry *e = &scan->entry[i];
		struct pns_ini_item item = {
			.file = scan->file, .line = e->line, .section = e->section, .key = e->key};

		if (e->key) {
			snprintf(name, sizeof(name), "%s:%s", e->section, e->key);
			lower(name);
			item.value = iniparser_getstring(dict, name, NULL);
			if (!item.value)
				return pns_err_add(scan->err, EBADMSG,
						   "%s:%u: cannot be read: write it "
						   "more plainly",
						   scan->file, e->line);
		}
		r = fn(arg, &item, scan->err);
	}
	return r;
}

static int read_text(struct scan *scan, char *text, size_t len, pns_ini_fn fn, void *arg)
{
	char *names = malloc(len + 1);
	dictionary *dict = NULL;
	int r;

	if (!names)
		return pns_err_sys(scan->err, ENOMEM, "%s", scan->file);
	memcpy(names, text, len);
	scan_text(scan, text, len, names);
	r = scan->code;
	if (r == 0 && scan->n)
		r = load(text, len, &dict);
	if (r == -EBADMSG)
		pns_err_add(scan->err, EBADMSG,
			    "%s: iniparser cannot read it: write it more plainly", scan->file);
	else if (r < 0)
		pns_err_sys(scan->err, -r, "%s", scan->file);
	else
		r = yield(scan, dict, fn, arg);
	if (dict)
		iniparser_freedict(dict);
	free(names);
	return r == 0 && scan->mistakes ? -EINVAL : r;
}

int pns_ini_read(const char *path, pns_ini_fn fn, void *arg, struct pns_err *err)
{
	struct scan scan = {.file = path, .err = err};
	pns_fd_auto int fd = -1;
	char *text;
	size_t len;
	int r;

	r = pns_fd_open_trusted(path, O_RDONLY, S_IFREG, &fd, err);
	if (r < 0)
		return r;
	r = pns_fd_read_all(fd, FILE_MAX, &text, &len);
	if (r == -EFBIG)
		return pns_err_add(err, EFBIG,
				   "%s: over 1 MiB: give users files of their own in "
				   "pam_ns.d/users",
				   path);
	if (r < 0)
		return pns_err_sys(err, -r, "%s", path);
	r = read_text(&scan, text, len, fn, arg);
	free(scan.entry);
	free(text);
	return r;
}
