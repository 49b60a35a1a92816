/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite.h: the contract of a kind of tests. Before a run a suite says which tests a profile asks of
 * it, and what they want of the machine: as stages, each a list of tests of one call. In the run it
 * knows sessions, never targets: it gets one that is ready, runs one task through it (a stage of
 * scripts; a list of tests) and says how it ended. What its tests announce by fsqa-test goes past
 * it, to the run, which also watches the kernel's log. How to add one: docs/adding-a-suite.md. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct config;
struct err;
struct session;
struct strv;
struct suite_task;

/* What a profile asks of a suite, before there is a machine. All borrowed. */
struct suite_ask {
	const struct config *config;
	/* [suite "NAME"]: the folders or files that its tests are in, NULL-terminated; where that
	 * was set, for messages; how long one test may take. */
	const char *const *tests;
	const char *origin;
	uint64_t test_timeout_us;
	/* The tree of fstests (run/suite_tree.h): on the host, where its tests are listed from, and
	 * in the target. NULL: none is asked for. */
	const char *tree, *place;
	const char *const *disks; /* scratch disks in the target, NULL-terminated: "/dev/vdb" */
};

/* A file for the target. */
struct suite_file {
	const char *path; /* on the host */
	const char *dest; /* in the target, absolute */
	unsigned mode;
};

/* What its tests want of the target: looked for before they start. */
struct suite_need {
	/* "p:fio" a program, "u:fsgqa" a user, "s:ssh" a service of systemd that is active, "d:2"
	 * so many scratch disks, "n:2" CPUs, "m:512" MiB of memory (of all that the kernel has),
	 * "c:CONFIG_X" an option of the kernel (looked for in its configuration, before a machine
	 * is booted), "-:NAME" known to be missing. */
	const char *what;
	bool hard;        /* without it nothing is started */
	const char *text; /* what to say where it is missing */
};

#define SUITE_IMAGES_US (150u * 1000000) /* images of devices take at most, behind a test */

/* What to run. All borrowed until on_done. */
struct suite_spec {
	const char *name;         /* "002_btrfsprogs" */
	const char *script;       /* on the host; of suites that have one */
	uint64_t timeout_us;      /* from its start in the target */
	uint64_t test_timeout_us; /* of those that list their tests: of one, 0: none */
	/* Of suites that have tests of their own: */
	const char *const *tests; /* in this order, NULL-terminated; those that end go out of it;
				   * NULL: it announces them itself */
	bool resumed;             /* those that an earlier try of the list left */
	const char *tree;         /* in the target: where the suite lies */
	const char *config;       /* text of its own configuration file */
	const struct suite_need *needs; /* NULL, or the last one's `what` is NULL */
	const char *const *env;         /* "NAME=value", NULL-terminated */
	const struct suite_file *files; /* put before it starts */
	size_t n_files;
	const char *const *logs; /* further paths to collect, NULL-terminated, may be NULL */
	int logs_dirfd;          /* where collected files are written */
	uint64_t logs_max_bytes;
	uint32_t logs_max_files;
	uint64_t image_max_bytes; /* of a metadata image after a failure; 0: none are made */
	bool own_report;          /* the report is wanted that the suite itself can write */
	unsigned loops;           /* one that failed is run so many times again */
	unsigned cols, rows;      /* of its terminal */
};

/* How it ended, as typed facts: the run makes the verdict. */
struct suite_result {
	bool started;   /* its command ran at all */
	bool lost;      /* the session ended under it */
	bool stopped;   /* suite_stop was called */
	bool timed_out; /* and was killed for that */
	bool oom;
	bool unfit; /* not started: the target is not as the suite was asked to have it */
	int code;   /* exit code, -1: killed by `signal` or not known */
	int signal;
	bool completed;         /* it went through, as its suite's rules say */
	uint64_t duration_us;   /* of the command alone */
	uint64_t skipped_files; /* of its logs: not fetched (links, limits, odd names) */
	char error[256];        /* why it did not start; or, where it did, did not complete */
};

/* Why one failed, in the words of the suite's own program. */
struct suite_cause {
	const char *kind; /* "exit", "output", "dmesg" ... */
	const char *text;
};

/* One of spec->tests begins, or ended as the suite's own program says. */
struct suite_test {
	const char *name;
	bool again; /* it failed, and begins once more, before its end (spec->loops) */
	bool ended;
	enum verdict verdict;
	bool unsaid;        /* its program ended, or went on, without a word on its end */
	const char *reason; /* may be NULL */
	const char *said; /* how the program calls its end: "pass", "not run"; NULL: it does not */
	uint64_t seconds; /* as the program says, of a pass */
	const struct suite_cause *causes; /* in its order */
	size_t n_causes;
	unsigned n_runs, n_failed; /* with loops; 0: once */
};

/* One test of a call that is over, as the journal has it. */
struct suite_told {
	const char *name;
	const json_t *end; /* its record attempt_end: "said", "causes", "reason", "seconds" */
};

/* A call that is over, with the files that it left. All borrowed. */
struct suite_call {
	const char *stage;
	const char *config; /* as suite_spec has it; NULL: it is not known */
	const char *dir; /* on the host; what witness_wants asked for, as it lay in log_dir/STAGE */
	const struct suite_told *tests;
	size_t n;
	size_t diff_max; /* bytes of a difference */
};

