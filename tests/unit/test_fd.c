// SPDX-License-Identifier: MIT
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fd.h"

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Opens it; the fd count must be as before, whatever comes out. */
static int open_at(const char *path, mode_t type, struct pns_err *err)
{
	const int before = count_fds();
	int fd = -1, r;

	*err = (struct pns_err){0};
	r = pns_fd_open_trusted(path, O_RDONLY, type, &fd, err);
	assert_true((r == 0) == (fd >= 0));
	if (fd >= 0)
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	pns_fd_close(&fd);
	assert_int_equal(count_fds(), before);
	return r;
}

static int try(const char *name, struct pns_err *err)
{
	return open_at(in_dir(name), S_IFREG, err);
}

static void trusted_types(void **state)
{
	struct pns_err err;

	(void)state;
	need_root();
	put_text("file", "x");
	assert_int_equal(mkdir(in_dir("sub"), 0755), 0);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(try("file", &err), 0);
	assert_int_equal(try("sub/../file", &err), 0);
	assert_int_equal(try("./sub//.././file", &err), 0);
	assert_int_equal(open_at(in_dir("sub"), S_IFDIR, &err), 0);
	alarm(20); /* a FIFO that is opened would wait for a writer for ever */
	assert_int_equal(try("fifo", &err), -EPERM);
	alarm(0);
	assert_has(err.text, "fifo is not a regular file");
	assert_int_equal(try("sub", &err), -EPERM);
	assert_int_equal(try("gone", &err), -ENOENT);
	assert_int_equal(err.count, 0);
	assert_int_equal(try("file/x", &err), -ENOTDIR);
	assert_int_equal(open_at("file", S_IFREG, &err), -EINVAL);
}

static void trusted_links(void **state)
{
	struct pns_err err;
	char a[16], b[16];

	(void)state;
	need_root();
	put_text("file", "x");
	strcpy(b, "file");
	for (int i = 0; i <= 40; i++) {
		snprintf(a, sizeof(a), "l%d", i);
		assert_int_equal(symlink(i % 2 ? in_dir(b) : b, in_dir(a)), 0);
		strcpy(b, a);
	}
	assert_int_equal(try("l39", &err), 0); /* a chain of 40 */
	assert_int_equal(try("l40", &err), -ELOOP);
	assert_int_equal(symlink("loop", in_dir("loop")), 0);
	assert_int_equal(try("loop", &err), -ELOOP);
	assert_int_equal(symlink("file", in_dir("theirs")), 0);
	assert_int_equal(lchown(in_dir("theirs"), 12345, 0), 0);
	assert_int_equal(try("theirs", &err), -EPERM);
	assert_has(err.text, "theirs belongs to uid 12345: chown root it");
	assert_int_equal(symlink("/tmp/pns_unit", in_dir("tmp")), 0);
	assert_int_equal(try("tmp", &err), -EPERM);
	assert_has(err.text, "/tmp can be written by others");
}

static void trusted_owners(void **state)
{
	struct pns_err err;

	(void)state;
	need_root();
	assert_int_equal(mkdir(in_dir("d"), 0755), 0);
	put_text("d/f", "x");
	assert_int_equal(chmod(in_dir("d"), 0775), 0);
	assert_int_equal(try("d/f", &err), -EPERM);
	assert_has(err.text, "/d can be written by others than root: chmod go-w it");
	assert_int_equal(try("d/../file", &err), -EPERM);
	assert_int_equal(chmod(in_dir("d"), 0755), 0);
	assert_int_equal(chown(in_dir("d"), 12345, 0), 0);
	assert_int_equal(try("d/f", &err), -EPERM);
	assert_has(err.text, "/d belongs to uid 12345");
	assert_int_equal(chown(in_dir("d"), 0, 0), 0);
	assert_int_equal(chmod(in_dir("d/f"), 0602), 0);
	assert_int_equal(try("d/f", &err), -EPERM);
	assert_int_equal(chmod(in_dir("d/f"), 0600), 0);
	assert_int_equal(try("d/f", &err), 0);
}

static void trusted_long(void **state)
{
	static char path[5000];
	struct pns_err err;

	(void)state;
	memset(path, '/', 4096);
	assert_int_equal(open_at(path, S_IFDIR, &err), -ENAMETOOLONG);
	path[4095] = '\0';
	assert_int_equal(open_at(path, S_IFDIR, &err), 0);
	memset(path + 1, 'a', 256);
	path[257] = '\0';
	assert_int_equal(open_at(path, S_IFDIR, &err), -ENAMETOOLONG);
}

static void passing(void **state)
{
	const int before = count_fds();
	int s[2], fds[PNS_FD_PASS_MAX + 1] = {0, 0, 0, 0, 0}, got[PNS_FD_PASS_MAX];
	char buf[4];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	for (unsigned int sent = 0; sent <= PNS_FD_PASS_MAX; sent++)
		for (unsigned int want = 0; want <= PNS_FD_PASS_MAX; want++) {
			assert_int_equal(pns_fd_send(s[0], "abc", 3, fds, sent), 0);
			assert_int_equal(pns_fd_recv(s[1], buf, sizeof(buf), got, want),
					 sent == want ? 3 : -EPROTO);
			for (unsigned int i = 0; sent == want && i < want; i++) {
				assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
				close(got[i]);
			}
			assert_int_equal(count_fds(), before + 2);
		}
	assert_int_equal(pns_fd_send(s[0], "a", 1, fds, PNS_FD_PASS_MAX + 1), -EINVAL);
	assert_int_equal(pns_fd_send(s[0], "abcde", 5, fds, 2), 0);
	assert_int_equal(pns_fd_recv(s[1], buf, sizeof(buf), got, 2), -EMSGSIZE);
	assert_int_equal(count_fds(), before + 2);
	close(s[1]);
	assert_int_equal(pns_fd_send(s[0], "a", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
	assert_int_equal(pns_fd_recv(s[0], buf, sizeof(buf), NULL, 0), 0);
	close(s[0]);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, unit_setup, unit_teardown)
		T(trusted_types), T(trusted_links), T(trusted_owners), T(trusted_long), T(passing),
	};

	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
