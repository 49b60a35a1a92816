/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_results.h: one verdict for each wanted test of one section of one run of check, from
 * two witnesses: what check printed (fstests_check.h), and the folder it left:
 *   ended                    "NAME SECONDS" of each that passed, "NAME -" of the others, as check
 *                            had it when the next began (fstests_hook.h)
 *   check.time               the same of those that passed; only once the section is over
 *   result.xml               each test that ended, where that was asked for; result.xml.new, where
 *                            the machine went down before that got its name
 *   check.log                "Ran:", "Not run:", "Failures:"; the same
 *   DIR/NNN.out.bad .notrun .dmesg .full .hints
 *   DIR/NNN.golden           beside an .out.bad: what was expected; fsqa's own
 * A pass needs both: check printed it, and result.xml (where there is none: one of the times, with
 * the same seconds) says it, and nothing says another thing. A failure needs one. What disagrees or
 * is missing is MISS, and the reasons say what. The caller, who knows how the machine ended, may
 * call FSTESTS_CUT otherwise: of a host that was lost, MISS. Feed the events, read the folder, then
 * judge. */
#pragma once
#include "suite/fstests_check.h"
#include "suite/verdict.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct buf;
struct err;
struct fstests_case;
struct fstests_results;
struct fstests_xunit;

#define FSTESTS_GOLDEN      ".golden"
#define FSTESTS_ENDED_FILE  "ended"
#define FSTESTS_REASONS_MAX 32          /* of a verdict; more are dropped */
#define FSTESTS_OUTPUT_MAX  (1u << 20)  /* bytes of golden and .out.bad that are compared */
#define FSTESTS_LOG_MAX     (64u << 20) /* bytes at the end of check.log and of the times */

/* How far a test came. */
enum fstests_reach {
	FSTESTS_ENDED,       /* check said how it ended */
	FSTESTS_NEVER_BEGAN, /* to be run again */
	FSTESTS_CUT,         /* it was under way when the output ended: FAIL */
	FSTESTS_UNKNOWN,     /* check knows no such test */
};

struct fstests_reason {
	enum fstests_cause cause; /* OTHER: not of check's own */
	char *text;               /* one line */
};

/* Sizes in bytes of the files it left; 0: none. */
struct fstests_files {
	uint64_t out_bad, notrun, dmesg, full, hints, core;
};

struct fstests_verdict {
	const char *test;
	enum verdict verdict;
	enum fstests_reach reach;
	const struct fstests_reason *reasons; /* in order; at least one, but of a PASS */
	size_t n_reasons;
	uint64_t seconds;          /* of a PASS, or as result.xml says; 0: not known */
	unsigned n_runs, n_failed; /* with check -L, more than one */
	struct fstests_files files;
};

/* Borrowed for the call. */
struct fstests_wanted {
	const char *name;
	bool expunged; /* check is told to leave it out */
};

/* `section` "" without sections; a name that is there twice counts once. */
struct fstests_results *fstests_results_new(
	const struct fstests_wanted *wanted, size_t n, const char *section);
/* An event of fstests_check; those of other sections are passed over. */
void fstests_results_event(struct fstests_results *r, const struct fstests_event *ev);
/* What reads result.xml: fstests_xunit_read, or fstests_xunit_read_apart. */
typedef int fstests_xunit_reader(int fd, void (*on_case)(void *ctx, const struct fstests_case *c),
	void *ctx, struct fstests_xunit *ret, struct err *e);
/* Read the section's folder (descriptor, borrowed), once, after the events. Files are opened
 * beneath it, no link is followed. What is broken in them becomes reasons, not an error: a
 * result.xml that is not well-formed proves no pass. -errno: the folder itself cannot be read. */
int fstests_results_read(
	struct fstests_results *r, int dirfd, fstests_xunit_reader *xunit, struct err *e);
/* Make the verdicts. */
void fstests_results_judge(struct fstests_results *r);
/* After it: how many (each name of `wanted` once, in that order), and the i-th; text is borrowed
 * until fstests_results_free. */
size_t fstests_results_count(const struct fstests_results *r);
void fstests_results_verdict(
	const struct fstests_results *r, size_t i, struct fstests_verdict *ret);
/* What was wrong with the folder as a whole ("result.xml:3: ..."); "": nothing. Borrowed. */
const char *fstests_results_fault(const struct fstests_results *r);

/* Append how a test's .out.bad differs from the golden output at `golden` (a path on the host),
 * unified, at most `max` bytes. *ret_cut: there is more. -ENOENT: one of them is not there. */
int fstests_results_diff(int dirfd, const char *test, const char *golden, size_t max,
	struct buf *out, bool *ret_cut, struct err *e);

void fstests_results_free(struct fstests_results *r);
static inline void fstests_results_freep(struct fstests_results **r)
{
	fstests_results_free(*r);
}
#define auto_fstests_results __attribute__((cleanup(fstests_results_freep)))
