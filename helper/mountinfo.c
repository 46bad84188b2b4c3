// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fd.h"
#include "steps.h"

#define MOUNTINFO_MAX (64 << 20)

static char *first;

int mountinfo_before(const char **ret_text, struct pns_err *err)
{
	int r = first ? 0 : mountinfo_read(&first, err);

	*ret_text = first;
	return r;
}

void mountinfo_forget(void)
{
	free(first);
	first = NULL;
}

int mountinfo_read(char **ret_text, struct pns_err *err)
{
	pns_fd_auto int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t len;
	int r = fd < 0 ? -errno : pns_fd_read_all(fd, MOUNTINFO_MAX, ret_text, &len);

	return r < 0 ? pns_err_sys(err, -r, "/proc/self/mountinfo") : 0;
}

void mountinfo_field(char *s)
{
	char *to = s;

	for (; *s && *s != ' '; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] & 7U) << 6 | (s[2] & 7U) << 3 | (s[3] & 7U));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}
