/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/ending.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/mem.h"
#include <signal.h>
#include <string.h>

static const char *const names[] = {
	[TARGET_POWEROFF] = "poweroff",
	[TARGET_REBOOT] = "reboot",
	[TARGET_PANIC] = "panic",
	[TARGET_NEVER_UP] = "never-up",
	[TARGET_DIED] = "died",
	[TARGET_QEMU_KILLED] = "qemu-killed",
	[TARGET_QEMU_ERROR] = "qemu-error",
	[TARGET_NO_ACCEL] = "no-accel",
	[TARGET_HOST_FULL] = "host-full",
	[TARGET_LIED] = "lied",
	[TARGET_HUNG] = "hang",
	[TARGET_KILLED] = "killed",
	[TARGET_SAVED] = "saved",
};

const char *target_end_name(enum target_end end)
{
	return (size_t)end < ARRAY_LEN(names) ? names[end] : "?";
}

/* One printable line, whatever a guest or QEMU made of it. */
static void set(struct ending *n, enum target_end end, const char *detail)
{
	struct buf *b = &n->detail;
	n->decided = true;
	n->end = end;
	buf_reset(b);
	utf8_clean(b, detail, strlen(detail));
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->s[i] < ' ' || b->s[i] == 0x7f)
			b->s[i] = ' ';
}

void ending_decide(struct ending *n, enum target_end end, const char *detail)
{
	if (!n->decided)
		set(n, end, detail);
}

void ending_shutdown(struct ending *n, const char *reason)
{
	auto_free char *other = xasprintf("QEMU ended the guest: %s", reason);
	if (strcmp(reason, "guest-shutdown") == 0)
		ending_decide(n, TARGET_POWEROFF, "the guest powered off");
	else if (strcmp(reason, "guest-reset") == 0)
		ending_decide(n, TARGET_REBOOT, "the guest reset itself");
	else if (strcmp(reason, "host-signal") == 0)
		ending_decide(n, TARGET_QEMU_KILLED, "QEMU was ended by a signal from outside");
	else
		ending_decide(n, TARGET_DIED, other);
}

char *ending_disk_error(const json_t *data, const char *dir, bool *ret_full)
{
	const char *node = json_str_or(data, "node-name", "?");
	const char *dash = strchr(node, '-'); /* behind a prefix of ours */
	const char *disk = dash ? dash + 1 : node;
	*ret_full = json_bool_or(data, "nospace", false);
	return *ret_full ? xasprintf("no room left on the host for disk %s, in %s", disk, dir)
			 : xasprintf("the host cannot %s disk %s: %s",
				   json_str_or(data, "operation", "use"), disk,
				   json_str_or(data, "reason", "no reason"));
}

static void end_line(struct ending *n)
{
	n->line[n->line_len] = '\0';
	/* What our own init said last is why it powers off; the kernel's words come after. */
	bool ours = strncmp(n->line, "fsqa-guest: ", 12) == 0;
	n->init_spoke |= ours;
	if (n->line[strspn(n->line, " ")] != '\0' && ours == n->init_spoke)
		memcpy(n->last_line, n->line, sizeof n->line);
	n->line_len = 0;
}

static void keep_line(struct ending *n, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || s[i] == '\r')
			end_line(n);
		else if (n->line_len < ENDING_LINE - 1)
			n->line[n->line_len++] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	}
}

bool ending_console(struct ending *n, const void *data, size_t len)
{
	keep_line(n, data, len);
	bool found = panic_scan(&n->panic, data, len);
	n->panicked |= found;
	return found;
}

void ending_stderr(struct ending *n, const void *data, size_t len)
{
	struct buf *tail = &n->stderr_tail;
	size_t room = ENDING_STDERR - n->stderr_head.len;
	buf_add(&n->stderr_head, data, len < room ? len : room);
	if (len > ENDING_STDERR) {
		data = (const char *)data + (len - ENDING_STDERR);
		len = ENDING_STDERR;
	}
	buf_add(tail, data, len);
	if (tail->len > ENDING_STDERR)
		buf_consume(tail, tail->len - ENDING_STDERR);
}

char *ending_first_words(const struct ending *n)
{
	const char *s = buf_str(&n->stderr_head);
	s += strspn(s, "\r\n");
	return xstrndup(s, strcspn(s, "\r\n"));
}

static char *last_words(const struct ending *n)
{
	const char *s = buf_str(&n->stderr_tail);
	size_t end = n->stderr_tail.len;
	while (end && strchr("\r\n ", s[end - 1]))
		end--;
	size_t start = end;
	while (start && s[start - 1] != '\n')
		start--;
	return xstrndup(s + start, end - start);
}

/* Nobody else knew: QEMU ended by itself. */
static void decide_by_exit(struct ending *n, const struct proc_end *exit, bool was_up)
{
	auto_free char *how = exit ? proc_end_text(exit) : xstrdup("it was not started");
	auto_free char *said = last_words(n);
	bool signaled = exit && exit->how == PROC_SIGNALED;
	int sig = signaled ? exit->value : 0;
	enum target_end end = TARGET_DIED;
	const char *what = "QEMU ended by itself";
	if (sig == SIGKILL || sig == SIGTERM || sig == SIGINT || sig == SIGHUP) {
		end = TARGET_QEMU_KILLED;
		what = "QEMU was ended from outside";
	} else if (signaled) {
		what = "QEMU crashed";
		/* On what KVM answered it, as it does on hosts that are virtual themselves. */
		if (n->under_kvm && !was_up)
			end = TARGET_NO_ACCEL;
	} else if (!n->running) {
		end = TARGET_QEMU_ERROR;
		what = "QEMU does not start";
	}
	auto_free char *text = xasprintf("%s: %s%s%s", what, how, *said ? ": " : "", said);
	ending_decide(n, end, text);
}

static bool is_guests_doing(enum target_end end)
{
	return end == TARGET_POWEROFF || end == TARGET_REBOOT || end == TARGET_PANIC ||
	       end == TARGET_NEVER_UP || end == TARGET_HUNG || end == TARGET_KILLED;
}

const char *ending_panic(const struct ending *n)
{
	return n->panic.seen ? n->panic.text : "the guest's kernel panicked, unprinted";
}

void ending_finish(struct ending *n, const struct proc_end *exit, bool was_up)
{
	decide_by_exit(n, exit, was_up);
	end_line(n);
	if (!was_up && n->last_line[0] && is_guests_doing(n->end))
		buf_addf(&n->detail, "; last on the console: %s", n->last_line);
	/* The reset, or our losing patience, was only its consequence. */
	if (n->panicked)
		set(n, TARGET_PANIC, ending_panic(n));
}

const char *ending_detail(const struct ending *n)
{
	return buf_str(&n->detail);
}

void ending_clear(struct ending *n)
{
	buf_clear(&n->detail);
	buf_clear(&n->stderr_head);
	buf_clear(&n->stderr_tail);
}
