/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: what the tests of config/ share: a folder for each test, which is home and holds
 * every file. For x_test.c files only. */
#pragma once
#include "base/test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <sys/stat.h>

static char *dir;

static inline int set_up(void **unused)
{
	auto_free char *made = test_folder();
	dir = realpath(made, NULL);
	assert_int_equal(setenv("HOME", dir, 1), 0);
	assert_int_equal(setenv("FSQA_PROFILES", dir, 1), 0);
	assert_int_equal(setenv("FSQA_CONFIG_SYSTEM", "", 1), 0);
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
	return 0;
}

static inline int tear_down(void **unused)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	free(dir);
	dir = NULL;
	return 0;
}

static inline void write_mode(const char *name, const char *text, mode_t mode)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void write_file(const char *name, const char *text)
{
	write_mode(name, text, 0644);
}

/* The text with this test's folder left out of it. */
static inline void assert_text(const char *text, const char *want)
{
	auto_buf struct buf got = { 0 };
	auto_free char *prefix = xasprintf("%s/", dir);
	while (*text) {
		if (strncmp(text, prefix, strlen(prefix)) == 0)
			text += strlen(prefix);
		else
			buf_addc(&got, *text++);
	}
	assert_string_equal(buf_str(&got), want);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
