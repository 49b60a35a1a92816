/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h: files out of an ext4 image that nobody vouches for, read by libext2fs: what a guest left
 * on its state disk when it died. Nothing is mounted, replayed or written; a dirty filesystem is
 * read as it lies. libext2fs allocates what the image asks for, and may crash on one made for it:
 * call this behind sandbox.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct image;

#define IMAGE_DEPTH 64 /* folders below the one asked for */

/* As wire/agent.h's ENTRY has it: kind 'f' file, 'd' folder, 'l' link, 'o' other, 'e' not readable
 * (target: why). */
struct image_entry {
	char kind;
	unsigned mode;
	uint64_t size;
	int64_t mtime_s;
	const char *path; /* below what was asked for; borrowed, may hold any byte but NUL and / */
	const char *target;
};

struct image_sink {
	void (*on_entry)(void *ctx, const struct image_entry *n);
	/* How many bytes on_data takes now, at least 1; 0: no more of anything. */
	size_t (*room)(void *ctx);
	void (*on_data)(void *ctx, const void *p, size_t n); /* of the file just told */
	void *ctx;
};

/* `fd` is borrowed until image_close; only pread is called on it. -EUCLEAN: no ext4 filesystem, or
 * a damaged one. */
int image_open(int fd, struct image **ret, struct err *e);
void image_close(struct image *m); /* NULL: no-op */

/* The file or folder `path`, absolute, no link in it followed, with all below. At most `max_bytes`
 * of content and `max_entries` are told; *ret_skipped counts further entries, and what is too deep.
 * -ENOENT: not there. -ELOOP: a link is on the way. -EUCLEAN: damaged on the way there; damage
 * further down is an entry 'e', or a file that ends early. */
int image_get(struct image *m, const char *path, uint64_t max_bytes, uint64_t max_entries,
	const struct image_sink *sink, uint64_t *ret_skipped, struct err *e);
