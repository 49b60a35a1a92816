/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/debug_parts.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/fragment.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_LIMIT (4u << 20)
#define ORDER_LIMIT  (4u << 20)
#define SCRIPTS      "scripts/gdb/linux"

/* FROM/NAME as TO/NAME, in folders that are made. A link is followed: in a build they lead to the
 * source, which is another one tomorrow. */
static int keep(const char *from, const char *to, const char *name, struct err *e)
{
	auto_free char *source = path_join(from, name);
	auto_free char *path = path_join(to, name);
	auto_free char *folder = xstrndup(path, (size_t)(path_base(path) - path));
	int rc = file_mkdirs(folder, 0755, e);
	return rc < 0 ? rc : file_copy(source, path, 0644, e);
}

static int keep_scripts(const char *objects, const char *to, struct err *e)
{
	auto_free char *dir = path_join(objects, SCRIPTS);
	auto_strv struct strv names = { 0 };
	int rc = keep(objects, to, "vmlinux-gdb.py", e);
	if (rc == 0)
		rc = file_names(dir, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		auto_free char *name = path_join(SCRIPTS, names.v[i]);
		size_t n = strlen(name);
		if (strcmp(name + n - 3, ".py") == 0)
			rc = keep(objects, to, name, e);
	}
	return rc;
}

/* "fs/btrfs/btrfs.o" a line (".ko" before 6.2). */
static int keep_modules(const char *objects, const char *to, struct err *e)
{
	auto_free char *order = path_join(objects, "modules.order");
	auto_buf struct buf text = { 0 };
	auto_strv struct strv lines = { 0 };
	if (access(order, R_OK) < 0) /* all is built in */
		return 0;
	int rc = file_read(order, ORDER_LIMIT, &text, e);
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; rc == 0 && i < lines.n; i++) {
		const char *line = lines.v[i];
		const char *dot = strrchr(line, '.');
		if (!dot || line[0] == '/' || strstr(line, ".."))
			continue;
		auto_free char *name = xasprintf("%.*s.ko", (int)(dot - line), line);
		auto_free char *module = path_join(objects, name);
		if (access(module, R_OK) ==
			0) /* else it is written otherwise in an old kernel's list */
			rc = keep(objects, to, name, e);
	}
	return rc < 0 ? rc : keep(objects, to, "modules.order", e);
}

int debug_parts(const char *objects, const char *to, struct err *e)
{
	auto_free char *path = path_join(objects, ".config");
	auto_buf struct buf config = { 0 };
	int rc = file_read(path, CONFIG_LIMIT, &config, e);
	if (rc < 0)
		return rc;
	auto_free char *gdb = config_value(buf_str(&config), "GDB_SCRIPTS");
	auto_free char *modules = config_value(buf_str(&config), "MODULES");
	auto_free char *lines = config_value(buf_str(&config), "DEBUG_INFO");
	if (strcmp(gdb, "y") == 0)
		rc = keep_scripts(objects, to, e);
	if (rc == 0 && strcmp(modules, "y") == 0 && strcmp(lines, "y") == 0)
		rc = keep_modules(objects, to, e);
	return rc;
}
