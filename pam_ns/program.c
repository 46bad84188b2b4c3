// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

/*
 * Programs that exec in the process that opened the session. The services of PAMName= units have any
 * name, and may be called as a real login is (machinectl shell uses "login"): the executable tells
 * them. It is systemd itself, or since version 255 its helper, until the unit's program is exec'd.
 */
static const struct {
	const char *service, *exe; /* NULL: any */
	const char *what, *instead;
} unfit[] = {
	{"systemd-user", NULL, "the user's service manager",
	 "take pam_ns out of the PAM stack systemd-user: users' logins go on without it"},
	{"polkit-1", NULL, "pkexec", "take pam_ns out of the PAM stack polkit-1"},
	{NULL, "pkexec", "pkexec", "take pam_ns out of its PAM stack"},
	{NULL, "systemd", "a systemd unit with PAMName=", "give the unit a PAMName= of its own"},
	{NULL, "systemd-executor",
	 "a systemd unit with PAMName=", "give the unit a PAMName= of its own"},
};

/* The base name of the program that runs us, though it was replaced by an upgrade. -errno. */
static int own_name(char *buf, size_t size)
{
	static const char gone[] = " (deleted)";
	char path[PATH_MAX], *name;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (n >= (ssize_t)sizeof(gone) && strcmp(path + n + 1 - sizeof(gone), gone) == 0)
		path[n + 1 - (ssize_t)sizeof(gone)] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	buf[0] = '\0';
	if (strlen(name) < size)
		strcpy(buf, name);
	return 0;
}

int pns_program_check(const char *service, struct pns_err *err)
{
	char name[64];
	int r = own_name(name, sizeof(name));

	if (r < 0)
		return pns_err_sys(
			err, -r, "/proc/self/exe (is /proc mounted where the login program runs?)");
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
		if ((unfit[i].service && strcmp(service, unfit[i].service) != 0) ||
		    (unfit[i].exe && strcmp(name, unfit[i].exe) != 0))
			continue;
		return pns_err_add(err, EOPNOTSUPP,
				   "%s (%s) cannot be isolated: write isolate = no under "
				   "[service %s], or %s",
				   service, unfit[i].what, service, unfit[i].instead);
	}
	if (geteuid() != 0)
		return pns_err_add(err, EPERM,
				   "%s does not run as root: take pam_ns out of its PAM "
				   "stack",
				   service);
	return 0;
}

/* xrdp before 0.9.23 starts the desktop whatever pam_open_session(3) said (CVE-2023-40184). */
bool pns_program_goes_on(const char *service)
{
	return strcmp(service, "xrdp-sesman") == 0;
}
