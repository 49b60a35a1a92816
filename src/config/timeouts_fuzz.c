/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever timeout.json says, each stage that comes out has a time within range, and
 * what is refused is told with the file's name in front. */
#include "base/err.h"
#include "config/config.h"
#include "config/stages.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *ctx, const char *stage, uint64_t timeout_us, unsigned line, struct err *e)
{
	const struct setting *s = config_setting("stage.*.timeout");
	if (timeout_us < s->min || timeout_us > s->max)
		abort();
	return strcmp(stage, "stop") == 0 ? err_set(e, 1, "t.json:%u: stop", line) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	if (timeouts_parse("t.json", (const char *)data, size, each, NULL, &e) < 0 &&
		strncmp(e.msg, "t.json:", 7) != 0)
		abort();
	return 0;
}
