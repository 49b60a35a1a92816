/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS    " \t"
#define VALUE_MAX 4096

/* ---- declared ---- */

static bool is_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	}
	return n > 0;
}

/* fstests' reader is sed and eval. */
static int check_value(const char *section, const char *name, const char *value, struct err *e)
{
	size_t n = strcspn(value, "\"'`$\\#");
	for (size_t i = 0; value[i]; i++) {
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			n = i < n ? i : n;
	}
	if (value[n])
		return err_set(e, EINVAL,
			"section '%s': %s: '%s' has a '%c', on which fstests' own reader would act",
			section, name, value, isprint((unsigned char)value[n]) ? value[n] : '?');
	if (strlen(value) > VALUE_MAX)
		return err_set(e, EINVAL, "section '%s': %s: too long", section, name);
	return 0;
}

/* Call `fn` with each option of "-o a,b -o c" or "a,b"; returns the first word that is neither an
 * option of mount(8) nor its argument, NULL: all are well. */
static const char *each_option(
	const char *mount, void (*fn)(void *ctx, const char *s), void *ctx, struct strv *words)
{
	strv_split(words, mount, BLANKS);
	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i];
		if (strncmp(w, "-o", 2) == 0) {
			if (!w[2] && i + 1 == words->n)
				return w;
			w = w[2] ? w + 2 : words->v[++i];
		} else if (words->n > 1 || w[0] == '-') {
			return w;
		}
		auto_strv struct strv options = { 0 };
		strv_split(&options, w, ",");
		for (size_t k = 0; k < options.n; k++)
			fn(ctx, options.v[k]);
	}
	return NULL;
}

static void nothing(void *ctx, const char *s)
{
}

