/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/spool_log.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct spool_log {
	int fd;
	uint64_t limit;
	uint64_t given;
	uint64_t written;
	size_t tail_len;
	size_t tail_at; /* where the next byte goes */
	char tail[SPOOL_LOG_TAIL];
};

int spool_log_open(const char *path, uint64_t limit_bytes, struct spool_log **ret, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	struct spool_log *l = xcalloc(1, sizeof *l);
	l->fd = fd;
	l->limit = limit_bytes;
	*ret = l;
	return 0;
}

static void keep_tail(struct spool_log *l, const char *p, size_t n)
{
	if (n > SPOOL_LOG_TAIL) {
		p += n - SPOOL_LOG_TAIL;
		n = SPOOL_LOG_TAIL;
	}
	while (n) {
		size_t piece = SPOOL_LOG_TAIL - l->tail_at;
		piece = piece < n ? piece : n;
		memcpy(l->tail + l->tail_at, p, piece);
		l->tail_at = (l->tail_at + piece) % SPOOL_LOG_TAIL;
		l->tail_len += piece;
		p += piece;
		n -= piece;
	}
	if (l->tail_len > SPOOL_LOG_TAIL)
		l->tail_len = SPOOL_LOG_TAIL;
}

int spool_log_add(struct spool_log *l, const void *p, size_t n, struct err *e)
{
	const char *s = p;
	uint64_t room = l->limit > l->written ? l->limit - l->written : 0;
	size_t head = n < room ? n : (size_t)room;
	l->given += n;
	int rc = head ? fd_write_all(l->fd, s, head, e) : 0;
	if (rc < 0)
		return rc;
	l->written += head;
	if (head < n)
		keep_tail(l, s + head, n - head);
	return 0;
}

uint64_t spool_log_bytes(const struct spool_log *l)
{
	return l->given;
}

bool spool_log_cut(const struct spool_log *l)
{
	return l->given > l->written + l->tail_len;
}

static int write_tail(struct spool_log *l, struct err *e)
{
	int rc = 0;
	if (spool_log_cut(l)) {
		char note[80];
		int n = snprintf(note, sizeof note, "\n[fsqa: %" PRIu64 " bytes left out here]\n",
			l->given - l->written - l->tail_len);
		rc = fd_write_all(l->fd, note, (size_t)n, e);
	}
	size_t start = l->tail_len == SPOOL_LOG_TAIL ? l->tail_at : 0;
	if (rc == 0)
		rc = fd_write_all(l->fd, l->tail + start, l->tail_len - start, e);
	if (rc == 0)
		rc = fd_write_all(l->fd, l->tail, start, e);
	return rc;
}

int spool_log_close(struct spool_log **lp, struct err *e)
{
	struct spool_log *l = *lp;
	if (!l)
		return 0;
	int rc = write_tail(l, e);
	if (close(l->fd) < 0 && rc == 0)
		rc = err_sys(e, "close log");
	free(l);
	*lp = NULL;
	return rc;
}
