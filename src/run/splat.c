/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/splat.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

/* What a splat of this class says of an end: nothing, where it stuck, what broke. */
static int rank(enum kernel_class c)
{
	switch (c) {
	case KERNEL_STALL:
	case KERNEL_HUNG_TASK:
		return 1;
	case KERNEL_BUG:
	case KERNEL_OOPS:
	case KERNEL_KASAN:
	case KERNEL_PANIC:
		return 2;
	default:
		return 0;
	}
}

/* Behind "[   12.345678]" and "[  T123]", each of which may be missing. */
static const char *without_time(const char *s)
{
	while (*s == '[') {
		const char *end = strchr(s, ']');
		if (!end || strspn(s + 1, " .0123456789TC") != (size_t)(end - s - 1))
			break;
		s = end + 1;
		s += *s == ' ';
	}
	return s;
}

/* May be cut. */
static void keep(char dst[SPLAT_LINE], const char *text, size_t n)
{
	if (!dst[0])
		(void)snprintf(dst, SPLAT_LINE, "%.*s", (int)n, text);
}

/* "Out of memory: Killed process 165 (tail) total-vm:..., anon-rss:..." */
static void look_for_oom(struct splat *s, const char *text)
{
	static const char machine[] = "Out of memory: Killed process ";
	static const char cgroup[] = "Memory cgroup out of memory: Killed process ";
	const char *end = strstr(text, " total-vm");
	size_t n = end ? (size_t)(end - text) : strlen(text);
	if (strncmp(text, machine, sizeof machine - 1) == 0)
		keep(s->oom, text, n);
	else if (strncmp(text, cgroup, sizeof cgroup - 1) == 0)
		keep(s->cgroup_oom, text, n);
}

void splat_line(struct splat *s, const char *line)
{
	const char *text = without_time(line);
	enum kernel_class class = kernel_classify(text);
	look_for_oom(s, text);
	if (rank(class) > s->rank) {
		s->rank = rank(class);
		s->class = class;
		s->first[0] = '\0';
		keep(s->first, text, strlen(text));
		buf_reset(&s->text);
		s->n_lines = 0;
	}
	if (s->class == KERNEL_QUIET || s->n_lines >= SPLAT_LINES)
		return;
	s->n_lines++;
	buf_addf(&s->text, "%.*s\n", SPLAT_LINE, line);
}

void splat_console(struct splat *s, const void *data, size_t n)
{
	const char *p = data;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			s->line[s->line_len] = '\0';
			s->line_len = 0;
			splat_line(s, s->line);
		} else if (p[i] != '\r' && s->line_len < sizeof s->line - 1) {
			s->line[s->line_len++] =
				(p[i] >= ' ' && p[i] <= '~') || p[i] == '\t' ? p[i] : '?';
		}
	}
}

void splat_reset(struct splat *s)
{
	s->class = KERNEL_QUIET;
	s->rank = 0;
	s->first[0] = s->oom[0] = s->cgroup_oom[0] = '\0';
	buf_reset(&s->text);
	s->n_lines = 0;
}

void splat_clear(struct splat *s)
{
	buf_clear(&s->text);
	*s = (struct splat){ 0 };
}

/* ---- ends ---- */

static const char *panic_name(const char *detail)
{
	static const struct {
		const char *has, *name;
	} known[] = {
		{ "Attempted to kill init", "agent-died" },
		{ "System is deadlocked on memory", "out-of-memory" },
		{ "Out of memory", "out-of-memory" },
		{ "softlockup: hung tasks", "soft-lockup" },
		{ "hung_task: blocked tasks", "hung-task" },
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(detail, known[i].has))
			return known[i].name;
	return target_end_name(TARGET_PANIC);
}

static const char *hang_name(const struct splat *s)
{
	if (s->rank == 2)
		return "oops-hang";
	if (s->oom[0])
		return "out-of-memory";
	if (s->class == KERNEL_STALL)
		return strstr(s->first, "soft lockup") ? "soft-lockup" : "stall";
	return s->class == KERNEL_HUNG_TASK ? "hung-task" : target_end_name(TARGET_HUNG);
}

const char *splat_end_name(const struct splat *s, enum target_end end, const char *detail)
{
	if (end == TARGET_PANIC)
		return panic_name(detail);
	return end == TARGET_HUNG ? hang_name(s) : target_end_name(end);
}

char *splat_reason(const struct splat *s, enum target_end end, const char *detail)
{
	const char *first = s->class == KERNEL_QUIET ? s->oom : s->first;
	bool kernels = end == TARGET_PANIC || end == TARGET_HUNG || end == TARGET_NEVER_UP ||
		       end == TARGET_REBOOT;
	if (end == TARGET_PANIC && strcmp(panic_name(detail), "agent-died") == 0)
		return xasprintf("the agent died: %s", detail);
	if (!kernels || !*first || strstr(detail, first))
		return xstrdup(detail);
	if (end == TARGET_HUNG && s->rank == 2)
		return xasprintf("oops, then hang: %s; %s", first, detail);
	return xasprintf("%s; %s", first, detail);
}
