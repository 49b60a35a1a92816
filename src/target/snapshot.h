/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h: a machine saved once it is up, and others made of it in a third of a second. What is
 * saved lies in one folder, and is never written again:
 *   ram              the guest's memory, sparse; a clone maps it copy-on-write
 *   device           the state of QEMU's devices, its migration stream without memory
 *   fsqa-state.img   the state disk as it was then; a clone gets a copy
 * QEMU of the same version and command line, and the same processor, must read it. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
struct agent_wake;
struct err;
struct qmp;
struct target_spec;

#define SNAPSHOT_RAM    "ram"
#define SNAPSHOT_DEVICE "device"

/* The monitor's part, one command after the other. Zero to begin. */
struct snapshot {
	struct qmp *qmp;       /* borrowed; ready */
	int fd;                /* snapshot_device's, borrowed until on_done */
	const json_t *resizes; /* snapshot_resizes', borrowed until on_done; NULL: none */
	/* Once. code 0: saved, or loaded and stopped before its first instruction. */
	void (*on_done)(void *ctx, const struct err *why);
	void *ctx;
	bool loading;
	unsigned next; /* command */
	size_t resized;
	bool over;
};

/* The guest is frozen: stop it and have QEMU write its devices to fd. */
void snapshot_save(struct snapshot *s);
/* Read them from there, in a QEMU that was started for it. */
void snapshot_load(struct snapshot *s);
/* An event of the monitor's. True: it is a part of this. */
bool snapshot_event(struct snapshot *s, const char *name, const json_t *data);

/* The device file, to be written (save_to) or read (clone_of): a descriptor, the caller's. */
int snapshot_device(const struct target_spec *spec, struct err *e);
/* The clone's own state disk. */
int snapshot_state_disk(const struct target_spec *spec, struct err *e);
/* The arguments of block_resize of each disk whose size is not the saved machine's, a new
 * reference. The guest is told, and takes it in on its own time once it runs. */
json_t *snapshot_resizes(const struct target_spec *spec);
/* What a clone does not share: drawn anew each time. */
int snapshot_identity(const char *hostname, struct agent_wake *ret, struct err *e);
