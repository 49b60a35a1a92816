/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/needs.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/suite.h"
#include <stdlib.h>
#include <string.h>

/* PATH as fstests' check has it. */
static const char look[] =
	"PATH=/sbin:/usr/sbin:$PATH\n"
	"while [ \"$1\" != -- ]; do\n"
	"\tname=${1#?:}\n"
	"\tcase $1 in\n"
	"\tp:*) command -v \"$name\" ;;\n"
	"\tu:*) grep \"^$name:\" /etc/passwd ;;\n"
	"\ts:*) systemctl is-active \"$name\" ;;\n"
	"\td:*) [ \"$(echo \"$FSQA_DISKS\" | wc -w)\" -ge \"$name\" ] ;;\n"
	"\tn:*) [ \"$(nproc)\" -ge \"$name\" ] ;;\n"
	"\tm:*) [ \"$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)\" "
	"-ge \"$((name * 1024))\" ] ;;\n"
	"\t*) false ;;\n"
	"\tesac >/dev/null 2>&1 || echo \"$1\"\n"
	"\tshift\n"
	"done\n"
	"echo --\n"
	"shift\n"
	"[ $# = 0 ] || exec \"$@\"\n";

void needs_argv(const struct suite_need *needs, struct strv *argv)
{
	strv_addl(argv, "/bin/sh", "-c", look, "sh", NULL);
	for (const struct suite_need *n = needs; n && n->what; n++)
		strv_add(argv, n->what);
	strv_add(argv, "--");
}

char *needs_missing(const struct suite_need *needs, const char *said,
	void (*on_soft)(void *ctx, const char *text), void *ctx, const char **ret_rest)
{
	auto_buf struct buf why = { 0 };
	auto_strv struct strv missing = { 0 };
	const char *end = strncmp(said, "--\n", 3) == 0 ? said : strstr(said, "\n--\n");
	*ret_rest = end ? end + (*end == '\n' ? 4 : 3) : NULL;
	if (!end)
		return NULL;
	auto_free char *text = xstrndup(said, (size_t)(end - said));
	strv_split(&missing, text, "\n");
	for (const struct suite_need *need = needs; need && need->what; need++) {
		if (strv_find(&missing, need->what) == missing.n)
			continue;
		if (need->hard)
			buf_addf(&why, "%s%s", why.len ? "; " : "", need->text);
		else
			on_soft(ctx, need->text);
	}
	return why.len ? buf_take(&why) : NULL;
}
