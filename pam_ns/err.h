/* SPDX-License-Identifier: MIT */
/* What went wrong, as text for the admin. Filled by every core function, logged once, by pam_ns.c. */
#ifndef PNS_ERR_H
#define PNS_ERR_H

#include <stddef.h>

#define PNS_ERR_SIZE  8192
#define PNS_NOTE_SIZE 1024 /* a longer note is cut */

/*
 * One message a line in text; start with = {0}. A policy can hold many mistakes and all of
 * them are worth one login's denial: when text is full, count goes on and the last line says so.
 */
struct pns_err {
	/* Who hears pns_err_note(), at once; NULL: nobody. Set by whoever logs, pam_ns.c. */
	void (*note)(void *arg, const char *text);
	void *note_arg;
	int code;	    /* errno of the first message, 0 when there is none */
	unsigned int count; /* messages, those that no longer fitted included */
	size_t len;
	char text[PNS_ERR_SIZE];
};

/*
 * Adds one message; newlines and control characters in it become '?', so that what comes
 * from users and files cannot forge a line of the log. Returns -code, so that
 * "return pns_err_add(err, EINVAL, ...)" reads as what it is; -EPROTO if code is not above 0, never a
 * success. Leaves errno alone.
 */
int pns_err_add(struct pns_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with ": strerror(code)" behind the message. */
int pns_err_sys(struct pns_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Forgets the messages, not who hears notes. */
void pns_err_clear(struct pns_err *err);

/*
 * Says what is no mistake but worth a line of the log, such as what a hook prints. Control characters
 * in it become '?' as above.
 */
void pns_err_note(const struct pns_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
