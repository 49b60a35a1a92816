/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recording.h: a terminal session as asciicast v2, one JSON value a line:
 *   {"version": 2, "width": COLS, "height": ROWS, "timestamp": UNIX, "title": "..."}
 *   [SECONDS, "o", "TEXT"]    [SECONDS, "m", "LABEL"]    [SECONDS, "r", "COLSxROWS"]
 * Source: https://docs.asciinema.org/manual/asciicast/v2
 * Each line is one write, so a reader of the live file, or of one whose writer was killed, sees
 * whole events. Bounded: past `limit_bytes` output is dropped but for a tail of RECORDING_TAIL
 * raw bytes, which close writes behind a note of how much is missing; the file is then at most
 * limit_bytes + markers + 6 * RECORDING_TAIL long. A failed write is undone (the file is cut
 * back to whole events), and the same error comes from every later call and from close. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct recording;

#define RECORDING_TAIL     (64u * 1024)
#define RECORDING_SIDE_MAX 1000u /* columns or rows */
#define RECORDING_LINE_MAX (1024u * 1024)

struct recording_spec {
	unsigned cols, rows;
	int64_t timestamp;    /* Unix seconds; 0: left out */
	const char *title;    /* NULL: left out */
	uint64_t limit_bytes; /* of the file; 0: none */
};

/* Write the header to `fd`. On success takes `fd`; on failure it is still the caller's.
 * -EINVAL: no columns or rows, or above RECORDING_SIDE_MAX; else what writing failed with. */
int recording_open(
	int fd, const struct recording_spec *spec, struct recording **ret, struct err *e);
/* Append n raw terminal bytes (borrowed, cut anywhere), `at_us` after the start. A UTF-8
 * sequence cut at the end waits for the next call; what is no UTF-8 becomes U+FFFD. A time
 * before the last event counts as the last event's. */
int recording_output(struct recording *r, uint64_t at_us, const void *p, size_t n, struct err *e);
/* A marker; never dropped by the limit (labels are cut at 200 bytes, between characters). */
int recording_mark(struct recording *r, uint64_t at_us, const char *label, struct err *e);
/* -EINVAL: a size that recording_open would refuse; nothing written, no later call fails. */
int recording_resize(
	struct recording *r, uint64_t at_us, unsigned cols, unsigned rows, struct err *e);
/* Raw bytes given so far, kept or not: a position in the log for ranges. */
uint64_t recording_bytes(const struct recording *r);
bool recording_cut(const struct recording *r);
/* End, free and null *r whatever is returned; NULL is a no-op. 0: all was written. */
int recording_close(struct recording **r, struct err *e);
/* For error paths, where the first error is the one to tell. */
static inline void recording_closep(struct recording **r)
{
	(void)recording_close(r, NULL);
}
#define auto_recording __attribute__((cleanup(recording_closep)))

/* Reading, line by line, bounded: a line above RECORDING_LINE_MAX is -EFBIG. Any program's
 * asciicast v2 is read; events whose code we do not know are passed over. */
struct recording_event {
	double at_s;      /* finite, never below the event's before */
	char code;        /* 'o' 'i' 'm' 'r' */
	const char *text; /* UTF-8, NUL behind it (and maybe in it); borrowed until the next call */
	size_t len;
	unsigned cols, rows; /* of an 'r' event */
};
struct recording_reader;
/* -EINVAL: not asciicast v2, with line and reason. Takes `fd` on success. */
int recording_reader_open(int fd, unsigned *ret_cols, unsigned *ret_rows,
	struct recording_reader **ret, struct err *e);
/* 1: an event. 0: the end (a last line cut short is the end, not an error). -EINVAL: a line that
 * is no event; -EFBIG; each with the line's number. */
int recording_reader_next(struct recording_reader *r, struct recording_event *ret, struct err *e);
void recording_reader_close(struct recording_reader *r);
static inline void recording_reader_closep(struct recording_reader **r)
{
	recording_reader_close(*r);
}
#define auto_recording_reader __attribute__((cleanup(recording_reader_closep)))
