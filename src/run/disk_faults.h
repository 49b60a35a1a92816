/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_faults.h: faults of scratch disks that a target asks for by fsqa-disk: each is checked,
 * done by the target, put down in the journal as the running test's, and healed at that test's end.
 * The profile's own faults are done before the test starts, and again where they hold for a stage
 * and a subtest's end healed its disk. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct batch;
struct trial;

/* Answered with session_event_ack when it is done. */
void disk_fault_event(struct batch *b, uint32_t stream, const json_t *event);
/* Heal what the test of this stream asked for; 0: what anybody did. False: there is nothing.
 * Else `done` comes once, when the disks are back in the guest with their names and its kernel's
 * messages up to then were heard, or it cannot be. */
bool disk_faults_heal(
	struct batch *b, uint32_t owner, void (*done)(struct batch *b, uint32_t owner));
/* What the profile declares for the test of this stream, 0: the stage. False: nothing. Else `done`
 * comes once, `why` NULL when it is done. */
bool disk_faults_declared(struct batch *b, uint32_t owner,
	void (*done)(struct batch *b, uint32_t owner, const char *why));
/* Kernel messages that the profile declares: a stage's are its subtests', too. */
void disk_faults_expect(struct batch *b, struct trial *t);
/* The target is another one. */
void disk_faults_forget(struct batch *b);
