/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the file says, it is either read, and then every setting that it set is
 * within its range and knows the line that set it; or refused with a message that starts with
 * the file. Nothing it includes is written to, so includes may name anything. */
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[PATH_MAX];

static void remove_file(void)
{
	unlink(path);
}

static void check(const struct config *c, const char *name)
{
	const struct setting *s = config_setting(name);
	if (!s)
		abort();
	if (!config_is_set(c, name))
		return;
	const char *origin = config_origin(c, name);
	const char *colon = strrchr(origin, ':');
	if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1) || !colon[1])
		abort();
	if (s->max && (config_num(c, name) < s->min || config_num(c, name) > s->max))
		abort();
	(void)config_text(c, name);
}

static void check_all(const struct config *c)
{
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++)
		if (!strchr(s[i].name, '*'))
			check(c, s[i].name);
	const char *x = NULL;
	for (size_t i = 0; (x = config_subsection(c, "stage", i)); i++) {
		static const char *const keys[] = { "timeout", "requires", "logs" };
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			auto_free char *name = xasprintf("stage.%s.%s", x, keys[k]);
			check(c, name);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!path[0]) {
		const char *tmp = getenv("TMPDIR");
		(void)snprintf(path, sizeof path, "%s/fsqa-fuzz-XXXXXX", tmp ? tmp : "/dev/shm");
		close(mkstemp(path));
		atexit(remove_file);
		setenv("FSQA_CONFIG_SYSTEM", "", 1);
		unsetenv("XDG_CONFIG_HOME");
		unsetenv("HOME");
	}
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	struct err e = { 0 };
	struct config *c = NULL;
	if (config_load(path, NULL, &c, &e) < 0) {
		/* An include of an absolute path is told by that path. */
		if (e.msg[0] != '/')
			abort();
		return 0;
	}
	check_all(c);
	config_free(c);
	return 0;
}
