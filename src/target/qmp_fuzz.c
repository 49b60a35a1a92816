/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's bytes, cut anywhere, are the same messages; and no line passes the limit. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "target/qmp.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feed `step` bytes at a time; what was understood, as text. */
static char *read_all(const uint8_t *data, size_t size, size_t step)
{
	auto_buf struct buf in = { 0 };
	struct buf out = { 0 };
	int rc = 0;
	for (size_t at = 0; at < size && rc >= 0; at += step) {
		const char *line;
		size_t n, used;
		struct err e = { 0 };
		buf_add(&in, data + at, size - at < step ? size - at : step);
		while ((rc = qmp_next_line(&in, &line, &n, &used, &e)) > 0) {
			struct qmp_message m;
			if (n > QMP_LINE_MAX || used > in.len || memchr(line, '\n', n))
				abort();
			rc = qmp_parse(line, n, &m, &e);
			if (rc < 0 && (rc != -EPROTO || e.code != rc))
				abort();
			if (rc < 0)
				break;
			if (m.kind != QMP_ERROR && !m.data)
				abort();
			buf_addf(&out, "%d %s %lld\n", (int)m.kind, m.name ? m.name : "-",
				(long long)m.id);
			qmp_message_clear(&m);
			buf_consume(&in, used);
		}
		if (in.len > QMP_LINE_MAX + step)
			abort();
	}
	buf_addf(&out, "%s", rc < 0 ? "broken" : "");
	return buf_take(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	auto_free char *whole = read_all(data, size, size);
	auto_free char *bytes = read_all(data, size, 1);
	auto_free char *pieces = read_all(data, size, 1 + data[0] % 61);
	if (strcmp(whole, bytes) != 0 || strcmp(whole, pieces) != 0)
		abort();
	return 0;
}
