/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/disk_fault.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {
	[TARGET_FAULT_UNPLUG] = "unplug",
	[TARGET_FAULT_PLUG] = "plug",
	[TARGET_FAULT_ERROR] = "error",
	[TARGET_FAULT_SLOW] = "slow",
	[TARGET_FAULT_HEAL] = "heal",
};

const char *disk_fault_action(enum target_fault_kind kind)
{
	return actions[kind];
}

static int number(const json_t *event, const char *key, uint64_t max, uint64_t *ret, struct err *e)
{
	int64_t v = json_i64_or(event, key, 0);
	if (v < 0 || (uint64_t)v > max)
		return err_set(e, EINVAL, "%s: want at most %" PRIu64, key, max);
	*ret = (uint64_t)v;
	return 0;
}

int disk_fault_parse(const json_t *event, struct target_fault *ret, struct err *e)
{
	const char *action = json_str_or(event, "action", "");
	struct target_fault f = { .disk = json_str_or(event, "disk", "") };
	uint64_t count = 0;
	uint64_t every = 0;
	size_t kind = 0;
	while (kind < ARRAY_LEN(actions) && strcmp(actions[kind], action) != 0)
		kind++;
	if (kind == ARRAY_LEN(actions))
		return err_set(e, EINVAL, "no such fault: %.40s", action);
	f.kind = (enum target_fault_kind)kind;
	f.surprise = json_bool_or(event, "surprise", false);
	f.reads = json_bool_or(event, "read", false);
	f.writes = json_bool_or(event, "write", false);
	f.flushes = json_bool_or(event, "flush", false);
	if (!f.reads && !f.writes && !f.flushes)
		f.reads = f.writes = true;
	int rc = number(event, "sector", INT64_MAX, &f.sector, e);
	if (rc == 0)
		rc = number(event, "sectors", TARGET_FAULT_MANY, &f.n_sectors, e);
	if (rc == 0)
		rc = number(event, "count", TARGET_FAULT_MANY, &count, e);
	if (rc == 0)
		rc = number(event, "every", TARGET_FAULT_MANY, &every, e);
	if (rc == 0)
		rc = number(event, "bytes", (uint64_t)1 << 50, &f.bytes_per_s, e);
	if (rc == 0)
		rc = number(event, "requests", 1000000000, &f.requests_per_s, e);
	if (rc < 0)
		return rc;
	if (f.kind == TARGET_FAULT_SLOW && !f.bytes_per_s && !f.requests_per_s)
		return err_set(e, EINVAL, "how slow? Say bytes, requests or both");
	f.count = (unsigned)count;
	f.every = (unsigned)every;
	*ret = f;
	return 0;
}

static void error_text(const struct target_fault *f, struct buf *out)
{
	static const char *const names[] = { "", "reads", "writes", "reads and writes", "flushes",
		"reads and flushes", "writes and flushes", "reads, writes and flushes" };
	const char *what = names[(f->reads ? 1 : 0) | (f->writes ? 2 : 0) | (f->flushes ? 4 : 0)];
	if (f->every > 1)
		buf_addf(out, "one of %u ", f->every);
	buf_addf(out, "%s fail%s", what, f->every > 1 ? "s" : "");
	if (f->n_sectors == 1)
		buf_addf(out, " at sector %" PRIu64, f->sector);
	else if (f->n_sectors)
		buf_addf(out, " at sectors %" PRIu64 "-%" PRIu64, f->sector,
			f->sector + f->n_sectors - 1);
	if (f->count)
		buf_addf(out, ", %u times", f->count);
}

void disk_fault_text(const struct target_fault *f, struct buf *out)
{
	char size[PARSE_SIZE_TEXT];
	buf_addf(out, "%s: ", f->disk);
	switch (f->kind) {
	case TARGET_FAULT_UNPLUG:
		buf_adds(out, f->surprise ? "unplugged by surprise" : "unplugged");
		break;
	case TARGET_FAULT_PLUG:
		buf_adds(out, "plugged in");
		break;
	case TARGET_FAULT_ERROR:
		error_text(f, out);
		break;
	case TARGET_FAULT_SLOW:
		buf_adds(out, "at most");
		if (f->bytes_per_s)
			buf_addf(out, " %s", parse_size_text(f->bytes_per_s, size));
		if (f->requests_per_s)
			buf_addf(out, "%s %" PRIu64 " requests", f->bytes_per_s ? " and" : "",
				f->requests_per_s);
		buf_adds(out, " a second");
		break;
	case TARGET_FAULT_HEAL:
		buf_adds(out, "healed");
		break;
	}
}

