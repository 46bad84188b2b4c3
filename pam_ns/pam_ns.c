// SPDX-License-Identifier: MIT
/* The module: PAM's entry points, its arguments and return codes, and the only logger. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "instance.h"
#include "policy.h"
#include "program.h"
#include "session.h"

#ifndef PNS_CONF
#define PNS_CONF "/etc/security/pam_ns.conf"
#endif

#define DATA "pam_ns_session"
#define BAD_ARGUMENT                                                   \
	"unknown argument in the PAM stack: %s: write open or close, " \
	"conf=/PATH, debug, fatal, isolate_root or exempt_group=NAME"
#define USER_MAX 256 /* of a name in the log; a longer one is cut */
#define VISIBLE	 __attribute__((visibility("default")))

struct args {
	const char *conf;
	const char *exempt_group;
	bool debug;
	bool isolate_root;
	bool only_open;	 /* this line of the stack is for opening alone */
	bool only_close; /* ... for closing alone */
	bool fatal;	 /* a denial ends the login program: it would go on */
	const char *bad; /* the first that is not an argument of ours */
};

/*
 * Reads all arguments, whatever is wrong with one of them: root and the exempt group get in
 * all the same, everybody else is denied.
 */
static struct args parse_args(int argc, const char **argv)
{
	struct args args = {.conf = PNS_CONF};

	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "debug") == 0)
			args.debug = true;
		else if (strcmp(arg, "isolate_root") == 0)
			args.isolate_root = true;
		else if (strcmp(arg, "open") == 0)
			args.only_open = true;
		else if (strcmp(arg, "close") == 0)
			args.only_close = true;
		else if (strcmp(arg, "fatal") == 0)
			args.fatal = true;
		else if (strncmp(arg, "conf=/", 6) == 0)
			args.conf = arg + strlen("conf=");
		else if (strncmp(arg, "exempt_group=", 13) == 0 && arg[13])
			args.exempt_group = arg + strlen("exempt_group=");
		else if (!args.bad)
			args.bad = arg;
	}
	if (args.only_open && args.only_close && !args.bad)
		args.bad = "open together with close";
	if (args.only_open && args.only_close)
		args.only_open = args.only_close = false;
	return args;
}

struct noted {
	pam_handle_t *pamh;
	const char *user;
};

static const char *item(pam_handle_t *pamh, int type)
{
	const void *value = NULL;

	return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value ? value : "";
}

/* Directories may hold any name, and whoever logs in may type one: it must stay in its line. */
static const char *in_log(const char *user, char buf[USER_MAX])
{
	snprintf(buf, USER_MAX, "%s", user);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return buf;
}

/* The denial's one line. Mistakes in a policy may be many: all of them are on it. */
static int deny(pam_handle_t *pamh, const char *user, const struct pns_err *err)
{
	char line[sizeof(err->text) + 1024], name[USER_MAX], *to = line;

	for (const char *from = err->text; *from && to < line + sizeof(line) - 3; from++) {
		if (*from == '\n')
			*to++ = ';';
		*to++ = *from == '\n' ? ' ' : *from;
	}
	*to = '\0';
	pam_syslog(pamh, LOG_ERR, "session for %s denied: %s", in_log(user, name), line);
	return PAM_SYSTEM_ERR;
}

/*
 * Runs when the handle ends, in forked copies of the program too (shadow's login, sudo): there
 * the session is another's, and only the memory is ours.
 */
static void cleanup(pam_handle_t *pamh, void *data, int status)
{
	struct pns_session *session = data;
	struct pns_err err = {0}; /* not from the heap: the way back must not need memory */

	(void)status;
	if (pns_session_close(session, &err) < 0)
		pam_syslog(pamh, LOG_ERR, "session not wholly undone: %s", err.text);
	pns_session_free(session);
}

/* Whom no policy may lock out: asked before any policy is read. */
static bool exempt(pam_handle_t *pamh, const struct args *args, const char *user)
{
	const struct passwd *pw = pam_modutil_getpwnam(pamh, user);

	if (pw && pw->pw_uid == 0 && !args->isolate_root)
		return true;
	return args->exempt_group &&
	       pam_modutil_user_in_group_nam_nam(pamh, user, args->exempt_group) == 1;
}

