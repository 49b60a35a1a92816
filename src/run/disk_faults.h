/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_faults.h: faults of scratch disks that a target asks for by fsqa-disk: each is checked,
 * done by the target, put down in the journal as the running test's, and healed at that test's end.
 *   {"event":"disk","action":"unplug|plug|error|slow|heal","disk":"xvdb","test":NAME,
 *    "expect":["regex",...],                  kernel messages that follow from it
 *    "surprise":true,                         unplug
 *    "read":true,"write":true,"flush":true,"sector":8,"sectors":1,"count":1,"every":1,   error
 *    "bytes":1048576,"requests":100}          slow, each second
 * Members but event, action and disk may be absent. `test` is the subtest in which it runs. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct batch;
struct buf;
struct err;
struct target_fault;

/* Answered with session_event_ack when it is done. */
void disk_fault_event(struct batch *b, uint32_t stream, const json_t *event);
/* Heal what the test of this stream asked for; 0: what anybody did. False: there is nothing.
 * Else `done` comes once, when the disks are back in the guest with their names and its kernel's
 * messages up to then were heard, or it cannot be. */
bool disk_faults_heal(
	struct batch *b, uint32_t owner, void (*done)(struct batch *b, uint32_t owner));
/* The target is another one. */
void disk_faults_forget(struct batch *b);

/* -EINVAL: what the event says makes no fault. The disk's name is borrowed from it. */
int disk_fault_parse(const json_t *event, struct target_fault *ret, struct err *e);
/* "xvdb: reads fail at sectors 8-15, once". */
void disk_fault_text(const struct target_fault *f, struct buf *out);
