/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ending.h: how a virtual machine ended, from what its witnesses say in whatever order: the first
 * to know decides, a panic outranks them all, and where nobody knew, QEMU died by itself. */
#pragma once
#include "base/buf.h"
#include "proc/proc.h"
#include "target/panic.h"
#include "target/target.h"
#include <jansson.h>

#define ENDING_STDERR 2048 /* bytes kept, of its start and of its end each */
#define ENDING_LINE   120  /* of the console's last line */

/* Zero to begin. */
struct ending {
	bool decided;
	enum target_end end;
	struct buf detail;
	bool running; /* the guest was started */
	bool under_kvm;
	bool panicked; /* by the console or by the panic device */
	struct panic panic;
	char line[ENDING_LINE]; /* that is being written */
	size_t line_len;
	char last_line[ENDING_LINE]; /* the last that was not blank; of the guest's init, if any */
	bool init_spoke;
	struct buf stderr_head, stderr_tail;
};

/* Nothing happens where it was decided before. `detail` is made printable. */
void ending_decide(struct ending *n, enum target_end end, const char *detail);
/* The reason of QMP's SHUTDOWN event: who ended the guest. QEMU's exit code says nothing. */
void ending_shutdown(struct ending *n, const char *reason);
/* QMP's BLOCK_IO_ERROR: one line for people, the caller's; *ret_full: the host has no room left in
 * `dir`, where the disks are. */
char *ending_disk_error(const json_t *data, const char *dir, bool *ret_full);
/* Look for a panic in the console's next bytes. True: it was found in these. */
bool ending_console(struct ending *n, const void *data, size_t len);
/* QEMU's standard error. */
void ending_stderr(struct ending *n, const void *data, size_t len);
/* The first line that QEMU said, without its end; the caller's. Empty: it said nothing. */
char *ending_first_words(const struct ending *n);
/* QEMU is gone (`exit`; NULL: it was never started) and its console was read to the end: decide
 * for good. A guest that ended and never `was_up` tells the console's last line, for nothing else
 * is known of it. */
void ending_finish(struct ending *n, const struct proc_end *exit, bool was_up);
/* The panic's first words, or that there were none; borrowed. */
const char *ending_panic(const struct ending *n);
/* One line for people, borrowed. */
const char *ending_detail(const struct ending *n);
void ending_clear(struct ending *n);
