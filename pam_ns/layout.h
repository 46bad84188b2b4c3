/* SPDX-License-Identifier: MIT */
/*
 * What a plan mounts where, as data: made and judged by the module before anything is done, made
 * again and carried out by the helper, shown by whoever asks.
 */
#ifndef PNS_LAYOUT_H
#define PNS_LAYOUT_H

#include "plan.h"

#define PNS_DISK "/var/lib/pam_ns" /* private_tmp = disk; root's, 0700; UID/tmp, UID/var-tmp */

enum pns_mount_kind {
	PNS_MOUNT_PROC,	 /* a procfs; with PNS_MOUNT_OWN hidepid=invisible */
	PNS_MOUNT_SYS,	 /* a sysfs that carries over what is mounted on it */
	PNS_MOUNT_TMPFS, /* an empty tmpfs of size */
	PNS_MOUNT_DIR, /* no mount: a directory of the user's, 0700, in a tmpfs of the session's */
	PNS_MOUNT_MQUEUE,   /* the queues of the IPC namespace */
	PNS_MOUNT_DISK,	    /* source: a directory of PNS_DISK, made if it is not there */
	PNS_MOUNT_BIND,	    /* source as the host sees it, with what is mounted on it */
	PNS_MOUNT_DEVICE,   /* the same of a device node that must be the one that source names */
	PNS_MOUNT_DEV,	    /* an empty /dev with the symbolic links that belong there */
	PNS_MOUNT_FREEZE,   /* the entries of now and no later ones, without sockets to ask PID 1 */
	PNS_MOUNT_ENTRIES,  /* each entry of source over the one of that name in target */
	PNS_MOUNT_READONLY, /* what is there, with all that is mounted on it */
	PNS_MOUNT_HIDE, /* nothing that can be read, and not to be created when it is not there */
};

enum pns_mount_flags {
	PNS_MOUNT_RO = 1 << 0,
	PNS_MOUNT_OPTIONAL = 1 << 1, /* without source or target it is left out */
	PNS_MOUNT_USER = 1 << 2,     /* a tmpfs that is the user's, 0700 */
	PNS_MOUNT_STICKY = 1 << 3,   /* ... everybody's, 1777 */
	PNS_MOUNT_LIKE = 1 << 4,     /* ... with owner and mode of the directory that it covers */
	PNS_MOUNT_OWN = 1 << 5,
	PNS_MOUNT_COVER = 1 << 6, /* a target that is not there is hidden */
};

/* One mount. Paths are absolute and normalised. */
struct pns_mount {
	enum pns_mount_kind kind;
	unsigned int flags;
	char *source; /* or NULL */
	char *target;
	struct pns_size size;	/* of a tmpfs */
	enum pns_key_index key; /* what asks for it */
	const char *label;	/* of key, in the plan; NULL: the key has none */
};

/* In the order of the work: by target, parents before children; what changes a mount behind it. */
struct pns_layout {
	size_t n;
	struct pns_mount *mount;
};

/*
 * The layout of a plan, {0} without mount = yes. It lives no longer than the plan. Contradictions are
 * added to err behind what blame (may be NULL) says of their place: a target twice, below a hidden
 * path, over what the session stands on; a home whose parent is the system's. 0, -EINVAL or
 * -ENOMEM; *ret_layout is {0} on failure. Reads nothing but the plan.
 */
int pns_layout_make(const struct pns_plan *plan, pns_blame_fn blame, void *arg,
		    struct pns_layout *ret_layout, struct pns_err *err);

void pns_layout_free(struct pns_layout *layout);

/* "tmpfs", "bind", ...: the kind of a mount, for those who show it. */
const char *pns_mount_kind_name(enum pns_mount_kind kind);

/* "bind.data", "private_tmp", "hide": what asks for a mount, as it stands in a policy. */
void pns_mount_origin(const struct pns_mount *mount, char *buf, size_t size);

#endif
