/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/kernel.h"
#include "kernel/modules.h"
#include <errno.h>
#include <string.h>

#define CONFIG_LIMIT (4u << 20)

/* Loaded before, from the initramfs. */
static const char *const there[] = { "virtio_pci", "virtio_console", "virtio_blk", "erofs", "ext4",
	"overlay" };

/* 1: built in; 0: not; -1: not known. */
static int built_in(const struct kernel *k, const char *option)
{
	auto_buf struct buf b = { 0 };
	if (!k->config)
		return -1;
	buf_addc(&b, '\n');
	if (file_read(k->config, CONFIG_LIMIT, &b, NULL) < 0)
		return -1;
	auto_free char *line = xasprintf("\n%s=y\n", option);
	return strstr(buf_str(&b), line) != NULL;
}

int kernel_needs(const struct kernel *k, const struct kernel_need *needs, size_t n,
	struct strv *files, struct err *e)
{
	auto_modules struct modules *m = NULL;
	auto_strv struct strv before = { 0 };
	int rc = k->modules ? modules_load(k->dir, &m, e) : 0;
	for (size_t i = 0; m && i < ARRAY_LEN(there); i++)
		(void)modules_need(m, there[i], &before, NULL); /* it may be built in */
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct err why = { 0 };
		rc = m ? modules_need(m, needs[i].module, files, &why) : -ENOENT;
		if (rc == -ENOENT && built_in(k, needs[i].config) != 0)
			rc = 0;
		else if (rc == -ENOENT)
			rc = err_set(e, rc,
				"kernel %s has no %s: %s is neither built in nor a module",
				k->release, needs[i].module, needs[i].config);
		else if (rc < 0)
			rc = err_set(e, rc, "%s: %s", k->dir, why.msg);
	}
	return rc;
}
