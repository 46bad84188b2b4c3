// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "pam.h"

#define DEPTH_MAX 16	    /* of includes, as libpam's */
#define FILE_MAX  (1 << 20) /* bytes */

/* The admin's, then the packages'. */
static const char *const dirs[] = {"/etc/pam.d", "/usr/lib/pam.d"};

struct reading {
	struct pam_stack *stack;
	unsigned int substacks;
};

struct place {
	const char *file;
	unsigned int line, depth, substack;
};

static void trouble(struct reading *reading, const struct place *place, const char *what)
{
	if (!reading->stack->trouble &&
	    asprintf(&reading->stack->trouble, "%s:%u: %s", place->file, place->line, what) < 0)
		reading->stack->trouble = NULL;
}

static int add_line(struct pam_stack *stack, const struct place *place, const char *control,
		    const char *module, const char *args)
{
	struct pam_line line = {.line = place->line,
				.depth = place->depth,
				.substack = place->substack,
				.file = strdup(place->file),
				.control = strdup(control),
				.module = strdup(module),
				.args = strdup(args)};

	if (stack->n == stack->room) {
		size_t room = stack->room ? 2 * stack->room : 16;
		struct pam_line *grown = realloc(stack->line, room * sizeof(*grown));

		if (grown) {
			stack->line = grown;
			stack->room = room;
		}
	}
	if (stack->n == stack->room || !line.file || !line.control || !line.module || !line.args) {
		free(line.file);
		free(line.control);
		free(line.module);
		free(line.args);
		return -ENOMEM;
	}
	stack->line[stack->n++] = line;
	return 0;
}

/* The next word, or what stands in brackets, with them. NULL at the end. */
static char *take_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r"), *end;

	if (!*word)
		return NULL;
	if (*word == '[') {
		/* "\]" stands for a bracket inside. */
		for (end = word + 1; *end && !(*end == ']' && end[-1] != '\\'); end++)
			;
		end += *end == ']';
	} else {
		end = word + strcspn(word, " \t\r");
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static int read_file(struct reading *reading, const char *name, struct place place);

static int include(struct reading *reading, const struct place *from, const char *name,
		   bool substack)
{
	struct place place = {.depth = from->depth + 1,
			      .substack = substack ? ++reading->substacks : from->substack};
	int r;

	if (place.depth > DEPTH_MAX) {
		trouble(reading, from, "includes go round in a circle, or too deep: take one out");
		return 0;
	}
	r = read_file(reading, name, place);
	if (r == -ENOENT) {
		trouble(reading, from, "includes a file that is not there: mend its name");
		return 0;
	}
	return r;
}

static int read_line(struct reading *reading, char *text, const struct place *place)
{
	char *type, *control, *module, *args = text;

	type = take_word(&args);
	if (!type)
		return 0;
	if (strcmp(type, "@include") == 0) {
		module = take_word(&args);
		return module ? include(reading, place, module, false) : 0;
	}
	if (*type == '-') /* "-session": silent if the module is not there */
		type++;
	if (strcasecmp(type, "session") != 0) {
		if (strcasecmp(type, "auth") != 0 && strcasecmp(type, "account") != 0 &&
		    strcasecmp(type, "password") != 0)
			trouble(reading, place,
				"neither auth, account, password nor session: write one of them");
		return 0;
	}
	control = take_word(&args);
	module = take_word(&args);
	if (!control || !module) {
		trouble(reading, place, "no module: write session CONTROL MODULE [ARGUMENT ...]");
		return 0;
	}
	if (strcasecmp(control, "include") == 0)
		return include(reading, place, module, false);
	if (strcasecmp(control, "substack") == 0)
		return include(reading, place, module, true);
	args += strspn(args, " \t\r");
	return add_line(reading->stack, place, control, module, args);
}

static int open_file(const char *name, char *path, size_t size)
{
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		const int n = name[0] == '/' ? snprintf(path, size, "%s", name)
					     : snprintf(path, size, "%s/%s", dirs[i], name);

		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 && errno != ENOENT)
			return -errno;
	}
	return fd < 0 ? -ENOENT : fd;
}

