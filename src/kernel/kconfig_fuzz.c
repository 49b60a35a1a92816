/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Up to the first NUL a Kconfig file, then a .config, then a condition. What is told to be unmet is
 * a part of the condition, and unmet itself. */
#include "base/mem.h"
#include "kernel/fragment.h"
#include "kernel/kconfig.h"
#include "kernel/kconfig_expr.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	size_t n = strlen(text);
	size_t rest = n < size ? n + 1 : size;
	auto_free char *config = xstrndup((const char *)data + rest, size - rest);
	rest += strlen(config) + (rest + strlen(config) < size);
	auto_free char *expr = xstrndup((const char *)data + rest, size - rest);
	auto_kconfig struct kconfig *k = kconfig_parse("Kconfig", text);
	auto_free char *why = kconfig_why(k, "A", config);
	auto_free char *part = kconfig_unmet(expr, config);
	if (!why)
		abort();
	if (part && !strstr(expr, part))
		abort();
	auto_free char *again = part ? kconfig_unmet(part, config) : NULL;
	if (part && !again)
		abort();
	auto_fragments struct fragments f = { 0 };
	(void)fragments_add(&f, "x", NULL, text, NULL); /* only its memory is of interest */
	return 0;
}