static int resolve(pam_handle_t *pamh, const struct args *args, const char *user,
		   struct pns_policy *ret_policy, struct pns_err *err)
{
	struct pns_who *who = calloc(1, sizeof(*who));
	int r;

	if (!who)
		return pns_err_sys(err, ENOMEM, "policy");
	r = pns_who_lookup(user, item(pamh, PAM_SERVICE), who, err);
	if (r == 0) {
		/* From over the network: data, for hooks alone. A long one is cut. */
		snprintf(who->rhost, sizeof(who->rhost), "%s", item(pamh, PAM_RHOST));
		snprintf(who->tty, sizeof(who->tty), "%s", item(pamh, PAM_TTY));
		r = pns_policy_resolve(args->conf, who, ret_policy, err);
	}
	free(who);
	return r;
}

/* Why a policy leaves this login where it is; NULL: it gets a session. */
static const char *left_alone(const struct pns_plan *plan)
{
	if (!plan->isolate)
		return "isolate = no";
	if (plan->nested == PNS_NESTED_KEEP && pns_instance_inside())
		return "inside a session, and stays in it: nested = keep";
	return NULL;
}

/* From the policy to a session; *ret_session stays NULL when it leaves the login alone, *ret_why. */
static int open_for(pam_handle_t *pamh, const struct args *args, const char *user,
		    struct pns_session **ret_session, char *ret_id, const char **ret_why,
		    struct pns_err *err)
{
	struct pns_policy policy = {0};
	int r;

	r = resolve(pamh, args, user, &policy, err);
	if (r < 0)
		return r;
	*ret_why = left_alone(&policy.plan);
	if (!*ret_why) {
		r = pns_program_check(item(pamh, PAM_SERVICE), err);
		if (r == 0)
			r = pns_session_open(&policy.plan, ret_session, err);
		if (r == 0)
			strcpy(ret_id, policy.plan.id);
	}
	pns_policy_free(&policy);
	return r;
}

/* Hands the session to PAM; if PAM does not take it, it is undone. */
static int keep(pam_handle_t *pamh, struct pns_session *session, const char *id,
		struct pns_err *err)
{
	char env[64] = "PAM_NS_SESSION=";
	int r;

	strcat(env, id);
	r = pam_putenv(pamh, env);
	if (r == PAM_SUCCESS)
		r = pam_set_data(pamh, DATA, session, cleanup);
	if (r == PAM_SUCCESS)
		return 0;
	pam_putenv(pamh, "PAM_NS_SESSION");
	pns_session_close(session, err);
	pns_session_free(session);
	return pns_err_add(err, ENOMEM, "PAM cannot keep the session: %s", pam_strerror(pamh, r));
}

/* Undone from here on is all but this step itself. */
static int confine(pam_handle_t *pamh, const struct pns_session *session, struct pns_err *err)
{
	int r = pns_session_confine(session, err);

	if (r < 0) {
		pam_putenv(pamh, "PAM_NS_SESSION");
		pam_set_data(pamh, DATA, NULL, NULL);
	}
	return r;
}

/* What hooks say. */
static void note(void *arg, const char *text)
{
	const struct noted *noted = arg;

	pam_syslog(noted->pamh, LOG_INFO, "session for %s: %s", noted->user, text);
}

static int do_open(pam_handle_t *pamh, const struct args *args, const char *user,
		   struct pns_err *err)
{
	struct pns_session *session = NULL;
	char id[sizeof(((struct pns_plan *)0)->id)] = "", name[USER_MAX];
	const char *why = NULL;
	int r;

	r = open_for(pamh, args, user, &session, id, &why, err);
	if (r == 0 && session) {
		r = keep(pamh, session, id, err);
		if (r == 0)
			r = confine(pamh, session, err);
	}
	if (r < 0)
		return deny(pamh, user, err);
	if (args->debug && why)
		pam_syslog(pamh, LOG_DEBUG, "%s left alone: %s", in_log(user, name), why);
	else if (args->debug)
		pam_syslog(pamh, LOG_DEBUG, "session %s opened for %s", id, in_log(user, name));
	return PAM_SUCCESS;
}