/* ---- a profile's word ---- */

static const struct {
	const char *action, *name;
	enum {
		YES,
		NUMBER,
		SIZE,
		SECTORS
	} kind;
} options[] = {
	{ "unplug", "surprise", YES },
	{ "error", "read", YES },
	{ "error", "write", YES },
	{ "error", "flush", YES },
	{ "error", "sector", SECTORS },
	{ "error", "count", NUMBER },
	{ "error", "every", NUMBER },
	{ "slow", "bytes", SIZE },
	{ "slow", "requests", NUMBER },
};

static void set_number(json_t *event, const char *key, uint64_t n)
{
	/* What is no event's number is no fault's either: disk_fault_parse says so. */
	json_object_set_new(event, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

/* "FIRST" or "FIRST-LAST" */
static int set_sectors(json_t *event, const char *text, struct err *e)
{
	uint64_t from = 0;
	const char *dash = strchr(text, '-');
	auto_free char *first = xstrndup(text, dash ? (size_t)(dash - text) : strlen(text));
	int rc = parse_u64(first, &from, e);
	uint64_t to = from;
	if (rc == 0 && dash)
		rc = parse_u64(dash + 1, &to, e);
	if (rc == 0 && (to < from || to - from >= INT64_MAX))
		rc = err_set(e, EINVAL, "the last sector comes before the first");
	if (rc < 0)
		return rc;
	set_number(event, "sector", from);
	set_number(event, "sectors", to - from + 1);
	return 0;
}

static int set_option(json_t *event, const char *action, const char *text, struct err *e)
{
	uint64_t n = 0;
	size_t i = 0;
	const char *equals = strchr(text, '=');
	auto_free char *name = xstrndup(text, equals ? (size_t)(equals - text) : strlen(text));
	while (i < ARRAY_LEN(options) &&
		(strcmp(options[i].action, action) != 0 || strcmp(options[i].name, name) != 0))
		i++;
	if (i == ARRAY_LEN(options))
		return err_set(e, EINVAL, "%s has no '%.40s'", action, name);
	if (!equals != (options[i].kind == YES))
		return err_set(e, EINVAL, "%s %s value", name, equals ? "takes no" : "needs a");
	int rc = 0;
	switch (options[i].kind) {
	case YES:
		json_object_set_new(event, name, json_true());
		return 0;
	case SECTORS:
		return set_sectors(event, equals + 1, e);
	case NUMBER:
		rc = parse_u64(equals + 1, &n, e);
		break;
	case SIZE:
		rc = parse_size(equals + 1, &n, e);
		break;
	}
	if (rc == 0)
		set_number(event, name, n);
	return rc;
}

int disk_fault_word(const char *word, json_t **ret, struct err *e)
{
	struct target_fault f;
	auto_strv struct strv parts = { 0 };
	const char *colon = strchr(word, ':');
	if (colon)
		strv_split(&parts, colon + 1, ",");
	const char *action = parts.n ? parts.v[0] : "";
	bool known = strcmp(action, "unplug") == 0 || strcmp(action, "error") == 0 ||
		     strcmp(action, "slow") == 0;
	if (!known || colon == word)
		return err_set(e, EINVAL,
			"want DISK:unplug, DISK:error or DISK:slow, and its options behind ','");
	auto_free char *disk = xstrndup(word, (size_t)(colon - word));
	auto_json json_t *event = json_pack("{s:s, s:s}", "action", action, "disk", disk);
	int rc = 0;
	for (size_t i = 1; rc == 0 && i < parts.n; i++)
		rc = set_option(event, action, parts.v[i], e);
	if (rc == 0)
		rc = disk_fault_parse(event, &f, e);
	if (rc == 0)
		*ret = json_incref(event);
	return rc;
}
