/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a journal's bytes are, reading it ends, trusts only whole lines, and what
 * it trusts reads the same alone and without damage. The first byte says whether each line gets
 * a good checksum, so that what is behind that check is reached too. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/read.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void with_checksums(struct buf *out, const char *s, size_t n)
{
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;
		buf_add(out, s, len);
		buf_addf(out, ",\"crc\":\"%08" PRIx32 "\"}\n", hash_crc32(s, len));
		s += nl ? len + 1 : len;
		n -= nl ? len + 1 : len;
	}
}

static struct run_info *load(const char *p, size_t n, struct journal_scan *s)
{
	auto_close int fd = memfd_create("journal", MFD_CLOEXEC);
	struct run_info *r = run_info_new("x", "x");
	require(fd >= 0 && fd_write_all(fd, p, n, NULL) == 0);
	require(run_info_load(r, fd, s, NULL) == 0);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	auto_buf struct buf b = { 0 };
	if (data[0] & 1)
		with_checksums(&b, (const char *)data + 1, size - 1);
	else
		buf_add(&b, data + 1, size - 1);
	struct journal_scan s;
	struct journal_scan again;
	struct run_info *r = load(buf_str(&b), b.len, &s);
	require(s.end <= b.len && (s.end == 0 || b.s[s.end - 1] == '\n'));
	require(r->damage || s.seq > 0);
	struct run_info *t = load(buf_str(&b), (size_t)s.end, &again);
	require(again.seq == s.seq && again.end == s.end && again.damage[0] == '\0');
	require(t->n_attempts == r->n_attempts && t->n_artifacts == r->n_artifacts);
	require(run_info_status(t) >= run_info_status(r));
	run_info_free(r);
	run_info_free(t);
	return 0;
}