static bool is_open(pam_handle_t *pamh)
{
	const void *data = NULL;

	return pam_get_data(pamh, DATA, &data) == PAM_SUCCESS && pns_session_is_open(data);
}

/*
 * Some programs start the user's desktop on the host whatever they are told. The process that opens
 * the session is this one login's (xrdp-sesman forks before it does), and nothing weaker stops it.
 */
static int answer(pam_handle_t *pamh, const struct args *args, int r)
{
	if (r != PAM_SUCCESS && (args->fatal || pns_program_goes_on(item(pamh, PAM_SERVICE))))
		kill(getpid(), SIGKILL);
	return r;
}

VISIBLE int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const struct args args = parse_args(argc, argv);
	const char *user = NULL, *why = NULL;
	struct noted noted = {.pamh = pamh};
	char name[USER_MAX];
	struct pns_err *err;
	int r;

	(void)flags;
	if (args.only_close) {
		/* No reason to deny: who is exempt stands on the other line, and that one isolates. */
		if (args.bad)
			pam_syslog(pamh, LOG_ERR, BAD_ARGUMENT, args.bad);
		return PAM_SUCCESS;
	}
	if (pam_get_user(pamh, &user, NULL) != PAM_SUCCESS || !user || !*user) {
		pam_syslog(pamh, LOG_ERR, "session denied: the login program named no user");
		return answer(pamh, &args, PAM_SYSTEM_ERR);
	}
	if (exempt(pamh, &args, user))
		why = "exempt";
	else if (is_open(pamh))
		why = "already in its session";
	if (why) {
		if (args.debug)
			pam_syslog(pamh, LOG_DEBUG, "%s left alone: %s", in_log(user, name), why);
		return PAM_SUCCESS;
	}
	err = calloc(1, sizeof(*err));
	if (!err) {
		pam_syslog(pamh, LOG_CRIT, "session for %s denied: out of memory",
			   in_log(user, name));
		return answer(pamh, &args, PAM_BUF_ERR);
	}
	noted.user = in_log(user, name);
	err->note = note;
	err->note_arg = &noted;
	if (args.bad) {
		pns_err_add(err, EINVAL, BAD_ARGUMENT, args.bad);
		r = deny(pamh, user, err);
	} else {
		r = do_open(pamh, &args, user, err);
	}
	free(err);
	return answer(pamh, &args, r);
}

VISIBLE int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const struct args args = parse_args(argc, argv);

	(void)flags;
	if (args.only_open || !is_open(pamh))
		return PAM_SUCCESS;
	pam_putenv(pamh, "PAM_NS_SESSION");
	/* Replacing the data runs cleanup() on what was there. */
	pam_set_data(pamh, DATA, NULL, NULL);
	return PAM_SUCCESS;
}

/* ---- not for us ---- */

/*
 * A line with another word than session in front does not isolate, whoever wrote it thinks so. Without
 * these libpam would deny root as well, who has to mend it.
 */
static int misplaced(pam_handle_t *pamh, int argc, const char **argv, const char *stack)
{
	const struct args args = parse_args(argc, argv);
	const char *user = NULL;
	char name[USER_MAX];

	if (pam_get_user(pamh, &user, NULL) != PAM_SUCCESS || !user)
		user = "";
	if (*user && exempt(pamh, &args, user))
		return PAM_IGNORE;
	pam_syslog(pamh, LOG_ERR,
		   "login of %s denied: pam_ns.so in the %s stack isolates nobody: write session "
		   "for %s",
		   in_log(user, name), stack, stack);
	return PAM_SYSTEM_ERR;
}

VISIBLE int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return misplaced(pamh, argc, argv, "auth");
}

VISIBLE int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return misplaced(pamh, argc, argv, "auth");
}

VISIBLE int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return misplaced(pamh, argc, argv, "account");
}

VISIBLE int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return misplaced(pamh, argc, argv, "password");
}
