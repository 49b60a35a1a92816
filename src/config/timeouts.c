/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/config.h"
#include "config/stages.h"
#include <errno.h>
#include <math.h>
#include <string.h>

#define MINUTE_US UINT64_C(60000000)

/* jansson keeps no line of a member: look for the quoted key. 0: written with escapes. */
static unsigned line_of(const char *text, size_t n, const char *key)
{
	auto_free char *quoted = xasprintf("\"%s\"", key);
	const char *at = memmem(text, n, quoted, strlen(quoted));
	unsigned line = at ? 1 : 0;
	for (const char *p = text; at && p < at; p++)
		line += *p == '\n';
	return line;
}

/* "120", 120, 1.5 or, more than BTRFSQA knows, "90s". */
static int minutes(const json_t *v, uint64_t *ret_us, struct err *e)
{
	if (json_is_string(v))
		return parse_duration(json_string_value(v), MINUTE_US, ret_us, e);
	if (!json_is_number(v))
		return err_set(e, EINVAL, "not a number of minutes");
	double us = json_number_value(v) * (double)MINUTE_US;
	if (!(us >= 0 && us < 1e18))
		return err_set(e, ERANGE, "%g minutes is out of range", json_number_value(v));
	*ret_us = (uint64_t)llround(us);
	return 0;
}

static int one(const json_t *v, uint64_t *ret_us, struct err *e)
{
	const struct setting *s = config_setting("stage.*.timeout");
	uint64_t us = 0;
	int rc = minutes(v, &us, e);
	if (rc < 0)
		return rc;
	auto_free char *text = config_number_text(s, us);
	auto_free char *low = config_number_text(s, s->min);
	auto_free char *high = config_number_text(s, s->max);
	if (us < s->min || us > s->max)
		return err_set(e, ERANGE, "%s is not between %s and %s", text, low, high);
	*ret_us = us;
	return 0;
}

int timeouts_parse(const char *path, const char *text, size_t n,
	int (*each)(
		void *ctx, const char *stage, uint64_t timeout_us, unsigned line, struct err *e),
	void *ctx, struct err *e)
{
	json_error_t why;
	auto_json json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, EINVAL, "%s:%d: %s", path, why.line, why.text);
	if (!json_is_object(j))
		return err_set(e, EINVAL, "%s:1: not an object of stage names and minutes", path);
	const char *key = NULL;
	json_t *v = NULL;
	json_object_foreach (j, key, v) {
		unsigned line = line_of(text, n, key);
		uint64_t us = 0;
		int rc = one(v, &us, e);
		if (rc < 0 && line)
			return err_wrap(e, "%s:%u: %.80s", path, line, key);
		if (rc < 0)
			return err_wrap(e, "%s: %.80s", path, key);
		rc = each(ctx, key, us, line, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
