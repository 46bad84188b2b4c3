// SPDX-License-Identifier: MIT
/*
 * The module while it waits for its helper, which says anything at all: messages of any kind, length and
 * number of fds, silence, its end. spawn.c is compiled with its system calls renamed to fuzz_*(): in the
 * place of a helper the input speaks.
 *
 * The promises: a session is there if READY and init's pidfd came, after nothing that was not right, and
 * else never; a failure has a reason; no fd is kept or lost; nothing of a text forges a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "fd.h"
#include "fuzz.h"
#include "spawn.h"
#include "wire.h"

#define SAID_MAX 24
#define SILENCE	 UINT32_MAX
#define FDS_MAX	 128 /* all that a run can open lie below */

int fuzz_socketpair(int domain, int type, int protocol, int pair[2]);
int fuzz_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int fuzz_poll(struct pollfd *fds, nfds_t n, int timeout);
int fuzz_kill(pid_t pid, int sig);
pid_t fuzz_waitpid(pid_t pid, int *status, int options);
int __wrap_pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd,
			       struct pns_err *err);
ssize_t __wrap_pns_plan_encode(const struct pns_plan *plan, char *buf, size_t size,
			       struct pns_err *err);

static struct run {
	int peer; /* a copy of the helper's end */
	struct said {
		struct pns_msg msg;
		size_t len;
		unsigned int nfds;
		ino_t ino; /* of the first */
	} said[SAID_MAX];
	size_t n, next;
	unsigned int notes;
	bool fail_meanwhile; /* what goes on beside the helper fails */
} run;

int fuzz_socketpair(int domain, int type, int protocol, int pair[2])
{
	int r = socketpair(domain, type, protocol, pair);

	if (r == 0)
		run.peer = fcntl(pair[1], F_DUPFD_CLOEXEC, 0);
	return r;
}

static void say(struct said *said)
{
	static char huge[2 * sizeof(struct pns_msg)];
	int fds[PNS_FD_PASS_MAX];
	struct stat st;

	memcpy(huge, &said->msg, sizeof(said->msg));
	for (unsigned int i = 0; i < said->nfds; i++)
		fds[i] = memfd_create("pidfd", MFD_CLOEXEC);
	if (said->nfds && fstat(fds[0], &st) == 0)
		said->ino = st.st_ino;
	must(pns_fd_send(run.peer, huge, said->len, fds, said->nfds) == 0, "the harness: send");
	for (unsigned int i = 0; i < said->nfds; i++)
		close(fds[i]);
}

/* What comes up to the next silence; after the last, the helper's end. */
static void go_on(void)
{
	while (run.next < run.n && run.said[run.next].msg.kind != SILENCE)
		say(&run.said[run.next++]);
	if (run.next == run.n)
		pns_fd_close(&run.peer);
}

int fuzz_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	char plan[8];
	int fds[PNS_PLAN_FDS];

	(void)fn, (void)stack, (void)flags, (void)arg;
	must(pns_fd_recv(run.peer, plan, sizeof(plan), fds, PNS_PLAN_FDS) == 4, "the plan");
	for (int i = 0; i < PNS_PLAN_FDS; i++)
		close(fds[i]);
	go_on();
	return 77;
}

int fuzz_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int r = poll(fds, n, 0);

	(void)timeout;
	if (r == 0 && run.next < run.n) {
		run.next++; /* over the silence that this poll was */
		go_on();
	}
	return r;
}

int fuzz_kill(pid_t pid, int sig)
{
	must(pid == 77 && sig > 0, "kill(%d, %d)", pid, sig);
	return 0;
}

pid_t fuzz_waitpid(pid_t pid, int *status, int options)
{
	(void)status, (void)options;
	must(pid == 77, "waitpid(%d)", pid);
	return pid;
}

int __wrap_pns_fd_open_trusted(const char *path, int flags, mode_t type, int *ret_fd,
			       struct pns_err *err)
{
	(void)path, (void)flags, (void)type, (void)err;
	*ret_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	return 0;
}

ssize_t __wrap_pns_plan_encode(const struct pns_plan *plan, char *buf, size_t size,
			       struct pns_err *err)
{
	(void)plan, (void)size, (void)err;
	memcpy(buf, "plan", 4);
	return 4;
}

