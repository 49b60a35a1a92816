/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h: durations come from CLOCK_MONOTONIC in microseconds, dates are int64 Unix time. */
#pragma once
#include <stdint.h>

/* Microseconds since some start; never goes back, whatever happens to the wall clock. */
uint64_t clock_mono_us(void);
/* Unix time now, in microseconds. */
int64_t clock_wall_us(void);

/* "2026-11-21T10:05:33Z" */
#define CLOCK_ISO_SIZE 32
const char *clock_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE]);
/* A duration for people: "0.25s", "12.3s", "4m07s", "2h05m". */
#define CLOCK_HUMAN_SIZE 32
const char *clock_human(uint64_t us, char out[CLOCK_HUMAN_SIZE]);
