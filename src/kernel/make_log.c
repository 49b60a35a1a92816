/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/make_log.h"
#include "base/json_text.h"
#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "  CC [M]  fs/btrfs/inode.o" */
static bool is_step(const char *s)
{
	if (s[0] != ' ' || s[1] != ' ' || !isupper((unsigned char)s[2]))
		return false;
	size_t n = strspn(s + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	return s[2 + n] == ' ' && (s[3 + n] == ' ' || s[3 + n] == '[' || n > 6);
}

static bool is_make(const char *s)
{
	return strncmp(s, "make: ", 6) == 0 || strncmp(s, "make[", 5) == 0;
}

enum strength {
	ERROR_NONE,
	ERROR_WEAK, /* make says that something failed */
	ERROR_FIRM, /* what failed says why */
};

static enum strength is_error(const char *s)
{
	static const char *const firm[] = { ": error: ", ": fatal error: ",
		"undefined reference to", "ld: ", "ld.lld: error",
		"ERROR: modpost:", "*** No rule to make target", "multiple definition of",
		"Error: ", "FATAL ERROR: ", "No space left on device" };
	for (size_t i = 0; i < ARRAY_LEN(firm); i++)
		if (strstr(s, firm[i]) && !strstr(s, "warning: "))
			return ERROR_FIRM;
	if (strncmp(s, "error: ", 7) == 0 || strncmp(s, "fatal error: ", 13) == 0)
		return ERROR_FIRM;
	return is_make(s) && strstr(s, "*** ") ? ERROR_WEAK : ERROR_NONE;
}

static bool is_killed(const char *s)
{
	return strstr(s, "Killed signal terminated program") || strcmp(s, "Killed") == 0 ||
	       (is_make(s) && (strstr(s, "] Killed") || strstr(s, "] Error 137")));
}

/* "cc1: fatal error: x.s: No space left on device", "Fatal error: can't write x.o: 'Input/output
 * error'": said at a line's end, or it is text of a source that is shown. 0: none. */
static int host_error(const char *s)
{
	static const struct {
		const char *text;
		int code;
	} ends[] = {
		{ "No space left on device", -ENOSPC },
		{ "Disk quota exceeded", -ENOSPC },
		{ "Read-only file system", -ENOSPC },
		{ "Input/output error", -ENOSPC },
		{ "Cannot allocate memory", -ENOMEM },
		{ "virtual memory exhausted", -ENOMEM },
		{ "LLVM ERROR: out of memory", -ENOMEM },
	};
	size_t n = strlen(s);
	while (n && strchr("'.", s[n - 1]))
		n--;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t m = strlen(ends[i].text);
		if (n >= m && (n == m || strchr(" '", s[n - m - 1])) &&
			memcmp(s + n - m, ends[i].text, m) == 0)
			return ends[i].code;
	}
	/* "cc1: out of memory allocating 65536 bytes after a total of 1 bytes" */
	return strstr(s, ": out of memory allocating ") ? -ENOMEM : 0;
}

static void forget(struct make_log *l)
{
	for (unsigned i = 0; i < l->n_before; i++)
		free(l->before[i]);
	l->n_before = 0;
}

static void remember(struct make_log *l, const char *s)
{
	if (l->n_before == MAKE_LOG_BEFORE) {
		free(l->before[0]);
		memmove(l->before, l->before + 1, (MAKE_LOG_BEFORE - 1) * sizeof *l->before);
		l->n_before--;
	}
	l->before[l->n_before++] = xstrdup(s);
}

/* "fs/btrfs/inode.c" of "fs/btrfs/inode.c:12:3: error: ..."; NULL where it is no compiler's. A file
 * that is not found may be one that make was to make. */
static char *file_of(const char *s)
{
	size_t n = strcspn(s, ": ");
	const char *at = s + n;
	for (int i = 0; i < 2; i++) {
		size_t digits = *at == ':' ? strspn(at + 1, "0123456789") : 0;
		if (!digits)
			return NULL;
		at += 1 + digits;
	}
	bool error = strncmp(at, ": error: ", 9) == 0 || strncmp(at, ": fatal error: ", 15) == 0;
	return n && error && !strstr(at, "No such file") ? xstrndup(s, n) : NULL;
}

