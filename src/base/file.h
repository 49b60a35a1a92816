/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h: whole small files, durable replacement, paths beneath one directory, locks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
struct buf;
struct err;
struct stat;
struct strv;

/* "a/b" with exactly one slash between; the caller's. */
char *path_join(const char *dir, const char *name);
/* The part behind the last slash, borrowed. */
const char *path_base(const char *path);

/* Read a whole file into `out` (appended). -EFBIG: larger than `limit` bytes. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *e);
/* Write all n bytes, however often write(2) stops short. */
int fd_write_all(int fd, const void *p, size_t n, struct err *e);
/* Replace `path` as one act, durably: temporary file beside it, fsync, rename, fsync of the
 * folder. On failure the old content stands and the temporary file is gone. */
int file_replace(const char *path, const void *p, size_t n, mode_t mode, struct err *e);
/* fsync the folder that holds `path`. */
int file_sync_parent(const char *path, struct err *e);
/* mkdir -p */
int file_mkdirs(const char *path, mode_t mode, struct err *e);
/* Append the names in a folder but those with a dot before them, all then in byte order. */
int file_names(const char *dir, struct strv *names, struct err *e);
/* Copy a file's bytes, keeping holes (SEEK_DATA) and sharing extents where the filesystem can. */
int file_copy(const char *from, const char *to, mode_t mode, struct err *e);
/* Remove a file or a folder with all below it, never following a link. Absent is success. */
int file_remove_tree(const char *path, struct err *e);
/* Open beneath `dirfd` (openat2: no "..", no absolute path, no link leads outside, no magic
 * link). Returns a descriptor or -errno. */
int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode, struct err *e);
/* Whether `name` may be one component of a path that a guest named: not empty, not "." or
 * "..", no slash, at most 255 bytes. */
bool file_name_is_safe(const char *name, size_t len);
/* When it was last written, as clock_wall_us has the time. */
int64_t file_mtime_us(const struct stat *st);
/* Free bytes for us on the filesystem that holds `path`. */
int file_free_bytes(const char *path, uint64_t *ret, struct err *e);

/* Take an exclusive lock on `path` (made if absent) and return its descriptor, or -errno.
 * wait_us 0: do not wait, -EWOULDBLOCK when another holds it, whose pid the message names.
 * The kernel drops the lock when the holder dies, so there is no stale lock to clean. */
int file_lock(const char *path, uint64_t wait_us, struct err *e);
/* The same, shared: by any number at once, but beside none that is exclusive, whose end it waits
 * for. */
int file_lock_shared(const char *path, struct err *e);
/* Who took that lock last, alone, as the file says; 0: it does not. One that ended may have left it
 * to what it started. */
pid_t file_lock_holder(const char *path);
/* Whether somebody holds such a lock on `path`. Two who only look do not take each other for its
 * holder. */
bool file_is_locked(const char *path);
