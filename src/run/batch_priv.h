/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch_priv.h: the batch as its own files see it: batch.c goes from one thing to the next,
 * boot.c has the target, stage.c runs and judges one stage, subtest.c what fsqa-test announces and
 * the kernel says, shell.c has the one command of `fsqa exec`. */
#pragma once
#include "base/strv.h"
#include "run/batch.h"
#include "run/job.h"
#include "run/splat.h"
#include "run/trial.h"
#include "suite/suite.h"
#include "target/target.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
struct err;
struct outbox;
struct recording;
struct salvage;
struct session;
struct session_job;
struct session_kmsg;
struct spool_log;

#define BATCH_COLS     100
#define BATCH_ROWS     30
#define BATCH_SUBTESTS 16    /* under way at once */
#define BATCH_FAULTS   10000 /* that are put down; a target asks for as many as it likes */

enum batch_state {
	BATCH_BOOTING,
	BATCH_CONTROL, /* boots the known-good kernel, for the one under test did not come up */
	BATCH_BETWEEN, /* up, no stage runs */
	BATCH_STAGE,
	BATCH_JUDGING,   /* the stage's command is over, the kernel's log is being caught up with */
	BATCH_RESETTING, /* the stage has its machine rebooted: it goes down, */
	BATCH_REBOOTING, /* and comes up again */
	BATCH_SHELL,
	BATCH_RENEWING, /* the target goes, for each stage has its own */
	BATCH_ENDING,   /* the target was asked to go */
	BATCH_KEPT,     /* all is told, but the target is left to who attaches to it */
	BATCH_OVER,
};

struct subtest {
	bool used;
	bool durable;     /* its start was acknowledged, and so it runs */
	unsigned unacked; /* starts in this place that are not durable yet; the last is its own */
	bool died;        /* its fsqa-test did; the stage's end says why */
	bool ended;       /* as `end` and `reason` say; its disks are being healed */
	enum verdict end;
	char *reason;    /* NULL: none */
	json_t *said;    /* of one that is listed: members for its record, or NULL */
	uint32_t stream; /* of its fsqa-test; SUBTEST_LISTED: the suite announced it */
	uint32_t waits;  /* of one that is listed: the fsqa-test that it waits by; 0: none */
	bool ready;      /* of one that is listed: its disks are as they are to be */
	bool asked;      /* of one that is listed: its suite's program asked whether it may begin */
	bool unbegun;    /* of one that is listed: that program ended before it asked */
	struct batch *batch;
	struct trial trial;
};

#define SUBTEST_LISTED UINT32_MAX

/* How the subtests of a stage ended. */
struct subtest_counts {
	unsigned failed, errors, passed;
	char failed_names[200];
};

/* Tests of a suite that lists them, which outlive the machine that one of them takes down. */
struct listed {
	const char **left; /* never ended; names are the job's. NULL-terminated */
	size_t n_left, n_at_start;
	const struct job_stage *stage; /* whose they are */
	struct subtest_counts counts;  /* of those that ended in earlier machines */
	char lost_at[TRIAL_PATH]; /* tried again: the infrastructure broke, or it had not begun */
	bool stuck;               /* the last try ended without a test that ended */
	bool imaging;             /* images are made before the next test begins */
};

/* What was done to a scratch disk on purpose (disk_faults.h). */
struct disk_fault {
	bool active;
	uint32_t owner;   /* the subtest's stream; 0: the stage */
	unsigned waiting; /* for the target's answer */
};

/* A stage while it runs. */
struct stage_run {
	struct suite_task *task;
	struct suite_spec spec;
	struct suite_result result;
	bool over; /* result is there */
	struct recording *cast;
	struct spool_log *log;
	uint64_t cast_start_us;
	char *dir;
	int logs_fd;
	struct subtest_counts counts;
	unsigned uncollected; /* files of its logs */
	json_t *collected;    /* an object whose members are paths: files that were */
	struct strv declared; /* logs that it announced */
	/* Reboots that it asked for: */
	unsigned reboots;
	struct strv env;     /* the job's, and the mark */
	uint64_t entered_us; /* when its command was started last */
	uint64_t spent_us;   /* by its commands before that */
	/* Evidence after death: */
	int salvage_fd;
	struct strv salvage_paths;
	unsigned salvaged;
};

