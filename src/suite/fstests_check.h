/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_check.h: what fstests' `check` prints while it runs, as typed events:
 *   SECTION       -- NAME                      (only with sections)
 *   FSTYP         -- ...                       a section begins; PLATFORM, MKFS_OPTIONS ...
 *   NAME          4s                           passed; with history: NAME  3s ...  4s
 *   NAME         [not run] REASON
 *   NAME         [expunged]
 *   NAME         [failed, exit status 1]- output mismatch (see PATH)   causes, in order
 *   NAME         _check_dmesg: something found in dmesg (see PATH)     ended by an empty line
 *   Ran: NAME...    Not run: NAME...    Failures: NAME...
 *   Failed 1 of 27 tests                       or: Passed all 31 tests
 * Old ones write a tab for blanks. Kernel messages, terminal sequences and the chatter of tools may
 * stand between; a text may be cut anywhere.
 *
 * It is progress, not the verdict: a test is root and can write here what it likes. What does not
 * fit the given order is a FSTESTS_DISCREPANCY, and a test that has one did not pass, whatever
 * else was said of it (fstests_results.h holds to that).
 * Source: check (run_section, _wrapup, _stash_test_status), common/rc, of 2016 to 2026. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct fstests_check;

#define FSTESTS_LINE_MAX        (256u << 10) /* the rest of a longer line is dropped */
#define FSTESTS_DISCREPANCY_MAX 1000         /* events; the last says that more are not told */

enum fstests_event_kind {
	FSTESTS_SECTION,      /* begins; `section` "" without sections; the order starts again */
	FSTESTS_BEGIN,        /* `test` is under way */
	FSTESTS_CAUSE,        /* a reason of a failure: `cause`, `text` */
	FSTESTS_END,          /* `outcome`; `text` the reason of NOTRUN; `seconds` of PASS */
	FSTESTS_LOOPED,       /* -L is done with `test`: `text` "fail=3 (75.0%), pass=1 (25.0%)" */
	FSTESTS_UNKNOWN_TEST, /* check knows no `test`, and will not run it */
	FSTESTS_SUMMARY,      /* the section's end: n_failed of n_ran; interrupted */
	FSTESTS_DISCREPANCY,  /* `text` says what does not fit; `test` whom it concerns, or "" */
};

enum fstests_outcome {
	FSTESTS_PASS,
	FSTESTS_NOTRUN,
	FSTESTS_EXPUNGED,
	FSTESTS_FAIL,
	FSTESTS_NO_RESULT, /* the output ended, or went on with another test */
};

enum fstests_cause {
	FSTESTS_CAUSE_EXIT,   /* its exit status was not 0 */
	FSTESTS_CAUSE_CORE,   /* something dumped core */
	FSTESTS_CAUSE_OUTPUT, /* its output is not the golden one */
	FSTESTS_CAUSE_GOLDEN, /* there is no golden output */
	FSTESTS_CAUSE_DMESG,  /* a kernel message */
	FSTESTS_CAUSE_KMEMLEAK,
	FSTESTS_CAUSE_FSCK, /* a filesystem was left inconsistent */
	FSTESTS_CAUSE_OTHER,
};

/* All text is borrowed for the call, one line, without control characters, never NULL. */
struct fstests_event {
	enum fstests_event_kind kind;
	const char *section;
	const char *test;
	unsigned attempt; /* from 1; more with loops */
	enum fstests_outcome outcome;
	enum fstests_cause cause;
	const char *text;
	uint64_t seconds;
	uint64_t n_failed, n_ran;
	bool interrupted;
};

struct fstests_check_spec {
	/* In which order check was told to run them, NULL-terminated, copied; NULL: not known,
	 * each name is believed. */
	const char *const *order;
	unsigned loops; /* check -L */
	void (*on_event)(void *ctx, const struct fstests_event *ev);
	void *ctx;
};

struct fstests_check *fstests_check_new(const struct fstests_check_spec *spec);
/* Bytes of its standard output, cut anywhere. */
void fstests_check_add(struct fstests_check *c, const void *p, size_t n);
/* The output is over: a test under way ends with NO_RESULT. Once. */
void fstests_check_end(struct fstests_check *c);
/* Its name while a test is under way, else NULL. Borrowed until the next call. */
const char *fstests_check_under_way(const struct fstests_check *c);
void fstests_check_free(struct fstests_check *c);
static inline void fstests_check_freep(struct fstests_check **c)
{
	fstests_check_free(*c);
}
#define auto_fstests_check __attribute__((cleanup(fstests_check_freep)))

const char *fstests_outcome_name(enum fstests_outcome o); /* "pass", "not run" ... */
const char *fstests_cause_name(enum fstests_cause c);     /* "output", "dmesg" ... */
