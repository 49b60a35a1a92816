/* SPDX-License-Identifier: GPL-2.0-or-later */
/* However the output is cut into pieces, the same comes out, and it stays small. */
#include "kernel/make_log.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_make_log struct make_log whole = { 0 };
	auto_make_log struct make_log pieces = { 0 };
	const char *text = (const char *)data;
	make_log_feed(&whole, text, size);
	make_log_end(&whole);
	for (size_t i = 0; i < size; i++)
		make_log_feed(&pieces, text + i, 1);
	make_log_end(&pieces);
	if (whole.steps != pieces.steps || (whole.made && !json_equal(whole.made, pieces.made)) ||
		!whole.made != !pieces.made || whole.killed != pieces.killed ||
		!whole.error != !pieces.error || whole.host_code != pieces.host_code ||
		strcmp(buf_str(&whole.context), buf_str(&pieces.context)) != 0)
		abort();
	/* A byte that is no UTF-8 becomes three. */
	if (whole.context.len > (MAKE_LOG_BEFORE + 1 + MAKE_LOG_AFTER) * (3 * MAKE_LOG_LINE + 1))
		abort();
	return 0;
}
