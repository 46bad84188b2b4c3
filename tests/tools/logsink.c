// SPDX-License-Identifier: MIT
/* logsink SOCKET FILE: what a syslog daemon is to the tests: each datagram a line of FILE. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	static char line[65536];
	int sock, out;

	if (argc != 3 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	strcpy(addr.sun_path, argv[1]);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	out = open(argv[2], O_WRONLY | O_APPEND | O_CLOEXEC);
	umask(0);
	if (sock < 0 || out < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("logsink");
		return 1;
	}
	for (;;) {
		ssize_t n = recv(sock, line, sizeof(line) - 1, 0);

		if (n < 0)
			return 1;
		line[n++] = '\n';
		if (write(out, line, (size_t)n) != n)
			return 1;
	}
}
