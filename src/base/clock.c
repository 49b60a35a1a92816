/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

uint64_t clock_mono_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail with this clock */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const char *clock_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE])
{
	struct tm tm;
	time_t t = (time_t)(wall_us / 1000000);
	if (!gmtime_r(&t, &tm) || strftime(out, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, CLOCK_ISO_SIZE, "(no date)"); /* fits */
	return out;
}

const char *clock_human(uint64_t us, char out[CLOCK_HUMAN_SIZE])
{
	uint64_t s = us / 1000000;
	if (s < 10)
		(void)snprintf(out, CLOCK_HUMAN_SIZE, "%" PRIu64 ".%02" PRIu64 "s", s,
			us % 1000000 / 10000); /* fits */
	else if (s < 60)
		(void)snprintf(out, CLOCK_HUMAN_SIZE, "%" PRIu64 ".%" PRIu64 "s", s,
			us % 1000000 / 100000);
	else if (s < 3600)
		(void)snprintf(out, CLOCK_HUMAN_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		(void)snprintf(out, CLOCK_HUMAN_SIZE, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			s % 3600 / 60);
	return out;
}
