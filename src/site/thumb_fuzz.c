/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a recording holds, its picture is made without a crash, and nothing in it is
 * active: it has only the elements that we write, and is UTF-8 without control characters. */
#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/thumb.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_svg(const struct buf *svg)
{
	static const char *const ours[] = { "svg ", "/svg>", "title>", "/title>", "rect ", "text ",
		"/text>" };
	for (size_t i = 0; i < svg->len; i++) {
		unsigned char c = (unsigned char)svg->s[i];
		check(c >= 0x20 || c == '\n');
		bool known = c != '<';
		for (size_t k = 0; !known && k < ARRAY_LEN(ours); k++)
			known = strncmp(svg->s + i + 1, ours[k], strlen(ours[k])) == 0;
		check(known);
	}
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, buf_str(svg), svg->len);
	check(clean.len == svg->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The terminal's bytes come as an event; a second one makes it another size. */
	auto_buf struct buf cast = { 0 };
	buf_adds(&cast, "{\"version\": 2, \"width\": 40, \"height\": 10}\n[0, \"o\", \"");
	struct json_text t = { 0 };
	size_t half = size / 2;
	json_text_add(&t, &cast, data, half);
	buf_adds(&cast, "\"]\n[1, \"r\", \"90x3\"]\n[2, \"o\", \"");
	json_text_add(&t, &cast, data + half, size - half);
	json_text_end(&t, &cast);
	buf_adds(&cast, "\"]\n");
	auto_close int fd = memfd_create("cast", MFD_CLOEXEC);
	check(fd >= 0 && fd_write_all(fd, cast.s, cast.len, NULL) == 0);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_buf struct buf svg = { 0 };
	auto_thumb struct thumb thumb = { 0 };
	check(thumb_render(path, UINT64_MAX - 1, "t", &svg, &thumb, NULL) == 0);
	check_svg(&svg);
	return 0;
}
