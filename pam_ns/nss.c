// SPDX-License-Identifier: MIT
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nss.h"
#include "policy.h"

#define BUF_MAX (1 << 24) /* a group of a million members */

/* What getpwnam_r(3) may return for a name that is simply not there, as its manual says. */
static int not_found(int code)
{
	return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
}

/* Doubles *buf until the look-up no longer says ERANGE. */
static int grow(char **buf, size_t *size)
{
	char *grown = *size > BUF_MAX ? NULL : realloc(*buf, *size * 2);

	if (!grown)
		return -ENOMEM;
	*buf = grown;
	*size *= 2;
	return 0;
}

static int copy(char *to, size_t size, const char *from, const char *what, const char *user,
		struct pns_err *err)
{
	if (strlen(from) >= size)
		return pns_err_add(err, EINVAL,
				   "the %s of %.64s is over %zu bytes long: shorten it", what, user,
				   size - 1);
	strcpy(to, from);
	return 0;
}

static int fill(const struct passwd *pw, const char *user, const char *service, struct pns_who *who,
		struct pns_err *err)
{
	char host[256] = "";
	int r;

	who->uid = pw->pw_uid;
	who->gid = pw->pw_gid;
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		strcpy(host, "localhost");
	host[strcspn(host, ".")] = '\0';
	r = copy(who->host, sizeof(who->host), host, "hostname", "this machine", err);
	if (r == 0)
		r = copy(who->user, sizeof(who->user), user, "name", user, err);
	if (r == 0)
		r = copy(who->service, sizeof(who->service), service, "PAM service", user, err);
	if (r == 0)
		r = copy(who->home, sizeof(who->home), pw->pw_dir ? pw->pw_dir : "",
			 "home directory", user, err);
	return r;
}

int pns_who_lookup(const char *user, const char *service, struct pns_who *ret_who,
		   struct pns_err *err)
{
	size_t size = 1024;
	char *buf = malloc(size);
	struct passwd pw, *found = NULL;
	struct pns_who who = {0};
	int r = buf ? ERANGE : ENOMEM;

	while (r == ERANGE || r == EINTR) {
		r = getpwnam_r(user, &pw, buf, size, &found);
		if (r == ERANGE && grow(&buf, &size) < 0)
			r = ENOMEM;
	}
	if (found)
		r = fill(found, user, service, &who, err);
	else if (not_found(r))
		r = pns_err_add(err, ENOENT,
				"NSS knows no such user: add it, or see "
				"/etc/nsswitch.conf");
	else
		r = pns_err_sys(err, r, "NSS cannot look the user up (see /etc/nsswitch.conf)");
	free(buf);
	if (r == 0)
		*ret_who = who;
	return r;
}

static int load_groups(struct pns_groups *groups, const struct pns_who *who)
{
	int n = 64;

	for (;;) {
		int had = n;
		gid_t *grown = realloc(groups->gid, (size_t)n * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		groups->gid = grown;
		if (getgrouplist(who->user, who->gid, grown, &n) >= 0)
			break;
		if (n <= had)
			n = 2 * had;
		if (n > BUF_MAX)
			return -ENOMEM;
	}
	groups->n = n;
	groups->known = true;
	return 0;
}

int pns_groups_have(struct pns_groups *groups, const struct pns_who *who, gid_t gid)
{
	int r = groups->known ? 0 : load_groups(groups, who);

	if (r < 0)
		return r;
	for (int i = 0; i < groups->n; i++)
		if (groups->gid[i] == gid)
			return 1;
	return 0;
}

void pns_groups_free(struct pns_groups *groups)
{
	free(groups->gid);
	*groups = (struct pns_groups){0};
}

int pns_group_lookup(const char *name, gid_t *ret_gid)
{
	size_t size = 1024;
	char *buf = malloc(size);
	struct group gr, *found = NULL;
	int r = buf ? ERANGE : ENOMEM;

	while (r == ERANGE || r == EINTR) {
		r = getgrnam_r(name, &gr, buf, size, &found);
		if (r == ERANGE && grow(&buf, &size) < 0)
			r = ENOMEM;
	}
	if (found)
		*ret_gid = gr.gr_gid;
	free(buf);
	if (found)
		return 0;
	return not_found(r) ? -ENOENT : -r;
}
