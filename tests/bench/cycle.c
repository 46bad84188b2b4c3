// SPDX-License-Identifier: MIT
/*
 * A login program that only opens and closes: cycle SERVICE USER HOW..., see round.h. A "%" in
 * USER becomes the number of the session held; COMMAND set in the environment is run in between.
 */
#include <security/pam_appl.h>

#include "round.h"

struct login {
	const char *service, *user, *command;
	pam_handle_t *pamh;
};

static int no_talk(int n, const struct pam_message **msg, struct pam_response **ret, void *data)
{
	(void)n, (void)msg, (void)ret, (void)data;
	return PAM_CONV_ERR;
}

static void check(const struct login *login, const char *call, int r)
{
	if (r == PAM_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", call, pam_strerror(login->pamh, r));
	_exit(1);
}

static void start(void *data, long number)
{
	static const struct pam_conv conv = {.conv = no_talk};
	struct login *login = data;
	const char *percent = strchr(login->user, '%');
	char user[64];

	snprintf(user, sizeof(user), "%s", login->user);
	if (percent)
		snprintf(user, sizeof(user), "%.*s%ld", (int)(percent - login->user), login->user,
			 number);
	check(login, "pam_start", pam_start(login->service, user, &conv, &login->pamh));
}

static void open_session(void *data)
{
	struct login *login = data;

	check(login, "pam_open_session", pam_open_session(login->pamh, 0));
}

static void close_session(void *data)
{
	struct login *login = data;

	if (login->command) {
		pid_t pid = fork_or_die();

		if (pid == 0) {
			execl(login->command, login->command, (char *)NULL);
			die(login->command);
		}
		wait_for(pid);
	}
	check(login, "pam_close_session", pam_close_session(login->pamh, 0));
}

static void end(void *data)
{
	pam_end(((struct login *)data)->pamh, PAM_SUCCESS);
}

int main(int argc, char **argv)
{
	struct login login = {.command = getenv("COMMAND")};
	const struct candidate cycle = {.start = start,
					.open = open_session,
					.close = close_session,
					.end = end,
					.data = &login};

	if (argc > 3) {
		login.service = argv[1];
		login.user = argv[2];
		if (run(&cycle, argv + 3) == 0)
			return 0;
	}
	fprintf(stderr, "usage: cycle SERVICE USER rounds N | rate K N | hold N\n");
	return 2;
}
