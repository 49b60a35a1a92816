/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/place.h"
#include "site/site_priv.h"
#include <errno.h>

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
	auto_free char *web = place_data("web");
	int rc = file_mkdirs(dir, 0755, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(assets); i++) {
		auto_free char *from = path_join(web, assets[i].name);
		auto_free char *to = path_join(dir, assets[i].name);
		rc = copy_if_other(from, to, e);
		if (rc == -ENOENT && assets[i].player)
			rc = 0;
		else if (rc < 0)
			return err_wrap(e, "the pages' style and scripts (run make install)");
	}
	return rc;
}
