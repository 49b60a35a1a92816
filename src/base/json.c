/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT (16u << 20)

int json_parse_object(const char *text, size_t len, json_t **ret, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, EINVAL, "line %d, column %d: %s", why.line, why.column, why.text);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, EINVAL, "line 1: not a JSON object");
	}
	*ret = j;
	return 0;
}

int json_read_object(const char *path, json_t **ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int rc = file_read(path, FILE_LIMIT, &b, e);
	if (rc < 0)
		return rc;
	rc = json_parse_object(buf_str(&b), b.len, ret, e);
	return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

char *json_line(const json_t *j)
{
	char *s = json_dumps(j, JSON_COMPACT);
	return s ? s : xstrdup("{}");
}

int json_get_str(const json_t *j, const char *key, const char **ret, struct err *e)
{
	const char *s = json_string_value(json_object_get(j, key));
	if (!s)
		return err_set(e, EINVAL, "member \"%s\" is not a string", key);
	*ret = s;
	return 0;
}

int json_get_i64(const json_t *j, const char *key, int64_t *ret, struct err *e)
{
	json_t *v = json_object_get(j, key);
	if (!json_is_integer(v))
		return err_set(e, EINVAL, "member \"%s\" is not a whole number", key);
	*ret = json_integer_value(v);
	return 0;
}

const char *json_str_or(const json_t *j, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : def;
}

int64_t json_i64_or(const json_t *j, const char *key, int64_t def)
{
	json_t *v = json_object_get(j, key);
	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool json_bool_or(const json_t *j, const char *key, bool def)
{
	json_t *v = json_object_get(j, key);
	return json_is_boolean(v) ? json_is_true(v) : def;
}

json_t *json_find(const json_t *array, const char *key, const char *text)
{
	size_t i;
	json_t *x;
	json_array_foreach (array, i, x)
		if (strcmp(json_str_or(x, key, ""), text) == 0)
			return x;
	return NULL;
}

json_t *json_bytes(const char *p, size_t n)
{
	auto_buf struct buf b = { 0 };
	utf8_clean(&b, p, n);
	return json_stringn(buf_str(&b), b.len);
}
