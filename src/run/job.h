/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.h: the JOB of run/protocol.h as the worker uses it: parsed and checked once. Strings are
 * borrowed from the JSON, which it keeps. */
#pragma once
#include "run/proof.h"
#include "suite/suite.h"
#include "target/target.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define JOB_MAX_STAGES 1000
#define JOB_MAX_DISKS  64
#define JOB_MAX_SHARES 16

struct job_stage {
	const struct suite *suite;
	const char *name;
	const char *script; /* of suite_script */
	uint64_t timeout_us;
	/* Of suites that list their tests, else NULL: */
	const char **tests;        /* NULL-terminated */
	const char *tree, *config; /* NULL: it has none */
	uint64_t test_timeout_us;  /* of each */
	bool own_report;           /* as suite_spec has them */
	unsigned loops;
	const json_t *timeouts;   /* an object: of those that have their own, or NULL */
	struct suite_need *needs; /* as suite_spec has them */
	const json_t *provokes;   /* of the kernel: patterns, or NULL */
	struct suite_file *files; /* the job's, and its own behind them */
	size_t n_files;
	const char **requires; /* NULL-terminated */
	const char **logs;     /* NULL-terminated */
};

struct job_copy {
	const char *from, *to;
};

/* What the profile declares for a stage, or for the tests that a glob names. */
struct job_faults {
	const char *stage, *test;      /* one of them */
	const json_t *faults, *expect; /* of events (disk_fault.h), and of regular expressions */
};

struct job {
	json_t *json;
	const char *work_dir;
	struct target_spec target;
	struct proof proof; /* of the target's kernel */
	struct target_disk disks[JOB_MAX_DISKS];
	struct target_share shares[JOB_MAX_SHARES];
	bool isolate;     /* each stage in a target of its own */
	bool may_emulate; /* when KVM breaks on the guest: it was found, not asked for */
	/* A kernel known to boot, tried where the target's does not; kernel is NULL: there is none.
	 * It may be the target's own. */
	struct job_control {
		const char *kernel, *initramfs, *modules, *load;
		const char *release;
	} control;
	struct job_stage *stages;
	size_t n_stages;
	struct job_faults *faults;
	size_t n_faults;
	const char **env; /* NULL-terminated */
	uint64_t logs_max_bytes;
	uint32_t logs_max_files;
	uint64_t image_max_bytes; /* as suite_spec has it */
	uint64_t record_limit;
	uint64_t hang_timeout_us;     /* without a sign of life after the kernel said that something
					 hangs */
	const char **shell_argv;      /* not NULL: one command on the controller's terminal */
	struct job_copy *put, *fetch; /* to the machine before that command, from it after it */
	size_t n_put, n_fetch;
	bool shell_pty;
	unsigned shell_cols, shell_rows;
	const char *salvage; /* fsqa-salvage; NULL: a dead machine's disk is left alone */
	bool keep;
	/* Not NULL: the machine of the first stage that fails is kept, and this file says so. */
	const char *hold_file;
	uint64_t hold_idle_us;    /* how long, when nobody is attached */
	const char *hold_console; /* what its console says meanwhile goes there */
};

/* Takes one reference of `j` on success. -EINVAL: which member is absent or wrong. */
int job_parse(json_t *j, struct job *ret, struct err *e);
void job_clear(struct job *job);
