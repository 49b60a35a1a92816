/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a log holds, its excerpt has at most the lines asked for, is UTF-8, and has no
 * control character but tab and newline. */
#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = memfd_create("log", MFD_CLOEXEC);
	check(fd >= 0 && fd_write_all(fd, data, size, NULL) == 0);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_buf struct buf out = { 0 };
	site_excerpt_file(path, 5, &out);
	unsigned lines = 0;
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.s[i];
		lines += c == '\n';
		check(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f));
	}
	check(lines < 5);
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, buf_str(&out), out.len);
	check(clean.len == out.len && memcmp(buf_str(&clean), buf_str(&out), out.len) == 0);
	return 0;
}
