/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal.h: one run's journal, for the store's own files. Format: docs/formats/journal.md.
 *   {"seq":1,"wall_us":...,"at_us":0,"type":"run",...,"crc":"9a0b1c2d"}\n
 * The writer holds an exclusive flock on the file as long as it lives. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define JOURNAL_LINE_MAX (1u << 20) /* with its newline */

struct journal {
	int fd;
	char *path;
	uint64_t end;      /* bytes of whole lines; what lies behind is no record */
	uint64_t seq;      /* of the last record */
	uint64_t start_us; /* monotonic clock where at_us is 0 */
	bool dirty;        /* has lines that were not synced */
	bool torn;         /* bytes behind `end` still have to be cut off */
	bool over;         /* run_end was written */
	int failed;        /* a sync failed with this: nothing more is trusted to it */
};

/* Append one record; not synced. On failure the journal has only whole lines, or `torn` is set
 * and the next append cuts first. -EINVAL: unknown type, a member missing, of the wrong type or
 * reserved; -EMSGSIZE: longer than a line may be; else what writing failed with. */
int journal_append(struct journal *j, const char *type, const json_t *fields, struct err *e);
/* All that was appended is on disk. A failure is for good: what the kernel dropped is gone. */
int journal_sync(struct journal *j, struct err *e);
void journal_clear(struct journal *j);

struct journal_scan {
	uint64_t end; /* bytes of the lines that are trusted */
	uint64_t seq;
	uint64_t at_us;   /* of the last record, the highest seen */
	char damage[320]; /* "" or "line 12: checksum" */
};
/* Read `fd` from its start, line by line, calling each() with every record that is trusted
 * (borrowed); what each() refuses (an error other than 0) counts as damage with e's message.
 * Damage ends the scan and is told in *s, it is no error; a last line without newline is
 * dropped silently. 0, or what reading failed with. */
int journal_scan(int fd, int (*each)(void *ctx, const json_t *rec, struct err *e), void *ctx,
	struct journal_scan *s, struct err *e);
/* Whether the record has what its type needs. Unknown types are fine. -EINVAL. */
int journal_record_check(const json_t *rec, struct err *e);

/* The journal's lock, in a descriptor of it, where its writer is gone: -EWOULDBLOCK where it lives,
 * -ENOENT ... */
int journal_lock_dead(const char *path);
/* Whether the last line is a run_end with a good checksum: a quick look, so that a start need
 * not read every journal. False may only mean that the long way is needed. */
bool journal_has_ended(int fd);
