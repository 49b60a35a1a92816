/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: of any four tables (separated by NUL), what a module needs ends, names no file
 * twice, and is all there when it is asked for again. */
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/modules.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *all = xmalloc(size + 1);
	const char *text[4] = { "", "", "", "" };
	memcpy(all, data, size);
	all[size] = '\0';
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_LEN(text) && at < size; i++) {
		text[i] = all + at;
		at += strlen(all + at) + 1;
	}
	auto_modules struct modules *m = NULL;
	if (modules_parse(text[0], text[1], text[2], text[3], &m, NULL) < 0)
		return 0;
	auto_strv struct strv files = { 0 };
	auto_strv struct strv again = { 0 };
	bool whole = modules_need(m, "a", &files, NULL) == 0;
	whole = modules_need(m, "b", &files, NULL) == 0 && whole;
	for (size_t i = 0; i < files.n; i++)
		if (files.v[i][0] == '/' || !strstr(text[0], files.v[i]))
			abort();
	if (whole && (modules_need(m, "a", &again, NULL) < 0 || again.n))
		abort();
	strv_sort(&files);
	for (size_t i = 1; i < files.n; i++)
		if (strcmp(files.v[i], files.v[i - 1]) == 0)
			abort();
	return 0;
}
