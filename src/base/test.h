/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test.h: cmocka, and what it wants before it. For x_test.c files only. */
#pragma once
#include "base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Wants setjmp.h, stdarg.h, stddef.h before it. */
#include <cmocka.h>

/* A fresh folder for one test; the caller frees the path and removes the tree. */
static inline char *test_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = NULL;
	if (asprintf(&path, "%s/fsqa-test-XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(path))
		abort();
	return path;
}

/* Setup and teardown of cmocka: *state is such a folder. */
static inline int test_make_folder(void **state)
{
	*state = test_folder();
	return 0;
}

static inline int test_remove_folder(void **state)
{
	int rc = file_remove_tree(*state, NULL);
	free(*state);
	return rc;
}
