/* SPDX-License-Identifier: MIT */
/* What is known while a layout is carried out, and the tools for it. */
#ifndef PNS_JOB_H
#define PNS_JOB_H

#include "layout.h"
#include "walk.h"

#define JOB_OWN_MAX 128

struct job {
	const struct pns_plan *plan;
	struct pns_layout layout;
	int *source;	   /* of each mount, opened in the host's view; -1: it has none */
	struct seen *seen; /* of each mount, for verify.c; NULL: there is no need */
	dev_t run;	   /* the device of /run, as the host has it */
	int hidden;	   /* directory of the stand-ins for what is hidden */
	/* What only this session has: there, mount points may be made. */
	size_t n_own;
	struct own {
		dev_t dev;
		ino_t root;
		enum { OWN_MEMORY, OWN_FROZEN, OWN_DISK } kind;
		bool user;	/* what is made in it is the user's in the end */
		dev_t over_dev; /* OWN_FROZEN: the directory whose entries it has */
		ino_t over_ino;
	} own[JOB_OWN_MAX];
	/* Who owns what in the end: until then root makes mount points there, without DAC_OVERRIDE. */
	size_t n_owed;
	struct owed {
		int fd;
		uid_t uid;
		gid_t gid;
	} owed[JOB_OWN_MAX];
};

/* A detached tmpfs, nosuid and nodev, mode as in chmod(2). 0 or -errno. */
int tree_tmpfs(const struct pns_size *size, mode_t mode, int *ret_tree);

/* A detached file system of another type; option may be NULL. 0 or -errno. */
int tree_new(const char *type, const char *option, const char *value, unsigned int attr,
	     int *ret_tree);

/* A detached copy of what an fd (name: of an entry in it) refers to, mounts on it included. */
int tree_clone(int fd, const char *name, int *ret_tree);

/* Sets MOUNT_ATTR_* on a tree, on all its mounts. propagation: 0 or MS_PRIVATE. 0 or -errno. */
int tree_set(int tree, unsigned int attr, unsigned long propagation);

/* Does a mount begin there? */
bool is_mount_root(int fd);

/* Mounts a tree on what an fd refers to. 0 or -errno. */
int tree_attach(int tree, int on);

/* Notes that a tree, attached or to be, is this session's own. -EDQUOT when there are too many. */
int job_note(struct job *job, int tree, int kind, bool user);

/* The entry of what a walk ended on, or NULL: then it is the host's. */
const struct own *job_own(const struct job *job, const struct stat *st);

/* Gives what tree refers to an owner when all is mounted. */
int job_owe(struct job *job, int tree, uid_t uid, gid_t gid);

/*
 * Makes what is missing of a walk's path, its last component of type and mode mode, and goes
 * there. -ENOENT if it is not for us to make: it is the host's.
 */
#define JOB_DIRECTORY (S_IFDIR | 0755)
#define JOB_FILE      (S_IFREG | 0644)
int job_create(struct job *job, struct walk *walk, mode_t mode);

/* Says what failed, behind the name of what asked for it. -code. */
int job_failed(const struct pns_mount *mount, int code, const char *path, const char *what,
	       struct pns_err *err);

/*
 * source.c: opens a mount's source, which is a tree to be attached (of PNS_MOUNT_ENTRIES: the
 * directory). 0, with *ret_fd untouched if an optional one is not there; -errno with err filled.
 */
int source_open(const struct job *job, const struct pns_mount *mount, int *ret_fd,
		struct pns_err *err);

/* freeze.c: covers a directory with its own entries of now, those that keep() wants. */
typedef bool (*freeze_keep_fn)(const char *name, mode_t mode);
int freeze(struct job *job, const struct walk *walk, freeze_keep_fn keep, bool seal);

/*
 * freeze.c: walks to the target of a hide or readonly and sees to it that the host cannot take it away
 * from there: where it may, see comes_anew(), the directories on the way are frozen. 0 or -errno with
 * err filled.
 */
int walk_held(struct job *job, const struct pns_mount *mount, struct walk *ret_walk,
	      struct pns_err *err);

/* freeze.c: what is not there does not come later. */
int hide_absent(struct job *job, const struct pns_mount *mount, struct walk *walk,
		struct pns_err *err);

/* freeze.c: lays a stand-in over what is there; walk ends elsewhere then. */
int hide_present(const struct job *job, struct walk *walk);

/*
 * verify.c: notes what each mount's target leads to after its turn, and whether that is still so when all
 * are made. 0 or -errno with err filled, -EBUSY if it is not.
 */
int verify_begin(struct job *job, struct pns_err *err);
int verify_note(struct job *job, size_t i, struct pns_err *err);
int verify_end(const struct job *job, struct pns_err *err);

#endif
