/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept.h: machines that outlive their run (fsqa run --keep), one file each: STATE/kept/<id>. The
 * worker that owns the machine holds its lock, and so says that it lives:
 *   {"pid": 4711, "test": "script.012_exit3", "since_us": ..., "until_us": ...}
 * in Unix time; until_us 0: somebody is attached. Blanks fill it up, so that it is written as one.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>
struct err;

struct kept {
	pid_t pid; /* of the worker; it ends with its machine when it gets TERM */
	char test[300];
	int64_t since_us, until_us;
};

/* The file's path; the caller's. */
char *kept_path(const char *state_dir, const char *id);
/* Make and lock it: a descriptor to hold as long as the machine lives, or -errno. */
int kept_lock(const char *path, struct err *e);
/* Say it anew, to a descriptor of kept_lock. */
int kept_write(int fd, const struct kept *k, struct err *e);
/* 0: *ret is filled and its worker lives. -ENOENT: there is none, or no more. */
int kept_read(const char *path, struct kept *ret);
/* Remove what is left of machines whose worker was killed, and their runs' working folders. */
void kept_sweep(const char *state_dir);
