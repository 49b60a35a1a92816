/* SPDX-License-Identifier: GPL-2.0-or-later */
/* play.h: a recording shown on a terminal in its own time, with keys; or on anything else at once.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct err;

/* So many markers of one recording are read; more are passed over. */
#define PLAY_MARKS_MAX 100000u

struct play_mark {
	double at_s;
	char *label;
};
struct play_marks {
	struct play_mark *v;
	size_t n;
	double duration_s; /* of the whole recording */
	unsigned cols, rows;
};
/* Read all of the file `fd` (borrowed, from its start) for its markers. */
int play_read_marks(int fd, struct play_marks *ret, struct err *e);
void play_marks_clear(struct play_marks *m);
#define auto_play_marks __attribute__((cleanup(play_marks_clear)))
/* Where `text` says: a marker's label, the start of only one, or SECONDS, or MM:SS. -EINVAL: none
 * of them, with the nearest label. */
int play_find(const struct play_marks *m, const char *text, double *ret_at_s, struct err *e);

/* "12", "12.5", "1:02", "1:00:00". false: none of these. */
bool play_seconds(const char *text, double *ret_s);

struct play_spec {
	int in, out;         /* terminals; `in` -1: no keys. Borrowed */
	double speed;        /* 0: as fast as it goes */
	double idle_limit_s; /* a longer wait is cut to this; 0: none */
	double from_s;       /* what comes before is shown at once */
	bool raw;            /* every byte as it was recorded */
};
/* Show the recording in `fd` (borrowed, from its start). Keys: space stops and goes on, "." one
 * event more, "n" on to the next marker, "q" ends. The terminal is as it was when it returns.
 * 0: shown or ended by key; a positive number: the signal that ended it; -EPIPE ... */
int play_show(int fd, const struct play_spec *spec, struct err *e);
