/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.h: faults of scratch disks, made by QEMU's monitor while the guest runs:
 *   error     a blkdebug node with the rules, put between the device and the disk's node
 *   slow      the throttle of the device's backend
 *   unplug    device_del, and DEVICE_DELETED once the guest has let go; the node stays
 *   plug      device_add
 * One request at a time, in the order in which they came.
 * Source: QEMU's qapi/block-core.json (BlockdevOptionsBlkdebug), qapi/qdev.json,
 * qapi/qom.json (qom-set of a device's drive, from QEMU 7.0 on) */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>
struct err;
struct faults;
struct qmp;
struct target_fault;
struct target_spec;

#define FAULTS_WAITING 128 /* requests at once */

/* Copies of spec what it needs; `qmp` is borrowed until faults_free. NULL is never returned. */
struct faults *faults_new(uv_loop_t *loop, struct qmp *qmp, const struct target_spec *spec);
/* As target_fault (target.h). */
int faults_add(struct faults *x, const struct target_fault *f,
	void (*on_done)(void *ctx, const struct err *why), void *ctx, struct err *e);
/* An event of the monitor's. True: it is a part of this: a disk that is gone, or an error that was
 * injected. */
bool faults_event(struct faults *x, const char *name, const json_t *data);
/* Nobody listens any more: no callback comes, but it goes on. */
void faults_mute(struct faults *x);
/* The target ends: all that wait are answered with -ENOTCONN. */
void faults_end(struct faults *x);
/* No callback comes any more; the memory goes when the loop has run. Call qmp_close right after it.
 * NULL: no-op. */
void faults_free(struct faults *x);

/* The blkdebug node of an error; new reference. For faults.c and its tests. -EINVAL: what the
 * fault asks for is more than it takes, or makes no sense together. */
int faults_rules(const struct target_fault *f, json_t **ret, struct err *e);
