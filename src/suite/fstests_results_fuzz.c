/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is what check printed, result.xml, check.time, check.log and `ended`, parted by bytes
 * 0xff; its first byte says which other files there are. Property: each wanted test has one
 * verdict, in the order wanted; a pass was printed, with no discrepancy, and anything else has a
 * reason. */
#include "base/file.h"
#include "base/mem.h"
#include "suite/fstests_results.h"
#include "suite/fstests_xunit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fstests_wanted wanted[] = { { "generic/002", false }, { "generic/001", false },
	{ "xfs/003", true } };
static const char *const order[] = { "generic/001", "generic/002", "xfs/003", NULL };
static const char *const names[] = { "generic/001.out.bad", "generic/001.notrun",
	"generic/002.notrun", "xfs/003.out.bad" };

struct seen {
	struct fstests_results *r;
	bool passed[3], odd[3];
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void on_event(void *ctx, const struct fstests_event *ev)
{
	struct seen *s = ctx;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (strcmp(wanted[i].name, ev->test) != 0)
			continue;
		s->passed[i] |= ev->kind == FSTESTS_END && ev->outcome == FSTESTS_PASS;
		s->odd[i] |= ev->kind == FSTESTS_DISCREPANCY;
	}
	fstests_results_event(s->r, ev);
}

static void put(int dirfd, const char *name, const uint8_t *p, size_t n)
{
	auto_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	check(fd >= 0 && fd_write_all(fd, p, n, NULL) == 0);
}

static char path[] = "/tmp/fsqa-fuzz-XXXXXX";

static void remove_folder(void)
{
	(void)file_remove_tree(path, NULL); /* nobody is left to tell */
}

/* A folder that is filled anew for each input. */
static int folder(uint8_t files)
{
	static int fd = -1;
	if (fd < 0) {
		check(mkdtemp(path) != NULL && atexit(remove_folder) == 0);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		check(fd >= 0 && mkdirat(fd, "generic", 0700) == 0 &&
			mkdirat(fd, "xfs", 0700) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (files >> i & 1)
			put(fd, names[i], NULL, 0);
		else
			(void)unlinkat(fd, names[i], 0); /* there may be none */
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const parts[] = { "result.xml", "check.time", "check.log", "ended" };
	if (size == 0)
		return 0;
	int dirfd = folder(data[0]);
	const uint8_t *end = data + size;
	const uint8_t *p = data + 1;
	const uint8_t *to = memchr(p, 0xff, (size_t)(end - p));
	struct seen seen = { .r = fstests_results_new(wanted, ARRAY_LEN(wanted), "") };
	auto_fstests_results struct fstests_results *r = seen.r;
	struct fstests_check_spec spec = {
		.order = order, .loops = 1, .on_event = on_event, .ctx = &seen
	};
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	fstests_check_add(c, p, (size_t)((to ? to : end) - p));
	fstests_check_end(c);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		p = to ? to + 1 : end;
		to = memchr(p, 0xff, (size_t)(end - p));
		put(dirfd, parts[i], p, (size_t)((to ? to : end) - p));
	}
	check(fstests_results_read(r, dirfd, fstests_xunit_read, NULL) == 0);
	fstests_results_judge(r);
	check(fstests_results_count(r) == ARRAY_LEN(wanted));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct fstests_verdict v;
		fstests_results_verdict(r, i, &v);
		check(strcmp(v.test, wanted[i].name) == 0);
		if (v.verdict == VERDICT_PASS)
			check(seen.passed[i] && !seen.odd[i] && !wanted[i].expunged);
		else
			check(v.n_reasons > 0 && v.reasons[0].text[0]);
	}
	return 0;
}