struct batch {
	uv_loop_t *loop;
	const struct job *job;
	struct target_spec spec; /* the job's target, under TCG once KVM broke */
	bool used;               /* a stage ran in this target */
	bool renew;              /* and may have spoilt it: the next one has a fresh target */
	bool waits;              /* between stages, until all is sent */
	char *kvm_broke;         /* how, or NULL */
	struct outbox *out;
	const struct batch_handler *h;
	void *ctx;
	enum batch_state state;
	struct target *target;
	struct session *session;
	struct salvage *salvage; /* reads the lost machine's disk */
	uv_timer_t watchdog;
	uv_timer_t stuck; /* runs from the kernel's word that a task or CPU hangs, while nothing
			     goes on */
	struct splat console_splat, kernel_splat; /* of the stage, or the boot */
	int boots;
	size_t next_stage;
	enum verdict *verdicts; /* by stage; VERDICT_COUNT: none yet */
	json_t *tally;
	unsigned n_events;
	struct trial boot;
	bool control_up;
	bool sizing, sized; /* the clone is asked whether it sees its disks' sizes; it does */
	char boot_why[300]; /* how the kernel under test ended, while the control is tried */
	struct trial trial; /* of the stage */
	struct stage_run stage;
	struct listed listed;
	struct subtest subtests[BATCH_SUBTESTS];
	struct disk_fault disk_faults[JOB_MAX_DISKS]; /* of each */
	unsigned n_faults;
	struct recording *console_cast;
	struct spool_log *console_log, *kernel_log;
	uint64_t start_us;
	struct session_job *shell_job;
	size_t shell_copy; /* which put, or get, of the job's is under way */
	int shell_dirfd;   /* where a get's files go; -1: none */
	int shell_code;
	char release[80];
	bool stopping;
	char *keep_at;   /* the test whose failure the target is to be kept for, or NULL */
	bool stage_lost; /* the session ended in the stage */
	bool hung;       /* given up: what its agent still says does not count */
	bool held;       /* it hangs or panicked, and is kept as it is: it has no session */
	struct spool_log *kept_log;
	char overdue_why[160];
	const char *stop_why;
	char error[300];
	char wrong[300]; /* it runs another kernel than was asked for, and which; empty: not */
	char end_detail[300];
	enum target_end end;
	int stop_calls;
};

/* ---- batch.c ---- */
/* Writing the record of a test failed: without it a verdict has no evidence, so stop. */
void batch_spool_failed(struct batch *b, const struct err *e);
/* Call `cb` when `us` have passed without another batch_watch or batch_unwatch. */
void batch_watch(struct batch *b, uint64_t us, uv_timer_cb cb);
void batch_unwatch(struct batch *b);
/* When `us` have passed without another batch_watch or batch_unwatch the target hangs, and is
 * looked at and ended. `why` is told (copied). */
void batch_deadline(struct batch *b, uint64_t us, const char *why);
/* The kernel said something, which may be that a task or CPU hangs: if so, and nothing of the stage
 * is seen for vm.hangTimeout, it is over. */
void batch_kernel_said(struct batch *b, const struct splat *s);
/* The stage goes on, as far as can be seen. */
void batch_goes_on(struct batch *b);
/* The better account of what the kernel said. */
const struct splat *batch_splat(const struct batch *b);
void batch_note(struct batch *b, const char *level, const char *text);
/* Between stages: the next that can run, or the end. */
void batch_go_on(struct batch *b);
/* A stage has begun and its verdict is open. */
bool batch_in_stage(const struct batch *b);
/* Whether the end of the target is the host's doing, not the kernel's. */
bool batch_end_is_infra(const struct batch *b);

