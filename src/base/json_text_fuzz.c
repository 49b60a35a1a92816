/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the bytes and wherever they are cut, the result is the inside of a valid
 * JSON string, and the same as for the bytes in one piece. */
#include "base/buf.h"
#include "base/json_text.h"
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t cut = data[0] % size;
	data++;
	size--;
	cut = cut > size ? size : cut;
	auto_buf struct buf whole = { 0 };
	auto_buf struct buf parts = { 0 };
	struct json_text t = { 0 };
	buf_addc(&whole, '"');
	json_text_add(&t, &whole, data, size);
	json_text_end(&t, &whole);
	buf_addc(&whole, '"');
	buf_addc(&parts, '"');
	json_text_add(&t, &parts, data, cut);
	json_text_add(&t, &parts, data + cut, size - cut);
	json_text_end(&t, &parts);
	buf_addc(&parts, '"');
	if (strcmp(buf_str(&whole), buf_str(&parts)) != 0)
		abort();
	json_t *j = json_loadb(whole.s, whole.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!j)
		abort();
	json_decref(j);
	return 0;
}