int fstests_section_check(const struct fstests_section *s, struct err *e)
{
	auto_strv struct strv words = { 0 };
	int rc = 0;
	if (!is_word(s->name, strlen(s->name)))
		return err_set(e, EINVAL,
			"section '%s': fstests' names are of letters, digits and _", s->name);
	if (s->mkfs)
		rc = check_value(s->name, "mkfs", s->mkfs, e);
	if (rc == 0 && s->mount)
		rc = check_value(s->name, "mount", s->mount, e);
	if (rc == 0 && s->fstyp && !is_word(s->fstyp, strlen(s->fstyp)))
		rc = err_set(e, EINVAL, "section '%s': fstyp: '%s' is no filesystem's name",
			s->name, s->fstyp);
	if (rc < 0)
		return rc;
	const char *bad = s->mount ? each_option(s->mount, nothing, NULL, &words) : NULL;
	if (bad)
		return err_set(e, EINVAL,
			"section '%s': mount: '%s' is out of place in '%s': want -o OPTIONS",
			s->name, bad, s->mount);
	for (const char *const *v = s->set; v && *v; v++) {
		size_t n = strcspn(*v, "=");
		if (!is_word(*v, n) || isdigit((unsigned char)**v) || !(*v)[n])
			return err_set(
				e, EINVAL, "section '%s': set: '%s': want NAME=VALUE", s->name, *v);
		rc = check_value(s->name, "set", *v + n + 1, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- rendered ---- */

static void put(struct buf *out, const char *name, const char *value)
{
	if (value && value[0])
		buf_addf(out, "%s=\"%s\"\n", name, value);
}

static void put_mount(struct buf *out, const char *name, const char *mount)
{
	if (mount && mount[0])
		buf_addf(out, "%s=\"%s%s\"\n", name, mount[0] == '-' ? "" : "-o ", mount);
}

int fstests_config_render(const struct fstests_places *p, const struct fstests_section *s,
	struct buf *out, struct err *e)
{
	int rc = fstests_section_check(s, e);
	if (rc < 0)
		return rc;
	auto_buf struct buf pool = { 0 };
	size_t n = 0;
	for (const char *const *d = p->scratch; d && *d; d++)
		buf_addf(&pool, "%s%s", n++ ? " " : "", *d);
	buf_addf(out, "[%s]\n", s->name);
	put(out, "FSTYP", s->fstyp ? s->fstyp : p->fstyp);
	put(out, "TEST_DEV", p->test_dev);
	put(out, "TEST_DIR", p->test_dir);
	put(out, n > 1 ? "SCRATCH_DEV_POOL" : "SCRATCH_DEV", buf_str(&pool));
	put(out, "SCRATCH_MNT", p->scratch_mnt);
	put(out, "LOGWRITES_DEV", p->logwrites_dev);
	put(out, "RESULT_BASE", p->result_base);
	put(out, "MKFS_OPTIONS", s->mkfs);
	put_mount(out, "MOUNT_OPTIONS", s->mount);
	put_mount(out, "TEST_FS_MOUNT_OPTS", s->mount);
	for (const char *const *v = s->set; v && *v; v++) {
		size_t len = strcspn(*v, "=");
		auto_free char *name = xstrndup(*v, len);
		put(out, name, *v + len + 1);
	}
	return 0;
}

/* ---- somebody's own ---- */

/* The name in "[name]" at a line's start; its length, 0: none. */
static size_t section_at(const char *line, size_t n)
{
	if (n == 0 || line[0] != '[')
		return 0;
	const char *end = memchr(line, ']', n);
	size_t len = end ? (size_t)(end - line) - 1 : 0;
	for (size_t i = 1; i <= len; i++) {
		if (!is_word(line + i, 1) && line[i] != '-')
			return 0;
	}
	return len;
}

static size_t line_length(const char *text, size_t at, size_t n)
{
	const char *end = memchr(text + at, '\n', n - at);
	return end ? (size_t)(end - text) - at : n - at;
}

void fstests_config_sections(const char *text, size_t n, struct strv *ret)
{
	for (size_t at = 0; at < n;) {
		size_t len = line_length(text, at, n);
		size_t name = section_at(text + at, len);
		if (name) {
			auto_free char *copy = xstrndup(text + at + 1, name);
			strv_add(ret, copy);
		}
		at += len + 1;
	}
}

/* The value of "NAME = VALUE", quotes taken off as fstests does; the caller's, NULL: another
 * line. */
static char *value_of(char *line, const char *name)
{
	line[strcspn(line, "#\r")] = '\0';
	char *s = line + strspn(line, BLANKS);
	if (strncmp(s, "export ", 7) == 0)
		s += 7 + strspn(s + 7, BLANKS);
	size_t n = strlen(name);
	if (strncmp(s, name, n) != 0)
		return NULL;
	s += n + strspn(s + n, BLANKS);
	if (*s != '=')
		return NULL;
	s += 1 + strspn(s + 1, BLANKS);
	size_t len = strlen(s);
	while (len && strchr(BLANKS, s[len - 1]))
		len--;
	if (len && strchr("\"'", s[0])) {
		s++;
		len--;
	}
	if (len && strchr("\"'", s[len - 1]))
		len--;
	return xstrndup(s, len);
}

char *fstests_config_value(const char *text, size_t n, const char *section, const char *name)
{
	char *value = NULL;
	bool in = section[0] == '\0';
	for (size_t at = 0; at < n;) {
		size_t len = line_length(text, at, n);
		size_t head = section_at(text + at, len);
		if (head && in && section[0])
			break;
		if (head && strlen(section) == head && strncmp(text + at + 1, section, head) == 0)
			in = true;
		auto_free char *line = xstrndup(text + at, len);
		char *now = value_of(line, name);
		if (now) {
			free(value);
			value = now;
		}
		at += len + 1;
	}
	if (!in) {
		free(value);
		value = NULL;
	}
	return value;
}

/* ---- applied ---- */

/* "\040" and its like, which the kernel writes for blanks and backslashes. */
static char *unescape(const char *s)
{
	char *ret = xmalloc(strlen(s) + 1);
	char *to = ret;
	while (*s) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		if (octal && (s[1] != '0' || s[2] != '0' || s[3] != '0')) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
	return ret;
}

int fstests_mounted(const char *mounts, size_t n, const char *dir, char **ret_fstype,
	char **ret_options, struct err *e)
{
	auto_free char *fstype = NULL;
	auto_free char *options = NULL;
	for (size_t at = 0; at < n;) {
		size_t len = line_length(mounts, at, n);
		auto_free char *line = xstrndup(mounts + at, len);
		at += len + 1;
		auto_strv struct strv words = { 0 };
		strv_split(&words, line, " ");
		if (words.n < 4)
			continue;
		auto_free char *where = unescape(words.v[1]);
		if (strcmp(where, dir) != 0)
			continue;
		free(fstype);
		free(options);
		fstype = xstrdup(words.v[2]);
		options = unescape(words.v[3]);
	}
	if (!fstype)
		return err_set(e, ENOENT, "nothing is mounted at %s", dir);
	*ret_fstype = take(&fstype);
	*ret_options = take(&options);
	return 0;
}

/* By which other name the kernel shows an option. */
static const struct alias {
	const char *fstyp; /* NULL: any */
	const char *wanted, *shown;
} aliases[] = {
	{ "xfs", "quota", "usrquota" },
	{ "xfs", "uquota", "usrquota" },
	{ "xfs", "gquota", "grpquota" },
	{ "xfs", "pquota", "prjquota" },
	{ "ext4", "barrier=0", "nobarrier" },
	{ "btrfs", "space_cache", "space_cache=v1" },
};

/* What the kernel does not show, being its default. */
static const struct alias defaults[] = {
	{ NULL, "defaults", NULL },
	{ NULL, "rw", NULL },
	{ NULL, "async", NULL },
	{ NULL, "dev", NULL },
	{ NULL, "suid", NULL },
	{ NULL, "exec", NULL },
	{ NULL, "atime", NULL },
	{ NULL, "diratime", NULL },
	{ "btrfs", "acl", NULL },
	{ "btrfs", "barrier", NULL },
	{ "btrfs", "datacow", NULL },
	{ "btrfs", "datasum", NULL },
	{ "btrfs", "treelog", NULL },
	{ "btrfs", "noautodefrag", NULL },
	{ "btrfs", "noflushoncommit", NULL },
	{ "ext4", "acl", NULL },
	{ "ext4", "user_xattr", NULL },
	{ "ext4", "barrier", NULL },
	{ "ext4", "barrier=1", NULL },
	{ "ext4", "delalloc", NULL },
	{ "ext4", "data=ordered", NULL },
	{ "ext4", "nodiscard", NULL },
	{ "ext4", "dioread_lock", NULL },
	{ "xfs", "nodiscard", NULL },
	{ "xfs", "noikeep", NULL },
};

static bool is_of(const char *fstyp, const struct alias *a)
{
	return !a->fstyp || strcmp(a->fstyp, fstyp) == 0;
}

bool fstests_same_size(const char *a, const char *b)
{
	char *end_a;
	char *end_b;
	unsigned long long x = strtoull(a, &end_a, 10);
	unsigned long long y = strtoull(b, &end_b, 10);
	if (end_a == a || end_b == b || strlen(end_a) > 1 || strlen(end_b) > 1)
		return false;
	static const char units[] = "kmg";
	const char *unit_a = strchr(units, tolower((unsigned char)*end_a));
	const char *unit_b = strchr(units, tolower((unsigned char)*end_b));
	if (!unit_a || !unit_b || x > 1u << 30 || y > 1u << 30)
		return false;
	x <<= *end_a ? 10 * (unit_a - units + 1) : 0;
	y <<= *end_b ? 10 * (unit_b - units + 1) : 0;
	return x == y;
}

/* Whether one that is shown is what was wanted. */
static bool satisfies(const char *shown, const char *wanted)
{
	size_t key = strcspn(wanted, "=");
	if (strncmp(shown, wanted, key) != 0)
		return false;
	if (!wanted[key]) /* "compress": "compress=zlib:3" */
		return shown[key] == '\0' || shown[key] == '=';
	if (shown[key] != '=')
		return false;
	const char *have = shown + key + 1;
	const char *want = wanted + key + 1;
	size_t n = strlen(want);
	if (strncmp(have, want, n) == 0 && (have[n] == '\0' || have[n] == ':'))
		return true;
	return fstests_same_size(have, want);
}

static bool is_shown(const struct strv *shown, const char *wanted)
{
	for (size_t i = 0; i < shown->n; i++) {
		if (satisfies(shown->v[i], wanted))
			return true;
	}
	return false;
}

/* Whether something is shown that says the opposite, or another value. */
static bool is_contradicted(const struct strv *shown, const char *wanted)
{
	size_t key = strcspn(wanted, "=");
	if (strcmp(wanted, "rw") == 0)
		wanted = "noro"; /* its opposite is "ro" */
	bool no = strncmp(wanted, "no", 2) == 0;
	auto_free char *opposite = no ? xstrdup(wanted + 2) : xasprintf("no%.*s", (int)key, wanted);
	for (size_t i = 0; i < shown->n; i++) {
		size_t n = strcspn(shown->v[i], "=");
		if (strlen(opposite) == n && strncmp(opposite, shown->v[i], n) == 0)
			return true;
		if (!no && n == key && strncmp(wanted, shown->v[i], n) == 0)
			return true;
	}
	return false;
}

struct comparison {
	const char *fstyp;
	struct strv shown;
	struct strv *missing;
};

static void compare(void *ctx, const char *wanted)
{
	struct comparison *c = ctx;
	if (is_shown(&c->shown, wanted))
		return;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (is_of(c->fstyp, &aliases[i]) && strcmp(aliases[i].wanted, wanted) == 0 &&
			is_shown(&c->shown, aliases[i].shown))
			return;
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (is_of(c->fstyp, &defaults[i]) && strcmp(defaults[i].wanted, wanted) == 0 &&
			!is_contradicted(&c->shown, wanted))
			return;
	}
	strv_add(c->missing, wanted);
}

void fstests_mount_missing(
	const char *fstyp, const char *wanted, const char *shown, struct strv *missing)
{
	auto_strv struct strv words = { 0 };
	struct comparison c = { .fstyp = fstyp, .missing = missing };
	strv_split(&c.shown, shown, ",");
	const char *bad = each_option(wanted, compare, &c, &words);
	if (bad)
		strv_add(missing, bad);
	strv_clear(&c.shown);
}
