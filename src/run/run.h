/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.h: one execution of a profile's plan, from interrupted runs of before to the last record
 * and the index. Pages are made by who calls (site/ is below run/). */
#pragma once
#include "run/controller.h"
#include "run/prepare.h"
#include <jansson.h>
#include <stdbool.h>
struct err;
struct order;

struct run_request {
	struct prepare_request prepare;
	const char *resume;        /* this run (its id) goes on; NULL: a new one */
	const struct order *order; /* of tests of sections; NULL: the suite's own */
	const char *baseline;      /* the run that this one is to be compared with; NULL: none */
	const char
		*group; /* the first of the runs that are made together; NULL: it is that itself */
	const char *variant; /* what the kernel is built with beside the profile's; NULL: nothing */
	const char *command; /* as the user typed it, for the record and to reproduce */
};

struct run_observer {
	/* Preparation: one line of text. */
	void (*on_progress)(void *ctx, const char *text);
	/* An earlier run was found interrupted and finished. */
	void (*on_recovered)(void *ctx, const char *id, const char *what);
	/* The run exists: its id, and its first record (borrowed). */
	void (*on_begin)(void *ctx, const char *id, const json_t *first);
	struct controller_handler controller;
};

struct run_result {
	char id[80]; /* empty: it failed before there was a run */
	char dir[600];
	struct controller_result ended;
	int exit_code; /* 0 1 2 3, 130 */
};

/* *ret is filled also on failure (exit_code 2 or 3, and the id where there is one). */
int run_execute(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct run_result *ret, struct err *e);

/* The folder of the profile that the run (its id) was of, the caller's, and how many slots it had.
 * -ENOENT ...: it has nothing to go on with. */
int run_resumable(const char *state_dir, const char *id, char **ret_profile, unsigned *ret_slots,
	struct err *e);

/* A folder of its own for a VM that leaves no results (a shell): STATE/shells/<pid>, the caller's
 * path; *ret_lock is held until the caller closes it. Folders whose holder is gone are removed. */
int run_scratch_folder(const char *state_dir, char **ret, int *ret_lock, struct err *e);