static void on_note(void *arg, const char *text)
{
	(void)arg;
	run.notes++;
	for (const char *p = text; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f, "control byte in a note: \"%s\"",
		     text);
}

/* What must come of it: the FORKED whose init it is, or NULL; *ret_notes: how many were to be heard. */
static const struct said *foretell(unsigned int *ret_notes)
{
	const struct said *forked = NULL;
	bool ready = false;

	*ret_notes = 0;
	if (run.fail_meanwhile)
		return NULL;
	for (size_t i = 0; i < run.n; i++) {
		const struct said *said = &run.said[i];

		if (said->len != sizeof(said->msg) ||
		    said->nfds != (said->msg.kind == PNS_MSG_FORKED))
			return NULL;
		switch (said->msg.kind) {
		case PNS_MSG_FORKED:
			forked = said;
			break;
		case PNS_MSG_READY:
			ready = true;
			break;
		case PNS_MSG_LOG:
			++*ret_notes;
			break;
		default: /* silence as well */
			return NULL;
		}
		if (ready && forked)
			return forked;
	}
	return NULL;
}

/* Two bytes a message; one that is left over makes what goes on beside the helper fail. */
static void read_input(const uint8_t *data, size_t size)
{
	static const size_t lens[] = {sizeof(struct pns_msg),
				      sizeof(struct pns_msg),
				      sizeof(struct pns_msg),
				      sizeof(struct pns_msg),
				      sizeof(struct pns_msg) - 1,
				      sizeof(struct pns_msg) + 1,
				      0,
				      4};

	for (run.n = 0; run.n < SAID_MAX && size >= 2; run.n++, data += 2, size -= 2) {
		struct said *said = &run.said[run.n];

		*said = (struct said){.msg.kind = data[0] & 0xf, .len = lens[data[1] & 7]};
		said->nfds = data[1] >> 3 & 7;
		if (said->nfds > PNS_FD_PASS_MAX)
			said->nfds = 1;
		if (data[0] >> 4 == 0xf)
			said->msg.kind = SILENCE;
		said->msg.code = (data[0] >> 4) - 3;
		/* Not always ended by a NUL. */
		memset(said->msg.text, data[1] & 0x80 ? '\n' : 'x', sizeof(said->msg.text));
		if (data[1] & 0x40)
			memcpy(said->msg.text, data, size < 200 ? size : 200);
	}
	run.fail_meanwhile = size == 1;
}

static unsigned int count_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int meanwhile(void *arg, struct pns_err *err)
{
	unsigned int *times = arg;

	++*times;
	return run.fail_meanwhile ? pns_err_add(err, EIO, "failed beside the helper") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pns_err err;
	static const struct pns_plan plan = {.pid = true, .timeout = 1};
	const struct timespec deadline = pns_deadline_in(1);
	struct pns_instance instance = PNS_INSTANCE_NONE;
	const struct said *ready;
	unsigned int notes;
	unsigned int before, times = 0;
	int init = -1, r;
	struct stat st;

	memset(&run, 0, sizeof(run));
	err = (struct pns_err){.note = on_note};
	read_input(data, size);
	instance.registry = open("/dev/null", O_RDONLY | O_CLOEXEC);
	instance.lock = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = count_fds();
	r = pns_spawn(&plan, &instance, &deadline, meanwhile, &times, &init, &err);
	pns_fd_close(&run.peer);
	must(times == 1, "what goes on beside the helper was run %u times", times);
	ready = foretell(&notes);
	must_be_err(&err, r);
	must((r == 0) == (ready != NULL), "%d, where READY %s", r, ready ? "came" : "did not come");
	must(run.notes == notes, "%u notes of %u", run.notes, notes);
	if (ready)
		must(init >= 0 && fstat(init, &st) == 0 && st.st_ino == ready->ino,
		     "another init than that of FORKED");
	else
		must(init == -1, "an init of a session that is not there");
	pns_fd_close(&init);
	must(count_fds() == before, "%u fds were open, and now %u", before, count_fds());
	close(instance.registry);
	close(instance.lock);
	return 0;
}
