/* SPDX-License-Identifier: GPL-2.0-or-later */
/* depot.h: a folder of things that are costly to make and never change once made:
 *   DIR/<key>/manifest.json   {..., "files": {NAME: {"bytes": N, "sha256": HEX}}, "made_at": ISO}
 *   DIR/<key>/NAME
 *   DIR/.<key>.tmp/           being made; left by one that was killed, gone at the next start
 *   DIR/.<key>.lock           its maker holds it (flock)
 * Published by rename: a reader sees a whole entry or none. Two processes that want the same
 * entry at once make it once. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct err;

/* All borrowed. */
struct depot {
	const char *dir;
	void (*note)(void *ctx, const char *text); /* one line, now and then; NULL: none */
	void *ctx;
	/* Removes what is left half made; NULL: file_remove_tree. For files that are not ours. */
	int (*remove)(const char *path, struct err *e);
	uint64_t wait_us; /* for another who makes the same; 0: an hour */
};

struct depot_build {
	char *final;     /* where it will be */
	char *tmp;       /* make it here */
	bool sizes_only; /* the maker's wish: the manifest has no sha256, for files too large */
	int lock;        /* a maker's children may inherit it, to hold it as long as they live */
	int (*remove)(const char *path, struct err *e);
};
#define DEPOT_BUILD_NONE                                                                           \
	{                                                                                          \
		.lock = -1                                                                         \
	}

/* Whether DIR/<key> is whole: manifest.json reads, and each file of it has its size. Then
 * *ret (may be NULL) is the manifest, the caller's. */
bool depot_has(const char *dir, const char *key, json_t **ret);
/* 1: the entry is there. 0: it is ours to make in build->tmp, an empty folder. Waits for
 * another process that makes it just now, and says so by `note`; -EWOULDBLOCK: for d->wait_us, with
 * which process it is. */
int depot_begin(const struct depot *d, const char *key, struct depot_build *build, struct err *e);
/* Add "files" and "made_at" to `manifest` (of the regular files in build->tmp), write it,
 * fsync all and rename. On failure the build stands, to be cleared. */
int depot_publish(struct depot_build *build, json_t *manifest, struct err *e);
/* Drop what is not published, and the lock. Accepts DEPOT_BUILD_NONE. */
void depot_clear(struct depot_build *build);
#define auto_depot_build __attribute__((cleanup(depot_clear)))

/* Use of an entry: a descriptor that keeps depot_remove off it until it is closed (by our death,
 * too); -1 where the filesystem knows no locks. -ENOENT: there is no such entry. */
int depot_hold(const char *dir, const char *key, int *ret, struct err *e);
/* Whether somebody holds it. */
bool depot_is_held(const char *dir, const char *key);
/* Remove an entry, whole or damaged, as one act for those who look; *ret_bytes (may be NULL) is
 * what its manifest says of its size. -ENOENT: none of that name; -EBUSY: somebody holds it, or
 * makes it just now. */
int depot_remove(const struct depot *d, const char *key, uint64_t *ret_bytes, struct err *e);
/* Every entry: its manifest (of a damaged one what can be read) with "key", "bytes" (of all its
 * files), "held" and "whole" (false: it will be made again); an array in order of keys, the
 * caller's. Absent DIR: none. */
json_t *depot_list(const char *dir);
/* Remove what killed makers left in DIR (those that live keep theirs). What cannot be removed is
 * told by `note`, for the entries serve all the same. Absent DIR is fine. */
void depot_sweep(const struct depot *d);
