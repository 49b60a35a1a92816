/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repro.h: how to run one test of a run once more: its own command line, narrowed to that test, on
 * the kernel that it ran on, with or without the tests that ran before it in the same machine. */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
struct buf;
struct err;
struct run_attempt;
struct run_info;

/* Zero to begin; repro_clear. */
struct repro {
	const struct run_info *run;        /* borrowed */
	const struct run_attempt *attempt; /* the last that failed, else the last; the run's */
	bool listed;                       /* of a suite that lists its tests: fstests */
	char *section;                     /* "zstd"; of scripts the stage */
	char *name;                        /* "generic/001"; of scripts "" */
	struct strv before; /* names of those that ran before it in its machine, in order */
	struct strv words;  /* "fsqa" "run" ..., without which tests */
	struct strv doubts; /* why it may not be the same, one line each */
};

/* `test`: its path, the end of one ("generic.001"), or its name ("generic/001"). -ENOENT with the
 * nearest, -ENOTUNIQ with two of them; -ENODATA: the run's record has no command. */
int repro_find(const struct run_info *r, const char *test, struct repro *ret, struct err *e);
void repro_clear(struct repro *p);
#define auto_repro __attribute__((cleanup(repro_clear)))

/* Append the argv that runs it behind `before` (NULL-terminated; NULL: alone). */
void repro_argv(const struct repro *p, const char *const *before, struct strv *argv);
/* Append the recipe for somebody without fsqa, a script of sh with comments. */
void repro_plain(const struct repro *p, const char *const *before, struct buf *out);
