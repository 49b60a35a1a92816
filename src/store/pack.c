/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/pack.h"
#include "base/err.h"
#include "base/mem.h"
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Measured on a 100 MB terminal log: quality 5 with a 1 MiB window takes 6 MiB of memory. */
#define QUALITY  5
#define LGWIN    20
#define OUT_SIZE 65536u

struct pack {
	int fd;
	char *path;
	uint64_t end;   /* of the last whole stream */
	uint64_t start; /* of what is written of the open one: end + length so far */
	BrotliEncoderState *enc;
	struct hash hash;
	uint64_t size;
	bool dirty, torn;
	int failed; /* a sync failed with this */
};

int pack_open(const char *path, uint64_t end, struct pack **ret, struct err *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_sys(e, "%s", path);
	if ((uint64_t)size > end && ftruncate(fd, (off_t)end) < 0)
		return err_sys(e, "%s", path);
	struct pack *p = xcalloc(1, sizeof *p);
	p->fd = take_fd(&fd);
	p->path = xstrdup(path);
	p->end = end;
	*ret = p;
	return 0;
}

static int cut_tail(struct pack *p, struct err *e)
{
	p->torn = ftruncate(p->fd, (off_t)p->end) < 0;
	return p->torn ? err_sys(e, "cut %s", p->path) : 0;
}

int pack_begin(struct pack *p, uint64_t size_hint, struct err *e)
{
	if (p->failed)
		return err_code(e, p->failed, "%s: an earlier sync failed", p->path);
	if (p->enc)
		return err_set(e, EBUSY, "%s: another artifact is being written", p->path);
	int rc = p->torn ? cut_tail(p, e) : 0;
	if (rc < 0)
		return rc;
	p->enc = BrotliEncoderCreateInstance(NULL, NULL, NULL);
	if (!p->enc || !BrotliEncoderSetParameter(p->enc, BROTLI_PARAM_QUALITY, QUALITY) ||
		!BrotliEncoderSetParameter(p->enc, BROTLI_PARAM_LGWIN, LGWIN) ||
		!BrotliEncoderSetParameter(p->enc, BROTLI_PARAM_SIZE_HINT,
			size_hint > UINT32_MAX ? UINT32_MAX : (uint32_t)size_hint)) {
		pack_drop(p);
		return err_set(e, ENOMEM, "%s: cannot start the compressor", p->path);
	}
	hash_init(&p->hash);
	p->size = 0;
	p->start = p->end;
	return 0;
}

