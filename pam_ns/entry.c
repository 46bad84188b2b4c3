// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry.h"

void pns_entry_remove(int dir, const char *name, int lock)
{
	char socket[48];
	struct stat st;

	if (fstat(lock, &st) < 0 || st.st_nlink == 0)
		return;
	snprintf(socket, sizeof(socket), "%s.socket", name);
	unlinkat(dir, socket, 0);
	unlinkat(dir, name, 0);
}

void pns_entry_remove_user(int registry, uid_t uid)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", uid);
	unlinkat(registry, name, AT_REMOVEDIR);
}