/* What the files say of one of its tests. */
struct suite_seen {
	size_t test;
	enum verdict verdict;
	/* It was under way when the machine or the suite's program went down: the verdict is of
	 * that. */
	bool cut;
	const char *reason;
	const char *diff; /* of what it should have printed and what it did; `diff_n` may be 0 */
	size_t diff_n;
	bool diff_cut;
};
typedef int suite_on_seen(void *ctx, const struct suite_seen *s, struct err *e);

enum suite_phase {
	SUITE_PREPARING,
	SUITE_RUNNING,
	SUITE_COLLECTING,
};

struct suite_handler {
	/* Raw bytes of its terminal. */
	void (*on_output)(void *ctx, const void *data, size_t n);
	/* It enters a phase. RUNNING lasts at most the spec's timeout and the session's grace; the
	 * caller sets limits to the others, and ends the target when they pass. */
	void (*on_phase)(void *ctx, enum suite_phase phase);
	/* A collected file, path beneath logs_dirfd; what was not fetched, and why. */
	void (*on_file)(void *ctx, const char *path, uint64_t size, bool cut);
	void (*on_skipped)(void *ctx, const char *name, const char *why);
	/* At most one test is under way. Something that is no test's, for people: name NULL, and
	 * the reason says it. */
	void (*on_test)(void *ctx, const struct suite_test *t);
	/* Once, last; the task is gone after it. */
	void (*on_done)(void *ctx, const struct suite_result *r);
};

struct suite {
	const char *name; /* first word of its test paths: "script"; letters, digits, _ */

	/* ---- before a run; what it does not have is NULL. Of scripts, which profiles have by
	 * themselves, all is ---- */

	/* Append its stages to the array `all`, none where the profile asks for none:
	 *   suite            its name
	 *   name             of the stage (a section, a folder): letters, digits, _ -
	 *   tests            their names, in order; a '/' in them is a '.' in their paths
	 *   test_timeout_us  of one: without a word on it for so long the target hangs
	 *   timeout_us       of all
	 *   timeout_factor   absent: each has test_timeout_us; else one that passed before has so
	 *                    many times its longest pass (run/test_timeouts.h)
	 *   tree, config     as suite_spec has them; may be absent, as all that follows
	 *   files            [{"path", "dest", "mode"}]: as suite_file
	 *   needs            [{"what", "hard", "text"}]: as suite_need
	 *   provokes         kernel messages that are its tests' purpose: POSIX extended regular
	 *                    expressions (docs/decisions/002)
	 *   requires, logs   as a profile's stages have them
	 * -ENOENT, -EINVAL: what is not there, with the nearest name and where it was asked. */
	int (*stages)(const struct suite_ask *a, json_t *all, struct err *e);
	/* {TEST: [GROUP...]} of all its tests, added to the object `ret`. */
	int (*groups)(const struct suite_ask *a, json_t *ret, struct err *e);
	/* Append what its tests want of a kernel that is built for the profile: fragments of its
	 * configuration, by name or as files (fragments/README.md). */
	void (*fragments)(const struct suite_ask *a, struct strv *ret);
	/* What one test takes that nobody measured; 0: no idea. */
	uint64_t expected_us;
	/* "TEST SECONDS" a line: what it knows itself of the tests of that stage; the caller's, or
	 * NULL. */
	char *(*durations)(const struct suite_ask *a, const char *stage);
	/* What the stage's own configuration adds to the time of each of its tests. */
	uint64_t (*soak_us)(const json_t *stage);

	/* ---- in a run ---- */

	const char *log_dir; /* in the target: collected whatever the end */
	/* Which of its tests a collected file belongs to: the name's begin and length in `path`;
	 * NULL: none. May be NULL. */
	const char *(*test_of)(const char *path, size_t *ret_n);
	/* *ret is set before any callback comes, and on_done may come before this returns. */
	int (*run)(uv_loop_t *loop, struct session *s, const struct suite_spec *spec,
		const struct suite_handler *h, void *ctx, struct suite_task **ret, struct err *e);
	/* Declared by a test while it runs: one more path to collect (copied). */
	void (*collect)(struct suite_task *t, const char *path);
	/* TERM to the command (a second time: KILL), collect what there is, on_done with stopped.
	 */
	void (*stop)(struct suite_task *t);

	/* ---- after a run: a second witness; NULL: there is none ---- */

	/* Of a file of a call, named from its folder STAGE, how many bytes are read at most, 0: it
	 * is not looked at. `test`: whose it is (test_of), or NULL. */
	uint64_t (*witness_wants)(const char *name, const char *test);
	/* What the files say, of each test. Verdicts become worse by it, never better. *ret_fault:
	 * what was wrong with the files themselves, the caller's; else untouched. */
	int (*witness)(const struct suite_call *c, suite_on_seen *on_seen, void *ctx,
		char **ret_fault, struct err *e);
};

/* BTRFSQA's stages: NNN_name scripts with a completion marker. */
extern const struct suite suite_script;
/* fstests: one call of check with a list of tests. */
extern const struct suite suite_fstests;
/* Programs that print TAP, as the kernel's selftests. */
extern const struct suite suite_tap;
/* All, NULL-terminated. */
extern const struct suite *const suites[];
/* By name, NULL: none. */
const struct suite *suite_find(const char *name);
/* That of a test's path, NULL: none ("boot"). */
const struct suite *suite_of(const char *path);
