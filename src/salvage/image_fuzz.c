/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image with bytes changed: five of input each, where (u32 le) and what. Whatever it says, no
 * more is told than was allowed, and no name leads anywhere. A crash inside of libext2fs is its
 * own, and the sandbox's to hold. */
#include "base/buf.h"
#include "salvage/fixture.h"
#include "salvage/image.h"
#include <sys/mman.h>

#define MAX_BYTES   100000
#define MAX_ENTRIES 50
#define CHANGES_MAX 2000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct buf base;

struct told {
	uint64_t bytes, entries;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[] = "/tmp/fsqa-image-fuzz-XXXXXX";
	if (!mkdtemp(dir) || !fixture_image(dir))
		abort();
	auto_free char *image = path_join(dir, "image");
	if (file_read(image, 4 << 20, &base, NULL) < 0 || file_remove_tree(dir, NULL) < 0)
		abort();
	return 0;
}

static void on_entry(void *ctx, const struct image_entry *n)
{
	struct told *t = ctx;
	if (++t->entries > MAX_ENTRIES || !n->kind || !strchr("fdloe", n->kind) ||
		n->path[0] == '/' || strstr(n->path, "//") || strlen(n->path) > 4096)
		abort();
}

static size_t room(void *ctx)
{
	return 10000;
}

static void on_data(void *ctx, const void *p, size_t n)
{
	struct told *t = ctx;
	t->bytes += n;
	if (n > 10000 || t->bytes > MAX_BYTES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct image *m = NULL;
	struct told t = { 0 };
	uint64_t skipped = 0;
	const struct image_sink sink = { on_entry, room, on_data, &t };
	auto_close int fd = memfd_create("image", MFD_CLOEXEC);
	if (n > 5 * CHANGES_MAX || fd < 0 || fd_write_all(fd, base.s, base.len, NULL) < 0)
		return 0;
	for (; n >= 5; data += 5, n -= 5) {
		size_t at = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
		if (pwrite(fd, data + 4, 1, (off_t)(at % base.len)) != 1)
			abort();
	}
	if (image_open(fd, &m, NULL) == 0)
		(void)image_get(
			m, "/upper/tmp/logs", MAX_BYTES, MAX_ENTRIES, &sink, &skipped, NULL);
	image_close(m);
	return 0;
}
