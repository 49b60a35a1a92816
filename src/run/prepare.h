/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prepare.h: from a profile and the host to a JOB that a worker can run anywhere: kernel, root
 * image, initramfs, accelerator, disks; each made if it is not there yet. What cannot work is
 * refused here, before anything starts. */
#pragma once
#include "image/image.h"
#include "kernel/kernel.h"
#include "run/made_kernel.h"
#include "target/accel.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
struct config;
struct err;
struct kernel;
struct machine;
struct profile;
struct suite_tree;

/* A file or folder to or from the machine; `to` of one from it is a folder. */
struct prepare_copy {
	const char *from, *to;
};

struct prepare_request {
	const char *state_dir;
	const struct profile *profile;          /* its selected stages are run */
	const char *kernel;                     /* --kernel, or NULL for the profile's */
	struct made_kernel *made;               /* that one, made before (moved); NULL: not yet */
	const char *const *shell_argv;          /* NULL: run the stages; else only this command */
	const struct prepare_copy *put, *fetch; /* before that command and after it */
	size_t n_put, n_fetch;
	bool shell_pty;
	unsigned shell_cols, shell_rows;
	bool no_tree; /* a machine to build it in: without fstests.tree */
	bool keep;    /* the machine of the first test that fails, and the working folder */
};

struct prepared {
	const struct machine *machine;
	bool foreign;            /* of another architecture than the host */
	struct made_kernel made; /* without a kernel there is `run`, and no more to come; */
	struct kernel *kernel;   /* that one, borrowed */
	struct image *image;
	struct accel accel;
	char *initramfs;
	char *salvage; /* the program */
	/* Debian's kernel, tried where the other does not boot; NULL: not to be had. May be the
	 * same kernel. */
	struct kernel *control;
	char *control_initramfs;
	json_t *disks;           /* as in the job's target */
	bool zoned;              /* one of them has zones */
	json_t *faults;          /* as in the job; NULL: no stage runs */
	struct suite_tree *tree; /* NULL: none is asked for */
	json_t *listed;          /* stages of the job (run/suite_stages.h); NULL: none */
	bool network;
	json_t *shares;         /* as in the job's target */
	struct image **folders; /* images of shares, for a kernel without 9p */
	size_t n_folders;
	FILE *snapshot;            /* its manifest, as long as it is used; NULL: none */
	char *load, *control_load; /* modules that the root needs of each, or NULL */
	json_t *job;               /* without work_dir: prepare_place sets it; NULL: not built */
	json_t *run;               /* the journal's first record, without id and command */
	char *note;                /* of a run that goes on: with how much; else NULL */
	int held[3];               /* of one, too: entries of the store that it goes on with */
	unsigned n_held;
};

/* Long work tells `progress` one line at a time. On failure *ret_exit is 2 where the request or
 * the configuration is at fault, 3 where the host is, 1 where the kernel's source does not compile:
 * of a shell; for stages that is no failure, see `made`. */
int prepare(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *ret, int *ret_exit, struct err *e);
/* Set where the worker may write: its spool, and vm/ in it for the target's disks. */
void prepare_place(struct prepared *p, const char *work_dir);
/* The same of one of several jobs that are made of it, whose target may be shared. */
void prepare_place_job(json_t *job, const char *work_dir);
void prepared_clear(struct prepared *p);
/* Whether the root or a share is a folder of the host's, by 9p. */
bool prepared_has_9p(const struct prepared *p);

/* The machine that these settings ask for. -ENOTSUP: vm.arch is none we know. */
int prepare_machine(const struct config *c, const struct machine **ret, struct err *e);
/* What to ask accel_probe with these settings; strings borrowed from both. */
struct accel_query prepare_accel(const char *state_dir, const struct config *c);

/* The root image that these settings ask for; strings borrowed. -ENOTSUP as prepare_machine. */
int prepare_image(const struct config *c, struct image_spec *ret, struct err *e);

/* The root that these settings ask for, made if it is not there. *ret_exit as prepare's. */
int prepare_root(const char *state_dir, const struct config *c, image_progress *progress, void *ctx,
	struct image **ret, int *ret_exit, struct err *e);

/* The kernel that q->kernel and the profile's settings name, made if it is not there. *ret_exit as
 * prepare's, or 1: its source does not compile. *ret is all zero before, and the caller's whatever
 * is returned. */
int prepare_kernel(const struct prepare_request *q, kernel_progress *progress, void *ctx,
	struct made_kernel *ret, int *ret_exit, struct err *e);

/* Whether the host has vm.memory to give. -ENOMEM with both figures and a setting that fits. */
int prepare_check_memory(const struct config *c, struct err *e);
