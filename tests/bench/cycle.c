// SPDX-License-Identifier: MIT
/* A login program that only opens and closes: cycle SERVICE USER ROUNDS. */
#include <security/pam_appl.h>
#include <stdlib.h>

#include "round.h"

struct login {
	const char *service, *user;
};

static int no_talk(int n, const struct pam_message **msg, struct pam_response **ret, void *data)
{
	(void)n, (void)msg, (void)ret, (void)data;
	return PAM_CONV_ERR;
}

static void check(pam_handle_t *pamh, const char *call, int r)
{
	if (r == PAM_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", call, pam_strerror(pamh, r));
	_exit(1);
}

static void round_of(struct round *times, void *data)
{
	const struct pam_conv conv = {.conv = no_talk};
	const struct login *login = data;
	pam_handle_t *pamh = NULL;

	times->begin = now_ns();
	check(pamh, "pam_start", pam_start(login->service, login->user, &conv, &pamh));
	times->started = now_ns();
	check(pamh, "pam_open_session", pam_open_session(pamh, 0));
	times->opened = now_ns();
	check(pamh, "pam_close_session", pam_close_session(pamh, 0));
	times->closed = now_ns();
	pam_end(pamh, PAM_SUCCESS);
}

int main(int argc, char **argv)
{
	struct login login;

	if (argc != 4) {
		fprintf(stderr, "usage: cycle SERVICE USER ROUNDS\n");
		return 2;
	}
	login = (struct login){.service = argv[1], .user = argv[2]};
	return run_rounds(atol(argv[3]), round_of, &login);
}
