/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_xunit_apart.h: result.xml, read by fsqa-xunit, a process without any rights, for a guest
 * wrote it (docs/decisions/013). It answers in lines, of text that has no tab in it:
 *   case STATUS SECONDS <tab> SECTION <tab> NAME <tab> MESSAGE
 *   end COMPLETE TESTS FAILURES SKIPPED CASES CODE <tab> WHY      last; CODE 0: it is whole
 * and is believed no more than the file is. */
#pragma once
#include "suite/fstests_xunit.h"

/* As fstests_xunit_read. -EBADMSG, too: the reader came to no end, which the message says (it was
 * killed for its memory or its time, or for what it tried). -ENOENT ...: it cannot be started. */
int fstests_xunit_read_apart(int fd, void (*on_case)(void *ctx, const struct fstests_case *c),
	void *ctx, struct fstests_xunit *ret, struct err *e);
