/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entry.h: one entry of a tree as an ENTRY frame carries it, its extended attributes, and a file's
 * content with its holes. The same for both ends of a PUT and of a GET. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
struct buf;
struct err;

struct entry {
	char kind; /* as struct agent_entry says */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size; /* of a file, in bytes */
	struct timespec mtime;
	const char *path; /* no NUL at their ends */
	size_t path_len;
	const char *target;
	size_t target_len;
	const uint8_t *xattrs; /* as entry_xattrs made them */
	size_t xattrs_len;
};

/* The entry of `kind` with what `st` says: owner, mode, time, and of a file its size. */
struct entry entry_of(char kind, const struct stat *st);
/* Append the payload of an ENTRY. */
void entry_encode(const struct entry *x, struct buf *out);
/* Of what somebody else sent; *ret points into `p`. The path may be anything, also empty. -EPROTO:
 * lengths that do not fit, a kind that there is not. */
int entry_decode(const void *p, size_t n, struct entry *ret);

/* Append the extended attributes of an open file or folder: name, NUL, length (u32 le), value each.
 * -> how many were left out, for they are more than a frame can hold. */
unsigned entry_xattrs(int fd, struct buf *out);

/* Give `x` a copy of its attributes instead of what it borrows: the caller's. */
uint8_t *entry_own_xattrs(struct entry *x);

enum entry_what {
	ENTRY_OWNER = 1,
	ENTRY_MODE = 2,
	ENTRY_TIME = 4,
	ENTRY_XATTRS = 8,       /* all, */
	ENTRY_USER_XATTRS = 16, /* or only those of "user." */
};

/* Give an open file or folder what `x` says, the whole of `what` (a sum) as far as it goes; 0, or
 * the first error, which names what it was. -EPROTO: attributes that are none. */
int entry_apply(int fd, const struct entry *x, unsigned what, struct err *e);

/* A file that is read piece by piece. */
struct content {
	int fd;
	uint64_t left; /* bytes up to the size it had, holes among them */
	bool holes;    /* they are told; cleared where the filesystem knows none */
	uint64_t at, data_end;
};

enum content_piece {
	CONTENT_END,
	CONTENT_DATA,
	CONTENT_HOLE,
};

/* What comes next, *ret_n bytes of it: data (at most max, in buf) or a hole. The end may come
 * before `left` is 0: the file became shorter. -errno. */
int content_next(struct content *c, void *buf, size_t max, uint64_t *ret_n);
/* Leave a hole of n bytes where the file's offset is, which may be its end. */
int content_hole(int fd, uint64_t n, struct err *e);