static void take_error(struct make_log *l, const char *s, enum strength strength)
{
	free(l->error);
	free(l->error_file);
	l->error = xstrdup(s);
	l->error_file = file_of(s);
	l->weak = strength == ERROR_WEAK;
	buf_reset(&l->context);
	for (unsigned i = 0; i < l->n_before; i++)
		buf_addf(&l->context, "%s\n", l->before[i]);
	buf_addf(&l->context, "%s\n", s);
	l->after = MAKE_LOG_AFTER;
}

/* "fs/btrfs/inode.o" of "  CC      fs/btrfs/inode.o" */
static void take_step(struct make_log *l, const char *s)
{
	const char *space = strrchr(s, ' ');
	free(l->step);
	l->step = xstrdup(space + 1);
	l->steps++;
	if (!l->made)
		l->made = json_object();
	if (l->steps <= MAKE_LOG_MADE)
		json_object_set_new(l->made, l->step, json_array());
}

static void take_warning(struct make_log *l, const char *s)
{
	if (l->warned >= MAKE_LOG_WARNED)
		return;
	l->warned++;
	if (!l->made)
		l->made = json_object();
	const char *step = l->step ? l->step : "make";
	json_t *lines = json_object_get(l->made, step);
	if (!lines) {
		lines = json_array();
		json_object_set_new(l->made, step, lines);
	}
	json_array_append_new(lines, json_string(s));
}

static void take_line(struct make_log *l, const char *s)
{
	enum strength strength = is_error(s);
	bool step = is_step(s);
	l->killed = l->killed || is_killed(s);
	l->skewed = l->skewed || (is_make(s) && strstr(s, "Clock skew detected"));
	int host = l->host || step ? 0 : host_error(s);
	if (host < 0) {
		l->host = xstrdup(s);
		l->host_code = host;
	}
	if (step)
		take_step(l, s);
	else if (strstr(s, ": warning: "))
		take_warning(l, s);
	if (strength != ERROR_NONE && (!l->error || (l->weak && strength == ERROR_FIRM))) {
		take_error(l, s, strength);
	} else if (l->after && (step || is_make(s))) {
		l->after = 0;
	} else if (l->after) {
		buf_addf(&l->context, "%s\n", s);
		l->after--;
	}
	if (step || is_make(s))
		forget(l); /* what follows is another's */
	else
		remember(l, s);
}

/* As text that can be printed and stored. */
static void end_line(struct make_log *l)
{
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, buf_str(&l->line), l->line.len);
	while (clean.len && isspace((unsigned char)clean.s[clean.len - 1]))
		clean.s[--clean.len] = '\0';
	for (size_t i = 0; i < clean.len; i++)
		if ((unsigned char)clean.s[i] < ' ' || clean.s[i] == 127)
			clean.s[i] = ' ';
	take_line(l, buf_str(&clean));
	if (l->on_line)
		l->on_line(l->ctx, buf_str(&clean));
	buf_reset(&l->line);
}

void make_log_feed(struct make_log *l, const char *data, size_t n)
{
	while (n) {
		const char *end = memchr(data, '\n', n);
		size_t piece = end ? (size_t)(end - data) : n;
		size_t room = MAKE_LOG_LINE - l->line.len;
		buf_add(&l->line, data, piece < room ? piece : room);
		data += piece + (end != NULL);
		n -= piece + (end != NULL);
		if (end)
			end_line(l);
	}
}

void make_log_end(struct make_log *l)
{
	if (l->line.len)
		end_line(l);
}

void make_log_clear(struct make_log *l)
{
	forget(l);
	free(l->error);
	free(l->error_file);
	free(l->host);
	free(l->step);
	json_decref(l->made);
	buf_clear(&l->context);
	buf_clear(&l->line);
	*l = (struct make_log){ 0 };
}
