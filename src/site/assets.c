/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "build_config.h"
#include "site/site_priv.h"
#include <errno.h>
#include <limits.h>

#define ASSET_MAX (8u << 20)

static const struct {
	const char *name;
	bool player; /* not there in a build without it */
} assets[] = {
	{ "style.css", false },
	{ "report.js", false },
	{ "asciinema-player.min.js", true },
	{ "asciinema-player.css", true },
	{ "asciinema-player.LICENSE.txt", true },
};

/* Where the web folder lies: of the build, for a program that runs from the build folder. */
static const char *web_dir(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	size_t len = strlen(FSQA_BUILD_DIR);
	if (n > (ssize_t)len && memcmp(self, FSQA_BUILD_DIR "/", len + 1) == 0)
		return FSQA_BUILD_DIR "/web";
	return FSQA_DATADIR "/web";
}

static int copy_if_other(const char *from, const char *to, struct err *e)
{
	auto_buf struct buf is = { 0 };
	auto_buf struct buf want = { 0 };
	int rc = file_read(from, ASSET_MAX, &want, e);
	if (rc < 0)
		return rc;
	if (file_read(to, ASSET_MAX, &is, NULL) == 0 && is.len == want.len &&
		memcmp(buf_str(&is), buf_str(&want), want.len) == 0)
		return 0;
	return file_replace(to, buf_str(&want), want.len, 0644, e);
}

int site_write_assets(const char *site_dir, struct err *e)
{
	auto_free char *dir = path_join(site_dir, "assets");
	int rc = file_mkdirs(dir, 0755, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(assets); i++) {
		auto_free char *from = path_join(web_dir(), assets[i].name);
		auto_free char *to = path_join(dir, assets[i].name);
		rc = copy_if_other(from, to, e);
		if (rc == -ENOENT && assets[i].player)
			rc = 0;
		else if (rc < 0)
			return err_wrap(e, "the pages' style and scripts (run make install)");
	}
	return rc;
}
