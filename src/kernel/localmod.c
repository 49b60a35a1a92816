/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/localmod.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#define LIMIT   (4u << 20)
#define RUNNING "/proc/config.gz"

static int read_gz(const char *path, struct buf *out, struct err *e)
{
	char chunk[1 << 14];
	int n;
	gzFile f = gzopen(path, "rbe");
	if (!f)
		return err_sys(e, "%s", path);
	while ((n = gzread(f, chunk, sizeof chunk)) > 0 && out->len < LIMIT)
		buf_add(out, chunk, (size_t)n);
	(void)gzclose_r(f); /* only read from */
	return n == 0 ? 0 : err_set(e, EINVAL, "%s: damaged, or too large", path);
}

static int read_config(struct buf *out, struct err *e)
{
	struct utsname host;
	if (access(RUNNING, R_OK) == 0)
		return read_gz(RUNNING, out, e);
	if (uname(&host) < 0)
		return err_sys(e, "uname");
	auto_free char *path = xasprintf("/boot/config-%s", host.release);
	int rc = file_read(path, LIMIT, out, e);
	return rc == -ENOENT ? err_set(e, rc,
				       "the configuration of this host's kernel is neither " RUNNING
				       " nor %s",
				       path)
			     : rc;
}

static int read_modules(struct strv *names, struct err *e)
{
	const char *lsmod = getenv("LSMOD");
	auto_buf struct buf text = { 0 };
	int rc = file_read(lsmod ? lsmod : "/proc/modules", LIMIT, &text, e);
	const char *line = buf_str(&text);
	/* lsmod's first line is a head. */
	if (lsmod)
		line += strcspn(line, "\n");
	for (line += strspn(line, "\n"); *line; line += strspn(line, "\n")) {
		strv_addf(names, "%.*s", (int)strcspn(line, " \n"), line);
		line += strcspn(line, "\n");
	}
	strv_sort(names);
	return rc;
}

int localmod_read(char **ret_config, char **ret_modules, struct err *e)
{
	auto_buf struct buf config = { 0 };
	auto_buf struct buf list = { 0 };
	auto_strv struct strv names = { 0 };
	int rc = read_config(&config, e);
	if (rc == 0)
		rc = read_modules(&names, e);
	if (rc < 0)
		return err_wrap(e, "localmodconfig");
	buf_adds(&list, "Module Size Used by\n");
	for (size_t i = 0; i < names.n; i++)
		buf_addf(&list, "%s 0 0\n", names.v[i]);
	*ret_config = buf_take(&config);
	*ret_modules = buf_take(&list);
	return 0;
}
