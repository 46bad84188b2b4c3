/* SPDX-License-Identifier: MIT */
/* Between our terminal and the command's: bytes, signals, window sizes, stops, and the end. */
#ifndef CTL_RELAY_H
#define CTL_RELAY_H

#include <sys/types.h>
#include <termios.h>

/* From here on they wait for relay(), so that none of them leaves a session half open. */
void relay_block_signals(void);

/*
 * Serves the child until it ends. master: of the child's terminal, or -1 if it has none of its own;
 * saved: how ours was. Returns the child's exit status, or 128 + its signal.
 */
int relay(pid_t child, int master, const struct termios *saved);

#endif
