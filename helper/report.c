// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <unistd.h>

#include "fd.h"
#include "report.h"
#include "wire.h"

int report_ready(void)
{
	const struct pns_msg msg = {.kind = PNS_MSG_READY};

	return pns_fd_send(PNS_HELPER_SOCK, &msg, sizeof(msg), NULL, 0);
}

void report_log(const char *name, const char *text, size_t len)
{
	struct pns_msg msg = {.kind = PNS_MSG_LOG};

	snprintf(msg.text, sizeof(msg.text), "%s: %.*s", name, (int)len, text);
	(void)pns_fd_send(PNS_HELPER_SOCK, &msg, sizeof(msg), NULL, 0);
}

static void report_text(enum pns_msg_kind kind, const struct pns_err *err)
{
	struct pns_msg msg = {.kind = kind, .code = err->code};

	snprintf(msg.text, sizeof(msg.text), "%.*s", (int)sizeof(msg.text) - 1, err->text);
	/* If the module is gone too, nobody is left to be told. */
	(void)pns_fd_send(PNS_HELPER_SOCK, &msg, sizeof(msg), NULL, 0);
}

void report_note(const struct pns_err *err)
{
	report_text(PNS_MSG_LOG, err);
}

void report_and_die(const struct pns_err *err)
{
	report_text(PNS_MSG_ERROR, err);
	_exit(1);
}
