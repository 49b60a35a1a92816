/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/parse.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
	const char *name;
	uint64_t value;
};

/* Read the digits at *s and leave *s behind them. */
static int digits(const char **s, uint64_t *ret, struct err *e)
{
	if (**s < '0' || **s > '9')
		return err_set(e, EINVAL, "'%.60s' is not a number", *s);
	char *end = NULL;
	errno = 0;
	unsigned long long v = strtoull(*s, &end, 10);
	if (errno)
		return err_set(e, ERANGE, "'%.60s' is too large", *s);
	*s = end;
	*ret = v;
	return 0;
}

static int with_unit(const char *s, const struct unit *units, size_t n_units, const char *known,
	uint64_t *ret, struct err *e)
{
	const char *p = s;
	uint64_t v = 0;
	int rc = digits(&p, &v, e);
	if (rc < 0)
		return rc;
	while (*p == ' ')
		p++;
	for (size_t i = 0; i < n_units; i++) {
		if (strcasecmp(p, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].value, &v))
			return err_set(e, ERANGE, "'%.60s' is too large", s);
		*ret = v;
		return 0;
	}
	return err_set(e, EINVAL, "unknown unit '%.20s' in '%.60s' (known: %s)", p, s, known);
}

int parse_u64(const char *s, uint64_t *ret, struct err *e)
{
	const char *p = s;
	uint64_t v = 0;
	int rc = digits(&p, &v, e);
	if (rc < 0)
		return rc;
	if (*p)
		return err_set(e, EINVAL, "'%.60s' is not a whole number", s);
	*ret = v;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes, struct err *e)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "K", UINT64_C(1) << 10 },
		{ "KB", UINT64_C(1) << 10 },
		{ "KiB", UINT64_C(1) << 10 },
		{ "M", UINT64_C(1) << 20 },
		{ "MB", UINT64_C(1) << 20 },
		{ "MiB", UINT64_C(1) << 20 },
		{ "G", UINT64_C(1) << 30 },
		{ "GB", UINT64_C(1) << 30 },
		{ "GiB", UINT64_C(1) << 30 },
		{ "T", UINT64_C(1) << 40 },
		{ "TB", UINT64_C(1) << 40 },
		{ "TiB", UINT64_C(1) << 40 },
	};
	return with_unit(s, units, ARRAY_LEN(units), "K M G T", ret_bytes, e);
}

int parse_duration(const char *s, uint64_t unit_us, uint64_t *ret_us, struct err *e)
{
	const struct unit units[] = {
		{ "", unit_us },
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "m", UINT64_C(60) * 1000000 },
		{ "min", UINT64_C(60) * 1000000 },
		{ "h", UINT64_C(3600) * 1000000 },
		{ "d", UINT64_C(86400) * 1000000 },
	};
	return with_unit(s, units, ARRAY_LEN(units), "ms s m h d", ret_us, e);
}

int parse_moment(const char *s, int64_t *ret_s, struct err *e)
{
	static const char number[] = "0123456789";
	struct tm tm = { 0 };
	/* strptime alone takes fewer digits and blanks. */
	bool shape = strspn(s, number) == 8 && s[8] == 'T' && strspn(s + 9, number) == 6;
	const char *end = shape ? strptime(s, "%Y%m%dT%H%M%SZ", &tm) : NULL;
	struct tm given = tm;
	time_t t = end && !*end ? timegm(&tm) : -1;
	/* What timegm had to put right was no date: February's 31st. */
	if (t < 0 || tm.tm_mday != given.tm_mday || tm.tm_sec != given.tm_sec)
		return err_set(e, EINVAL, "want a moment in UTC such as 20260101T000000Z");
	*ret_s = t;
	return 0;
}

const char *parse_size_text(uint64_t bytes, char out[PARSE_SIZE_TEXT])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;
	uint64_t unit = 1;
	while (i + 1 < ARRAY_LEN(names) && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	if (i == 0)
		(void)snprintf(out, PARSE_SIZE_TEXT, "%" PRIu64 " B", bytes); /* fits */
	else
		(void)snprintf(out, PARSE_SIZE_TEXT, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit,
			bytes % unit * 10 / unit, names[i]); /* fits */
	return out;
}