/* Infrastructure broke: the first error is the one that is told. */
void batch_error(struct batch *b, const char *text);
/* For the display only. */
void batch_status(struct batch *b, const char *phase, const char *what);
/* The stages not run yet are MISS. */
void batch_miss_the_rest(struct batch *b, const char *why);
/* There is no target any more and there will be none: tell all, and the end. */
void batch_over(struct batch *b);

/* Have the target power itself off; with its end the batch is over. */
void batch_ask_shutdown(struct batch *b);

/* ---- shell.c ---- */
/* The one command of a job that has no stages, with what is put before it and fetched after it. */
void shell_start(struct batch *b);

/* ---- boot.c ---- */
/* A fresh target; once it is up, batch_go_on. */
void boot_start(struct batch *b);

/* The target is gone, and its evidence is had. */
void boot_after_end(struct batch *b);

/* ---- evidence.c ---- */
/* The machine was lost under a stage: fetch its logs from the disk it left; then boot_after_end.
 * False: there is nothing to fetch, or no way. */
bool evidence_salvage(struct batch *b);

/* ---- stage.c ---- */
/* For suite_handler and salvage_spec. */
void stage_skipped(void *ctx, const char *name, const char *why);
void stage_start(struct batch *b, const struct job_stage *s);
/* The session is gone, and b->end says why. */
void stage_target_ended(struct batch *b);
/* The stage asked for a reboot by fsqa-test's `stream`: grant it. */
void stage_reboot(struct batch *b, uint32_t stream, const char *mark);
/* The machine is up again: start the stage's command again. */
void stage_again(struct batch *b);
/* A stage that does not run at all: its two records. */
void stage_not_run(struct batch *b, const struct job_stage *s, enum verdict v, const char *why);
/* The two records of a test of that stage that does not run. */
void stage_test_not_run(struct batch *b, const struct job_stage *s, const char *test,
	enum verdict v, const char *why);
/* "script.010_pass"; the caller's. */
char *stage_path(const struct job_stage *s);

/* A collected file at `full` is the stage's, or that of the test it belongs to. */
void stage_artifact(struct batch *b, const char *path, const char *full, bool cut);

/* ---- listed.c ---- */
/* For suite_handler. */
void listed_event(void *ctx, const struct suite_test *t);
/* The stage starts, for the first time or again. */
void listed_begin(struct batch *b, const struct job_stage *s);
/* For suite_spec; NULL: its suite does not list them. */
const char *const *listed_left(const struct batch *b);
/* The test of this path begins now: nothing of the one before is done any more. */
void listed_begins(struct batch *b, const char *test);
/* A test ended. Whether it is tried again, once: where the infrastructure broke under it, or it had
 * not begun (`unbegun`, as in struct subtest). */
bool listed_ended(struct batch *b, const struct trial *t, enum verdict v, bool unbegun);
/* The stage's try is over: whether it is to go on with those that are left. Else they are MISS. */
bool listed_goes_on(struct batch *b);
/* The stage does not run: none of its tests does. */
void listed_not_run(struct batch *b, const struct job_stage *s, enum verdict v, const char *why);
/* The path of the test that a collected file belongs to, or NULL; the caller's. */
char *listed_owner(const struct batch *b, const struct job_stage *s, const char *path);
void listed_clear(struct batch *b);

/* ---- subtest.c ---- */
/* The suite announces a test; it ended. */
void subtest_begin_listed(struct batch *b, const char *name);
void subtest_end_listed(struct batch *b, const struct suite_test *t);
void subtest_event(struct batch *b, uint32_t stream, const json_t *event);
void subtest_end_open(struct batch *b, enum verdict v, const char *reason);
void subtest_clear_all(struct batch *b);
/* The kernel's message, to the log and to whom it concerns. */
void subtest_kernel(struct batch *b, const struct session_kmsg *k);
