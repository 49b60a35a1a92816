/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a pack's bytes are, no more comes out than the journal said, and reading
 * is good only where the hash is. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/pack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sink(void *ctx, const void *p, size_t n, struct err *e)
{
	buf_add(ctx, p, n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	auto_close int fd = memfd_create("pack", MFD_CLOEXEC);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_buf struct buf b = { 0 };
	struct pack_entry x = { .length = size - 2, .size = data[0] | (uint64_t)data[1] << 8 };
	if (fd < 0 || fd_write_all(fd, data + 2, size - 2, NULL) < 0)
		abort();
	memset(x.sha256, '0', 64);
	int rc = pack_read(path, &x, sink, &b, NULL);
	if (rc != -EBADMSG || b.len > x.size)
		abort();
	/* With the hash of what came out, it is good exactly where the stream was whole. */
	struct hash h;
	hash_init(&h);
	hash_add(&h, buf_str(&b), b.len);
	(void)hash_hex(&h, x.sha256);
	size_t n = b.len;
	rc = pack_read(path, &x, sink, &b, NULL);
	if (rc == 0 ? n != x.size : rc != -EBADMSG)
		abort();
	return 0;
}
