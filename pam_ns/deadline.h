/* SPDX-License-Identifier: MIT */
/* A moment by which something must have happened, on the caller's own monotonic clock. */
#ifndef PNS_DEADLINE_H
#define PNS_DEADLINE_H

#include <stdint.h>
#include <time.h>

/* The moment that lies so many seconds ahead. */
struct timespec pns_deadline_in(uint32_t seconds);

/* Milliseconds until then, for poll(2): 0 when it is past. */
int pns_deadline_ms(const struct timespec *deadline);

#endif
