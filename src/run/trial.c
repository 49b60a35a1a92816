/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/trial.h"
#include "base/clock.h"
#include "base/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool trial_name_is_valid(const char *name)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_+-";
	if (strlen(name) > 120)
		return false;
	for (;;) {
		size_t n = strspn(name, word);
		if (n == 0)
			return false;
		if (name[n] == '\0')
			return true;
		if (name[n] != '.')
			return false;
		name += n + 1;
	}
}

void trial_begin(struct trial *t, json_t *tally, const char *stage, const char *test)
{
	*t = (struct trial){ .started_us = clock_mono_us() };
	(void)snprintf(t->test, sizeof t->test, "%s", test);    /* names are checked before */
	(void)snprintf(t->stage, sizeof t->stage, "%s", stage); /* likewise */
	t->attempt = json_i64_or(tally, test, 0) + 1;
	json_object_set_new(tally, test, json_integer(t->attempt));
	t->kernel = json_array();
}

bool trial_kernel(struct trial *t, enum kernel_class class, uint64_t kernel_us, const char *text)
{
	if (class == KERNEL_QUIET)
		return false;
	if (kernel_class_is_excusable(class) && kernel_expect_match(&t->expect, text))
		return false;
	if (t->n_kernel++ == 0)
		(void)snprintf(t->kernel_reason, sizeof t->kernel_reason, "kernel %s: %s",
			kernel_class_name(class), text); /* may be cut */
	if (json_array_size(t->kernel) < TRIAL_KERNEL_MAX)
		json_array_append_new(
			t->kernel, json_pack("{s:s, s:I, s:s}", "class", kernel_class_name(class),
					   "us", (json_int_t)kernel_us, "text", text));
	return true;
}

json_t *trial_start_record(const struct trial *t)
{
	return json_pack("{s:s, s:I, s:s}", "test", t->test, "attempt", (json_int_t)t->attempt,
		"stage", t->stage);
}

/* Whether the kernel's first message stands in `reason` already. */
static bool has_said(const struct trial *t, const char *reason)
{
	const char *text = strstr(t->kernel_reason, ": ");
	return text && strstr(reason, text + 2);
}

json_t *trial_end_record(const struct trial *t, enum verdict status, const char *reason,
	uint64_t log_to, enum verdict *ret_status)
{
	char both[512];
	const char *own = reason ? reason : "";
	if (t->n_kernel && status != VERDICT_FAIL) {
		status = VERDICT_FAIL;
		own = t->kernel_reason;
	} else if (t->n_kernel && !has_said(t, own)) {
		(void)snprintf(
			both, sizeof both, "%s; %s", own, t->kernel_reason); /* cut is fine */
		own = both;
	}
	json_t *j = json_pack("{s:s, s:I, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "test", t->test,
		"attempt", (json_int_t)t->attempt, "stage", t->stage, "status",
		verdict_name(status), "reason", json_bytes(own, strlen(own)), "duration_us",
		(json_int_t)(clock_mono_us() - t->started_us), "marker_us",
		(json_int_t)t->marker_us, "log_from", (json_int_t)t->log_from, "log_to",
		(json_int_t)log_to);
	if (t->n_kernel) {
		json_object_set(j, "kernel_log", t->kernel);
		json_object_set_new(j, "kernel_messages", json_integer(t->n_kernel));
	}
	if (ret_status)
		*ret_status = status;
	return j;
}

void trial_clear(struct trial *t)
{
	kernel_expect_clear(&t->expect);
	json_decref(t->kernel);
	*t = (struct trial){ 0 };
}
