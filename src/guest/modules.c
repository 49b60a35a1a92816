/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/modules.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load_one(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	size_t n = strlen(path);
	bool packed = n > 4 && (!strcmp(path + n - 3, ".xz") || !strcmp(path + n - 3, ".gz") ||
				       !strcmp(path + n - 4, ".zst"));
	int flags = packed ? MODULE_INIT_COMPRESSED_FILE : 0;
	/* ENODEV: an optional accelerator (crc32c_intel) whose instructions this CPU lacks; where
	 * it was no option, the root disk is missed next, with its own message. */
	if (syscall(SYS_finit_module, fd, "", flags) < 0 && errno != EEXIST && errno != ENODEV)
		return err_sys(e, "load module %s", path);
	return 0;
}

int modules_load(const char *list, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int rc = file_read(list, 65536, &b, e);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	char *rest = b.s;
	for (char *line; rc == 0 && (line = strsep(&rest, "\n"));)
		if (line[0] && line[0] != '#')
			rc = load_one(line, e);
	return rc;
}
