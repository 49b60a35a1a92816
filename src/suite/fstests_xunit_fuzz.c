/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the file, it is refused or read, and what is told of it is printable ASCII in
 * one line, and counted. */
#include "base/file.h"
#include "base/mem.h"
#include "suite/fstests_xunit.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_text(const char *s)
{
	for (; *s; s++)
		check(*s >= 0x20 && *s < 0x7f);
}

static void on_case(void *ctx, const struct fstests_case *c)
{
	uint64_t *n = ctx;
	++*n;
	check_text(c->section);
	check_text(c->name);
	check_text(c->message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t n = 0;
	struct fstests_xunit x;
	auto_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(fd >= 0 && fd_write_all(fd, data, size, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	(void)fstests_xunit_read(fd, on_case, &n, &x, NULL); /* refused is as good */
	check(x.n_cases == n);
	return 0;
}
