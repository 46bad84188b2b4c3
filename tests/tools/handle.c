// SPDX-License-Identifier: MIT
/*
 * handle SERVICE USER WORD...: a login program that uses its PAM handle as the words say, and says what
 * each gave: open, close, setcred, silent (open with PAM_SILENT); fork-close, fork-end: the same from a
 * child, which then ends; end: pam_end(); ns: the network namespace of a child now. At the end it exits
 * without pam_end().
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	(void)resp;
	(void)data;
	for (int i = 0; i < n; i++)
		printf("said: %s\n", msg[i]->msg);
	return PAM_CONV_ERR;
}

static void print_ns(void)
{
	char ns[64];
	ssize_t n = readlink("/proc/self/ns/net", ns, sizeof(ns) - 1);

	ns[n > 0 ? n : 0] = '\0';
	printf("%s\n", ns);
}

static void act(pam_handle_t *pamh, const char *word)
{
	int r = PAM_SYSTEM_ERR;

	if (strcmp(word, "open") == 0)
		r = pam_open_session(pamh, 0);
	else if (strcmp(word, "silent") == 0)
		r = pam_open_session(pamh, PAM_SILENT);
	else if (strcmp(word, "close") == 0)
		r = pam_close_session(pamh, 0);
	else if (strcmp(word, "setcred") == 0)
		r = pam_setcred(pamh, PAM_ESTABLISH_CRED);
	else if (strcmp(word, "end") == 0)
		r = pam_end(pamh, PAM_SUCCESS);
	printf("%s: %s\n", word, pam_strerror(pamh, r));
}

int main(int argc, char **argv)
{
	static const struct pam_conv conv = {.conv = converse};
	pam_handle_t *pamh;

	setlinebuf(stdout);
	if (argc < 3 || pam_start(argv[1], argv[2], &conv, &pamh) != PAM_SUCCESS)
		return 2;
	for (char **word = argv + 3; *word; word++) {
		const int forked = strncmp(*word, "fork-", 5) == 0 || strcmp(*word, "ns") == 0;
		const pid_t pid = forked ? fork() : -1;

		if (pid > 0) {
			waitpid(pid, NULL, 0);
			continue;
		}
		if (strcmp(*word, "ns") == 0)
			print_ns();
		else
			act(pamh, *word + (forked ? 5 : 0));
		if (forked)
			_exit(0);
	}
	return 0;
}
