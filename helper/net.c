// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "steps.h"

/* Its addresses come by themselves: the kernel gives lo 127.0.0.1/8 and ::1 when it goes up. */
int step_loopback(const struct pns_plan *plan, struct pns_err *err)
{
	pns_fd_auto int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_name = "lo"};

	(void)plan;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return pns_err_sys(err, errno, "finding lo");
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return pns_err_sys(err, errno, "bringing lo up");
	return 0;
}

/* The names were checked to be namespaced ones, so /proc/sys means our namespaces' own. */
static int write_sysctl(const char *name, const char *value)
{
	char path[320] = "/proc/sys/";
	const size_t prefix = strlen(path);
	pns_fd_auto int fd = -1;
	int r;

	if (strlen(name) >= sizeof(path) - prefix)
		return -ENAMETOOLONG;
	strcpy(path + prefix, name);
	for (char *p = path + prefix; *p; p++)
		if (*p == '.')
			*p = '/';
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = pns_fd_write_all(fd, value, strlen(value));
	return r == -ENOSPC ? -EINVAL : r; /* it took only a part */
}

int step_sysctl(const struct pns_plan *plan, struct pns_err *err)
{
	for (size_t i = 0; i < plan->sysctl.n; i++) {
		const struct pns_item *item = &plan->sysctl.item[i];
		int r = write_sysctl(item->label, item->value);

		if (r == -ENOENT)
			return pns_err_add(err, ENOENT,
					   "sysctl.%s = %s: this kernel has no such "
					   "setting: take it out of the policy",
					   item->label, item->value);
		if (r < 0)
			return pns_err_sys(err, -r, "sysctl.%s = %s", item->label, item->value);
	}
	return 0;
}
