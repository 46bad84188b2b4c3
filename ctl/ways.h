/* SPDX-License-Identifier: MIT */
/* The known ways round a session: each is looked for on the host and tried from inside. */
#ifndef CTL_WAYS_H
#define CTL_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "plan.h"

enum way_state { WAY_CLOSED, WAY_OPEN, WAY_ABSENT };

/* In memory that the parent and the child inside share. */
struct way_result {
	bool tried;
	enum way_state state;
	char detail[512];
};

#define OTHERS_MAX 256

/* What both sides must know; filled on the host, before the session is opened. */
struct way_context {
	const struct pns_plan *plan;
	pid_t victim;		 /* a process of the user's, outside */
	char abstract[64];	 /* the name of its abstract socket, without the NUL in front */
	unsigned short port;	 /* where it listens on 127.0.0.1 */
	char *other[OTHERS_MAX]; /* sockets that listen on the host and no row names */
	size_t others;
};

struct way {
	const char *name;
	const char *closes; /* what to write to close it */
	/* On the host, as root: is it there at all? Says what it found in detail. */
	bool (*present)(const struct way_context *context, const struct way *way,
			struct way_result *result);
	/* Inside, as the user. */
	void (*attempt)(const struct way_context *context, const struct way *way,
			struct way_result *result);
	const char *path[8]; /* of sockets; %U is the uid */
	const char *service; /* whose PAM stack isolates what it starts: then it is no way round */
	const char *program;
	const char *allow, *deny; /* at.allow(5) */
};

extern const struct way ways[];
extern const size_t way_count;

/* Collects context->other. */
void ways_find_others(struct way_context *context);

#endif
