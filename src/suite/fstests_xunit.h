/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_xunit.h: result.xml, which `check -R xunit` writes anew before each test:
 *   <testsuite name="xfstests" failures="1" skipped="11" tests="27" time="338" ...>
 *     <properties> <property name="FSTYP" value="btrfs"/> ... </properties>
 *     <testcase classname="xfstests.SECTION" name="generic/001" time="4">
 *       <skipped message="REASON"/> | <failure message="CAUSE" type="TestFail"/>
 *       <system-out> the whole .full </system-out> <system-err> <kernel-log>
 *     </testcase>
 * time="" says that check had not come to its end. It is streamed: no text is held, however large;
 * a document type, and with it every entity, is refused; nothing is fetched.
 * Source: common/report; libxml2's SAX2 push parser. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
struct err;

#define FSTESTS_XUNIT_MAX (2ull << 30) /* bytes of a file */
#define FSTESTS_CASES_MAX 4000000      /* of a file */

enum fstests_case_status {
	FSTESTS_CASE_PASS, /* neither of the others was said */
	FSTESTS_CASE_SKIPPED,
	FSTESTS_CASE_FAILED,
};

/* Text is borrowed for the call and never NULL; bytes beyond ASCII and control characters have
 * become '?'. */
struct fstests_case {
	const char *section; /* "" without sections */
	const char *name;    /* as it stands there: maybe no test's name */
	enum fstests_case_status status;
	const char *message;
	uint64_t seconds;
};

struct fstests_xunit {
	bool complete;                           /* check came to its end */
	uint64_t n_tests, n_failures, n_skipped; /* as its head says */
	uint64_t n_cases;                        /* told */
};

/* Read it from where `fd` (borrowed) stands, telling each case that has its end. -EBADMSG: no
 * well-formed result.xml (with the line), -EFBIG, -E2BIG: beyond a limit; what was told before and
 * *ret stand. */
int fstests_xunit_read(int fd, void (*on_case)(void *ctx, const struct fstests_case *c), void *ctx,
	struct fstests_xunit *ret, struct err *e);