static int write_out(struct pack *p, const uint8_t *s, size_t n, struct err *e)
{
	while (n) {
		ssize_t w = pwrite(p->fd, s, n, (off_t)p->start);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write %s", p->path);
		p->start += (uint64_t)w;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

static int compress(
	struct pack *p, BrotliEncoderOperation op, const void *data, size_t n, struct err *e)
{
	uint8_t out[OUT_SIZE];
	const uint8_t *in = data;
	do {
		uint8_t *to = out;
		size_t room = sizeof out;
		if (!BrotliEncoderCompressStream(p->enc, op, &n, &in, &room, &to, NULL))
			return err_set(e, EIO, "%s: the compressor failed", p->path);
		int rc = write_out(p, out, sizeof out - room, e);
		if (rc < 0)
			return rc;
	} while (n || BrotliEncoderHasMoreOutput(p->enc));
	return 0;
}

int pack_add(struct pack *p, const void *data, size_t n, struct err *e)
{
	if (!p->enc)
		return err_set(e, EINVAL, "%s: no artifact is open", p->path);
	if (n == 0)
		return 0;
	hash_add(&p->hash, data, n);
	p->size += n;
	int rc = compress(p, BROTLI_OPERATION_PROCESS, data, n, e);
	if (rc < 0)
		pack_drop(p);
	return rc;
}

int pack_end(struct pack *p, struct pack_entry *ret, struct err *e)
{
	if (!p->enc)
		return err_set(e, EINVAL, "%s: no artifact is open", p->path);
	int rc = compress(p, BROTLI_OPERATION_FINISH, NULL, 0, e);
	if (rc < 0) {
		pack_drop(p);
		return rc;
	}
	ret->offset = p->end;
	ret->length = p->start - p->end;
	ret->size = p->size;
	(void)hash_hex(&p->hash, ret->sha256); /* returns its argument */
	p->end = p->start;
	p->dirty = true;
	BrotliEncoderDestroyInstance(take(&p->enc));
	return 0;
}

void pack_drop(struct pack *p)
{
	if (!p->enc)
		return;
	BrotliEncoderDestroyInstance(take(&p->enc));
	(void)cut_tail(p, NULL); /* remembered in `torn`, mended by the next begin */
}

bool pack_is_open(const struct pack *p)
{
	return p->enc;
}

int pack_sync(struct pack *p, struct err *e)
{
	if (p->failed)
		return err_code(e, p->failed, "%s: an earlier sync failed", p->path);
	if (!p->dirty)
		return 0;
	if (fdatasync(p->fd) < 0) {
		p->failed = -errno;
		return err_code(e, p->failed, "sync %s", p->path);
	}
	p->dirty = false;
	return 0;
}

void pack_close(struct pack *p)
{
	if (!p)
		return;
	pack_drop(p);
	close_fd(&p->fd);
	free(p->path);
	free(p);
}

struct unpack {
	const char *path;
	const struct pack_entry *x;
	int fd;
	uint64_t at, left; /* of the stream in the file */
	uint64_t out;      /* plain bytes so far */
	struct hash hash;
	BrotliDecoderState *dec;
};

static int damaged(const struct unpack *u, const char *what, struct err *e)
{
	return err_set(e, EBADMSG, "%s: artifact at %" PRIu64 ": %s", u->path, u->x->offset, what);
}

static int read_some(struct unpack *u, uint8_t *p, size_t n, size_t *ret, struct err *e)
{
	if (u->left < n)
		n = (size_t)u->left;
	ssize_t r;
	do {
		r = pread(u->fd, p, n, (off_t)u->at);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "read %s", u->path);
	if (r == 0)
		return damaged(u, "the file ends before it", e);
	u->at += (uint64_t)r;
	u->left -= (uint64_t)r;
	*ret = (size_t)r;
	return 0;
}

static int unpack_stream(struct unpack *u,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	uint8_t in[OUT_SIZE];
	uint8_t out[OUT_SIZE];
	const uint8_t *next = in;
	size_t n = 0;
	for (;;) {
		uint8_t *to = out;
		size_t room = sizeof out;
		BrotliDecoderResult r =
			BrotliDecoderDecompressStream(u->dec, &n, &next, &room, &to, NULL);
		size_t got = sizeof out - room;
		u->out += got;
		if (r == BROTLI_DECODER_RESULT_ERROR)
			return damaged(
				u, BrotliDecoderErrorString(BrotliDecoderGetErrorCode(u->dec)), e);
		if (u->out > u->x->size)
			return damaged(u, "larger than the journal says", e);
		hash_add(&u->hash, out, got);
		int rc = got ? sink(ctx, out, got, e) : 0;
		if (rc < 0)
			return rc;
		if (r == BROTLI_DECODER_RESULT_SUCCESS)
			return n || u->left ? damaged(u, "bytes behind its end", e) : 0;
		if (r == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) {
			if (u->left == 0)
				return damaged(u, "cut short", e);
			next = in;
			rc = read_some(u, in, sizeof in, &n, e);
			if (rc < 0)
				return rc;
		}
	}
}

int pack_read(const char *path, const struct pack_entry *x,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	struct unpack u = { .path = path, .x = x, .fd = fd, .at = x->offset, .left = x->length };
	hash_init(&u.hash);
	u.dec = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	if (!u.dec)
		return err_set(e, ENOMEM, "%s: cannot start the decompressor", path);
	int rc = unpack_stream(&u, sink, ctx, e);
	BrotliDecoderDestroyInstance(u.dec);
	if (rc < 0)
		return rc;
	char sha256[HASH_HEX_SIZE];
	if (u.out != x->size || strcmp(hash_hex(&u.hash, sha256), x->sha256) != 0)
		return damaged(&u, "its SHA-256 or size differs from the journal's", e);
	return 0;
}
