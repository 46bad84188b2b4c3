// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
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

#define FILE_MAX  (1 << 20) /* what a pipe holds for root and user alike, see load() */
#define LINE_LEN  1000	    /* iniparser's own end is 1024 */
#define PIECE_LEN 4096	    /* what iniparser gets at a time, see yield() */

/* What the scan found in one line; strings point into the text, which the scan cuts up. */
struct ini_entry {
	struct ini_entry *next;
	size_t at; /* where the line begins in the text */
	unsigned int line;
	const char *section;
	const char *key; /* NULL: the section's header */
};

struct scan {
	const char *file;
	struct pns_err *err;
	struct ini_entry *first, *last;
	void *names;	     /* a tree of the entries, tsearch(3), to find doubled ones */
	const char *section; /* of the line that is read; NULL before the first */
	size_t at;
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

/* Headers without regard to case, as iniparser folds them; keys, folded already, by section. */
static int by_name(const void *a, const void *b)
{
	const struct ini_entry *x = a, *y = b;

	if (!x->key || !y->key)
		return x->key || y->key ? (x->key ? 1 : -1) : strcasecmp(x->section, y->section);
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* Adds a header, or a key of the section that is read. One that stood already is a mistake. */
static bool add_entry(struct scan *scan, const char *section, const char *key)
{
	struct ini_entry *entry = malloc(sizeof(*entry)), **found = NULL;

	if (entry) {
		*entry = (struct ini_entry){NULL, scan->at, scan->line, section, key};
		found = tsearch(entry, &scan->names, by_name);
	}
	if (!found || *found != entry) {
		free(entry);
		if (found)
			mistake_of(scan, key ? "key" : "section", key ? key : section,
				   (*found)->line);
		else
			scan->code = -ENOMEM;
		return false;
	}
	*(scan->last ? &scan->last->next : &scan->first) = entry;
	scan->last = entry;
	return true;
}

static void keep_entry(void *entry)
{
	(void)entry; /* it is the list's */
}

static void free_entries(struct scan *scan)
{
	tdestroy(scan->names, keep_entry);
	while (scan->first) {
		struct ini_entry *next = scan->first->next;

		free(scan->first);
		scan->first = next;
	}
}

static bool scan_header(struct scan *scan, char *s)
{
	const char *wrong = "malformed header: write [default], [user NAME], [group NAME], "
			    "[service NAME], [uid N] or [gid N], and nothing behind the bracket";
	char *end = strchr(s, ']');

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
	if (!add_entry(scan, s, NULL))
		return false;
	scan->section = s;
	return true;
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
		mistake(scan, scan->first || scan->mistakes
				      ? "belongs to no section: mend the header above it"
				      : "text before the first section: write [default] above it");
		return false;
	}
	/* iniparser looks them up by a name that is made of both, and ends at 1024 bytes. */
	if (strlen(scan->section) + strlen(key) > LINE_LEN) {
		mistake(scan, "header and key are over 1000 bytes together: make them shorter");
		return false;
	}
	return add_entry(scan, scan->section, key);
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
	while (scan->at < len && scan->code == 0) {
		const size_t at = scan->at;
		const char *eol = memchr(text + at, '\n', len - at);
		size_t n = eol ? (size_t)(eol - text) - at : len - at;

		scan->line++;
		names[at + n] = '\0';
		if (!scan_line(scan, names + at, n))
			memset(text + at, '\n', n);
		scan->at += n + 1;
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

static int yield_entry(const struct scan *scan, const struct ini_entry *entry,
		       const dictionary *dict, pns_ini_fn fn, void *arg)
{
	struct pns_ini_item item = {.file = scan->file,
				    .line = entry->line,
				    .section = entry->section,
				    .key = entry->key};
	char name[2 * LINE_LEN + 8];

	if (entry->key) {
		snprintf(name, sizeof(name), "%s:%s", entry->section, entry->key);
		lower(name);
		item.value = iniparser_getstring(dict, name, NULL);
		if (!item.value)
			return pns_err_add(scan->err, EBADMSG,
					   "%s:%u: cannot be read: write it more plainly",
					   scan->file, entry->line);
	}
	return fn(arg, &item, scan->err);
}

/* The header at which the piece that begins at *from ends, or NULL at the end of the text. */
static const struct ini_entry *piece_end(const struct ini_entry *from)
{
	const struct ini_entry *e = from;

	while (e && (e->key || e->at - from->at < PIECE_LEN))
		e = e->next;
	return e;
}

/*
 * iniparser looks through all that it has read for each new entry, so that ten thousand sections
 * would take it half a second. It gets them piece by piece: whole sections, about PIECE_LEN.
 */
static int yield(const struct scan *scan, const char *text, size_t len, pns_ini_fn fn, void *arg)
{
	const struct ini_entry *e = scan->first, *end;
	dictionary *dict = NULL;
	int r = 0;

	while (r == 0 && e) {
		end = piece_end(e);
		r = load(text + e->at, (end ? end->at : len) - e->at, &dict);
		if (r == -EBADMSG)
			return pns_err_add(scan->err, EBADMSG,
					   "%s:%u: iniparser cannot read what begins here: "
					   "write it more plainly",
					   scan->file, e->line);
		if (r < 0)
			return pns_err_sys(scan->err, -r, "%s", scan->file);
		for (; r == 0 && e != end; e = e->next)
			r = yield_entry(scan, e, dict, fn, arg);
		iniparser_freedict(dict);
	}
	return r;
}

static int read_text(struct scan *scan, char *text, size_t len, pns_ini_fn fn, void *arg)
{
	char *names = malloc(len + 1);
	int r;

	if (!names)
		return pns_err_sys(scan->err, ENOMEM, "%s", scan->file);
	memcpy(names, text, len);
	scan_text(scan, text, len, names);
	r = scan->code < 0 ? pns_err_sys(scan->err, -scan->code, "%s", scan->file)
			   : yield(scan, text, len, fn, arg);
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
	free_entries(&scan);
	free(text);
	return r;
}