static int read_file(struct reading *reading, const char *name, struct place place)
{
	char path[PATH_MAX], *text, *at, *eol;
	pns_fd_auto int fd = open_file(name, path, sizeof(path));
	unsigned int line = 0;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	r = pns_fd_read_all(fd, FILE_MAX, &text, &len);
	if (r < 0)
		return r;
	place.file = path;
	for (at = text; r == 0 && *at;) {
		char *hash, *from = at;

		/* A comment ends at its line's end, whatever its last character is. */
		place.line = ++line;
		while ((eol = strchr(at, '\n'))) {
			hash = memchr(at, '#', (size_t)(eol - at));
			if (hash || eol == at || eol[-1] != '\\')
				break;
			eol[-1] = eol[0] = ' ';
			at = eol + 1;
			line++;
		}
		if (eol)
			*eol = '\0';
		at = eol ? eol + 1 : at + strlen(at);
		hash = strchr(from, '#');
		if (hash)
			*hash = '\0';
		r = read_line(reading, from, &place);
	}
	free(text);
	return r;
}

int pam_read(const char *service, struct pam_stack *ret_stack)
{
	struct pam_stack stack = {0};
	struct reading reading = {.stack = &stack};
	int r;

	if (strchr(service, '/') || service[0] == '.' || !service[0])
		return -ENOENT;
	r = read_file(&reading, service, (struct place){0});
	if (r < 0)
		pam_free(&stack);
	else
		*ret_stack = stack;
	return r;
}

void pam_free(struct pam_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++) {
		free(stack->line[i].file);
		free(stack->line[i].control);
		free(stack->line[i].module);
		free(stack->line[i].args);
	}
	free(stack->line);
	free(stack->trouble);
	*stack = (struct pam_stack){0};
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool known(char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* Editors' and package managers' leavings are no services that anybody asks for. */
static bool is_service(const char *name)
{
	const size_t len = strlen(name);

	return name[0] != '.' && name[len - 1] != '~' && !strstr(name, ".dpkg-") &&
	       !strstr(name, ".rpm") && !strstr(name, ".ucf-");
}

char **pam_services(void)
{
	char **list = calloc(1, sizeof(*list));
	struct dirent *entry;
	size_t n = 0;

	for (size_t i = 0; list && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		DIR *dir = opendir(dirs[i]);

		while (dir && (entry = readdir(dir))) {
			char **grown;

			if (!is_service(entry->d_name) || known(list, n, entry->d_name))
				continue;
			grown = realloc(list, (n + 2) * sizeof(*list));
			if (!grown)
				break;
			list = grown;
			list[n] = strdup(entry->d_name);
			n += list[n] != NULL;
			list[n] = NULL;
		}
		if (dir)
			closedir(dir);
	}
	if (list)
		qsort(list, n, sizeof(*list), by_bytes);
	return list;
}

void pam_services_free(char **services)
{
	for (size_t i = 0; services && services[i]; i++)
		free(services[i]);
	free(services);
}

bool pam_is(const struct pam_line *line, const char *module)
{
	const char *slash = strrchr(line->module, '/');

	return strcmp(slash ? slash + 1 : line->module, module) == 0;
}

const char *pam_arg(const struct pam_line *line, const char *word, char *buf, size_t size)
{
	const size_t len = strlen(word);
	const bool prefix = word[len - 1] == '=';

	for (const char *at = line->args; *at;) {
		size_t n;

		at += strspn(at, " \t\r[]");
		n = strcspn(at, " \t\r[]");
		if (n >= len && memcmp(at, word, len) == 0 && (prefix || n == len)) {
			snprintf(buf, size, "%.*s", (int)(n - len), at + len);
			return buf;
		}
		at += n;
	}
	return NULL;
}

char *pam_conf_of(const char *service)
{
	struct pam_stack stack;
	char buf[PATH_MAX], *conf = NULL;

	if (pam_read(service, &stack) < 0)
		return NULL;
	for (size_t i = 0; i < stack.n && !conf; i++)
		if (pam_is(&stack.line[i], "pam_ns.so") &&
		    pam_arg(&stack.line[i], "conf=", buf, sizeof(buf)) && buf[0] == '/')
			conf = strdup(buf);
	pam_free(&stack);
	return conf;
}
