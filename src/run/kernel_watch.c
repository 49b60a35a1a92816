/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/kernel_watch.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

struct rule {
	enum kernel_class class;
	const char *at_start; /* the message starts with it, or NULL */
	const char *has;      /* and has this behind it, or NULL */
};

/* First hit wins, so the sharper word comes first: "BUG: KASAN" before "BUG:". */
static const struct rule rules[] = {
	{ KERNEL_PANIC, "Kernel panic - not syncing", NULL },
	{ KERNEL_KASAN, "BUG: KASAN", NULL },
	{ KERNEL_KASAN, "BUG: KFENCE", NULL },
	{ KERNEL_KASAN, "BUG: KCSAN", NULL },
	{ KERNEL_KASAN, "BUG: KMSAN", NULL },
	{ KERNEL_LOCKDEP, "WARNING: possible circular locking dependency", NULL },
	{ KERNEL_LOCKDEP, "WARNING: possible recursive locking", NULL },
	{ KERNEL_LOCKDEP, "WARNING: possible irq lock inversion", NULL },
	{ KERNEL_LOCKDEP, "WARNING: inconsistent lock state", NULL },
	{ KERNEL_LOCKDEP, "WARNING: bad unlock balance", NULL },
	{ KERNEL_LOCKDEP, "WARNING: suspicious RCU usage", NULL },
	{ KERNEL_LOCKDEP, "WARNING: lock held when returning to user space", NULL },
	{ KERNEL_LOCKDEP, "BUG: MAX_LOCK", NULL },
	{ KERNEL_STALL, "watchdog: BUG: soft lockup", NULL },
	{ KERNEL_STALL, "rcu: INFO:", "detected stall" },
	{ KERNEL_STALL, "rcu: INFO:", "self-detected stall" },
	{ KERNEL_STALL, "rcu: INFO:", "detected expedited stalls" },
	{ KERNEL_HUNG_TASK, "INFO: task ", "blocked for more than" },
	{ KERNEL_UBSAN, "UBSAN:", NULL },
	{ KERNEL_LEAK, "kmemleak:", "new suspected memory leak" },
	{ KERNEL_OOPS, "Oops:", NULL },
	{ KERNEL_OOPS, "general protection fault", NULL },
	{ KERNEL_OOPS, "Internal error:", NULL },
	{ KERNEL_OOPS, "Unable to handle kernel", NULL },
	{ KERNEL_OOPS, "Unhandled fault:", NULL },
	{ KERNEL_OOPS, "Unexpected kernel BRK exception", NULL },
	{ KERNEL_OOPS, "Insufficient stack space to handle exception", NULL },
	{ KERNEL_BUG, "kernel BUG at", NULL },
	{ KERNEL_BUG, "BUG:", NULL },
	{ KERNEL_BUG, "BUG ", "Objects remaining" },
	{ KERNEL_WARNING, "WARNING:", NULL },
	{ KERNEL_CORRUPTION, "BTRFS", "critical (device" },
	{ KERNEL_CORRUPTION, "BTRFS", "parent transid verify failed" },
	{ KERNEL_CORRUPTION, "BTRFS", "bad tree block" },
	{ KERNEL_CORRUPTION, "BTRFS", "corrupt leaf" },
	{ KERNEL_CORRUPTION, "BTRFS", "corrupt node" },
	{ KERNEL_CORRUPTION, "BTRFS", "unable to fixup" },
	{ KERNEL_CORRUPTION, "BTRFS", "forced readonly" },
	{ KERNEL_CORRUPTION, "BTRFS", "csum failed" },
	{ KERNEL_CORRUPTION, "BTRFS", "checksum verify failed" },
	{ KERNEL_CORRUPTION, "BTRFS", "checksum error at" },
	{ KERNEL_CORRUPTION, "EXT4-fs error", NULL },
	{ KERNEL_CORRUPTION, "XFS (", "Corruption" },
	{ KERNEL_CORRUPTION, "XFS (", "corruption" },
	{ KERNEL_CORRUPTION, "XFS (", "Metadata CRC error" },
	{ KERNEL_CORRUPTION, "F2FS-fs (", "corrupt" },
	{ KERNEL_CORRUPTION, "bcachefs (", "error" },
};

enum kernel_class kernel_classify(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		size_t n = strlen(rules[i].at_start);
		if (strncmp(text, rules[i].at_start, n) == 0 &&
			(!rules[i].has || strstr(text + n, rules[i].has)))
			return rules[i].class;
	}
	return KERNEL_QUIET;
}

const char *kernel_class_name(enum kernel_class c)
{
	static const char *const names[] = { "quiet", "warning", "BUG", "oops", "KASAN", "UBSAN",
		"lockdep", "hung task", "stall", "memory leak", "corruption", "panic" };
	return names[c];
}

bool kernel_class_is_excusable(enum kernel_class c)
{
	return c == KERNEL_QUIET || c == KERNEL_WARNING || c == KERNEL_UBSAN || c == KERNEL_LEAK ||
	       c == KERNEL_CORRUPTION;
}

int kernel_expect_add(struct kernel_expect *x, const char *pattern, struct err *e)
{
	if (x->n == KERNEL_EXPECT_MAX)
		return err_set(e, E2BIG, "more than %d expected messages", KERNEL_EXPECT_MAX);
	if (strlen(pattern) > 200)
		return err_set(e, EINVAL, "expected message's pattern is above 200 bytes");
	for (const char *p = pattern; *p; p++) {
		if (*p == '{' || (*p == '\\' && p[1] >= '0' && p[1] <= '9'))
			return err_set(e, EINVAL,
				"expected message '%.80s': intervals and back-references are not "
				"taken",
				pattern);
		if (*p == '\\' && p[1])
			p++;
	}
	int rc = regcomp(&x->patterns[x->n], pattern, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		char why[80];
		(void)regerror(rc, &x->patterns[x->n], why, sizeof why); /* may be cut */
		return err_set(e, EINVAL, "expected message '%.80s': %s", pattern, why);
	}
	x->n++;
	return 0;
}

bool kernel_expect_match(const struct kernel_expect *x, const char *text)
{
	for (size_t i = 0; i < x->n; i++) {
		if (regexec(&x->patterns[i], text, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

void kernel_expect_clear(struct kernel_expect *x)
{
	for (size_t i = 0; i < x->n; i++)
		regfree(&x->patterns[i]);
	x->n = 0;
}
