/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/results.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <inttypes.h>

int results_read(struct cli *cli, const char *id, struct run_info **ret)
{
	auto_free char *state = NULL;
	int code = cli_state_dir(cli, NULL, &state);
	if (code != CLI_GOOD)
		return code;
	struct err e = { 0 };
	int rc = run_read(state, id ? id : "latest", ret, &e);
	if (rc == -ENOENT || rc == -ENOTUNIQ)
		return cli_error(cli, CLI_USAGE, &e);
	if (rc < 0)
		return cli_error(cli, CLI_INFRA, &e);
	if ((*ret)->damage)
		cli_warn(cli, "%s/journal is damaged at %s; only what is before is shown",
			(*ret)->dir, (*ret)->damage);
	return CLI_GOOD;
}

enum cli_color results_color(enum verdict v)
{
	switch (v) {
	case VERDICT_FAIL:
	case VERDICT_ERROR:
		return CLI_RED;
	case VERDICT_MISS:
		return CLI_YELLOW;
	case VERDICT_PASS:
		return CLI_GREEN;
	default:
		return CLI_PLAIN;
	}
}

char *results_state(enum verdict v, bool live, bool interrupted, bool damaged)
{
	if (live)
		return xstrdup("running");
	return xasprintf("%s%s", verdict_name(v),
		damaged       ? " (damaged)"
		: interrupted ? " (interrupted)"
			      : "");
}

const char *results_age(int64_t wall_us, char out[RESULTS_AGE_SIZE])
{
	static const struct {
		int64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t s = (clock_wall_us() - wall_us) / 1000000;
	size_t i = 0;
	s = s < 0 ? 0 : s; /* the clock was set back */
	while (i + 1 < ARRAY_LEN(units) && s < units[i].s)
		i++;
	(void)snprintf(
		out, RESULTS_AGE_SIZE, "%" PRId64 "%c", s / units[i].s, units[i].unit); /* fits */
	return out;
}

json_t *results_counts(const unsigned counts[VERDICT_COUNT])
{
	json_t *j = json_object();
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_object_set_new(j, verdict_name((enum verdict)v), json_integer(counts[v]));
	return j;
}

char *results_counts_text(const unsigned counts[VERDICT_COUNT])
{
	static const enum verdict order[] = { VERDICT_PASS, VERDICT_DONE, VERDICT_FAIL,
		VERDICT_ERROR, VERDICT_MISS, VERDICT_SKIP };
	struct buf b = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (counts[order[i]])
			buf_addf(&b, "%s%u %s", b.len ? ", " : "", counts[order[i]],
				verdict_name(order[i]));
	}
	if (b.len == 0)
		buf_adds(&b, "no tests");
	return buf_take(&b);
}

json_t *results_member(const json_t *record, const char *key)
{
	json_t *v = json_object_get(record, key);
	return v ? json_incref(v) : json_null();
}
