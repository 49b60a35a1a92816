/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_mkfs.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_config.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_MAX 120 /* bytes of what is quoted */

struct check {
	const char *found;
	bool mounted;
	struct strv *missing, *unread;
};

/* ---- the text ---- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The first place where `word` stands by itself. */
static const char *find_word(const char *text, const char *end, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = text; (p = strstr(p, word)) && p + n <= end; p++) {
		if ((p == text || !is_name(p[-1])) && !is_name(p[n]))
			return p;
	}
	return NULL;
}

static const char *end_of_line(const char *s)
{
	return s + strcspn(s, "\n");
}

/* What stands behind `key` and blanks or one of ":=", to the next blank, comma or end; the
 * caller's, NULL: there is no such key in [text, end). */
static char *value_of(const char *text, const char *end, const char *key)
{
	const char *at = find_word(text, end, key);
	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, ":=");
	at += strspn(at, " \t");
	return at > end ? NULL : xstrndup(at, strcspn(at, " \t,\n"));
}

static void quote(struct buf *b, const char *s)
{
	for (size_t i = 0; s[i] && i < FOUND_MAX; i++)
		buf_addc(b, (unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f ? ' ' : s[i]);
}

static void miss(const struct check *c, const char *option, const char *value, const char *key,
	const char *found)
{
	auto_buf struct buf b = { 0 };
	buf_addf(&b, "%s %s: ", option, value);
	if (found) {
		buf_addf(&b, "%s is ", key);
		quote(&b, found);
	} else {
		buf_addf(&b, "%s is not told", key);
	}
	if (c->missing)
		strv_add(c->missing, b.s);
}

static void leave(const struct check *c, const char *option, const char *value)
{
	if (c->unread)
		strv_addf(c->unread, "%s%s%s", option, *value ? " " : "", value);
}

/* `key` in [text, end) is to be `value`, a size or a word. */
static void expect(const struct check *c, const char *option, const char *value, const char *text,
	const char *end, const char *key)
{
	auto_free char *found = value_of(text, end, key);
	if (!found || (strcasecmp(found, value) != 0 && !fstests_same_size(found, value)))
		miss(c, option, value, key, found);
}

static const char *end_of(const char *s)
{
	return s + strlen(s);
}

/* ---- btrfs ---- */

static const struct feature {
	const char *name, *shown; /* NULL: as it is called */
} btrfs_features[] = {
	{ "mixed-bg", "MIXED_GROUPS" },
	{ "extref", "EXTENDED_IREF" },
	{ "raid56", "RAID56" },
	{ "skinny-metadata", "SKINNY_METADATA" },
	{ "no-holes", "NO_HOLES" },
	{ "fst", "FREE_SPACE_TREE" },
	{ "free-space-tree", "FREE_SPACE_TREE" },
	{ "raid1c34", "RAID1C34" },
	{ "zoned", "ZONED" },
	{ "bgt", "BLOCK_GROUP_TREE" },
	{ "block-group-tree", "BLOCK_GROUP_TREE" },
	{ "rst", "RAID_STRIPE_TREE" },
	{ "raid-stripe-tree", "RAID_STRIPE_TREE" },
	{ "squota", "SIMPLE_QUOTA" },
};

static void btrfs_feature(const struct check *c, const char *option, const char *word)
{
	bool off = word[0] == '^';
	for (size_t i = 0; i < ARRAY_LEN(btrfs_features); i++) {
		const struct feature *f = &btrfs_features[i];
		if (strcmp(f->name, word + off) != 0)
			continue;
		bool there = find_word(c->found, end_of(c->found), f->shown) != NULL;
		if (there == off)
			miss(c, option, word, f->shown, off ? "set" : "not set");
		return;
	}
	leave(c, option, word);
}

/* "Data, RAID1: total=...": all of its lines are of that profile. */
static void btrfs_profile(
	const struct check *c, const char *what, const char *option, const char *value)
{
	auto_free char *head = xasprintf("%s, ", what);
	const char *found = NULL;
	auto_free char *other = NULL;
	if (!c->mounted) {
		leave(c, option, value);
		return;
	}
	for (const char *s = c->found; (s = strstr(s, head)); s = end_of_line(s)) {
		found = s + strlen(head);
		size_t n = strcspn(found, ":\n");
		if (strlen(value) == n && strncasecmp(found, value, n) == 0)
			continue;
		free(other);
		other = xstrndup(found, n);
	}
	if (!found || other)
		miss(c, option, value, what, other);
}

static void each_word(const struct check *c, const char *option, const char *list,
	void (*fn)(const struct check *c, const char *option, const char *word))
{
	auto_strv struct strv words = { 0 };
	strv_split(&words, list, ",");
	for (size_t i = 0; i < words.n; i++)
		fn(c, option, words.v[i]);
}

static bool is_one_of(const char *s, const char *a, const char *b, const char *d)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0 || (d && strcmp(s, d) == 0);
}

static void btrfs_csum(const struct check *c, const char *option, const char *value)
{
	const char *at = find_word(c->found, end_of(c->found), "csum_type");
	const char *end = at ? end_of_line(at) : NULL;
	auto_free char *line = at ? xstrndup(at + 9, (size_t)(end - at - 9)) : NULL;
	/* "crc32" is one of crc32c's names, "xxhash" of xxhash64's, "blake2" of blake2b's. */
	if (!line || !strstr(line, value))
		miss(c, option, value, "csum_type", line);
}

static void btrfs_option(const struct check *c, const char *o, const char *value)
{
	const char *all = c->found;
	if (is_one_of(o, "-O", "--features", "-R") || strcmp(o, "--runtime-features") == 0)
		each_word(c, o, value, btrfs_feature);
	else if (is_one_of(o, "-n", "--nodesize", "-l"))
		expect(c, o, value, all, end_of(all), "nodesize");
	else if (is_one_of(o, "-s", "--sectorsize", NULL))
		expect(c, o, value, all, end_of(all), "sectorsize");
	else if (is_one_of(o, "--csum", "--checksum", NULL))
		btrfs_csum(c, o, value);
	else if (is_one_of(o, "-d", "--data", NULL))
		btrfs_profile(c, "Data", o, value);
	else if (is_one_of(o, "-m", "--metadata", NULL))
		btrfs_profile(c, "Metadata", o, value);
	else
		leave(c, o, value);
}

/* ---- xfs ---- */

/* The part of xfs_info that an option is about, and how it calls its members. */
static const struct xfs_member {
	char option;
	const char *name, *part, *shown;
} xfs_members[] = {
	{ 'b', "size", "data", "bsize" },
	{ 'd', "agcount", "meta-data", "agcount" },
	{ 'i', "size", "meta-data", "isize" },
	{ 'i', "attr", "meta-data", "attr" },
	{ 'i', "maxpct", "data", "imaxpct" },
	{ 'i', "nrext64", "meta-data", "nrext64" },
	{ 'i', "exchange", "meta-data", "exchange" },
	{ 'i', "projid32bit", "meta-data", "projid32bit" },
	{ 'i', "sparse", "meta-data", "sparse" },
	{ 'l', "lazy-count", "log", "lazy-count" },
	{ 'l', "version", "log", "version" },
	{ 'm', "bigtime", "meta-data", "bigtime" },
	{ 'm', "crc", "meta-data", "crc" },
	{ 'm', "finobt", "meta-data", "finobt" },
	{ 'm', "inobtcount", "meta-data", "inobtcount" },
	{ 'm', "metadir", "meta-data", "metadir" },
	{ 'm', "reflink", "meta-data", "reflink" },
	{ 'm', "rmapbt", "meta-data", "rmapbt" },
	{ 'n', "ftype", "naming", "ftype" },
	{ 'n', "size", "naming", "bsize" },
	{ 'n', "parent", "naming", "parent" },
	{ 's', "size", "meta-data", "sectsz" },
};

/* The lines from one that begins with `part` to the next that begins with something. */
static const char *xfs_part(const char *text, const char *part, const char **ret_end)
{
	const char *s = text;
	while (strncmp(s, part, strlen(part)) != 0) {
		s = end_of_line(s);
		if (!*s++)
			return NULL;
	}
	const char *end = end_of_line(s);
	while (*end && (end[1] == ' ' || end[1] == '\t'))
		end = end_of_line(end + 1);
	*ret_end = end;
	return s;
}

static void xfs_suboption(const struct check *c, const char *option, const char *word)
{
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : "1";
	const char *end;
	for (size_t i = 0; i < ARRAY_LEN(xfs_members); i++) {
		const struct xfs_member *m = &xfs_members[i];
		if (m->option != option[1] || strlen(m->name) != n ||
			strncmp(m->name, word, n) != 0)
			continue;
		const char *part = xfs_part(c->found, m->part, &end);
		auto_free char *found = part ? value_of(part, end, m->shown) : NULL;
		if (!found || (strcmp(found, value) != 0 && !fstests_same_size(found, value)))
			miss(c, option, word, m->shown, found);
		return;
	}
	leave(c, option, word);
}

static void xfs_option(const struct check *c, const char *o, const char *value)
{
	if (strlen(o) == 2 && strchr("bdilmns", o[1]))
		each_word(c, o, value, xfs_suboption);
	else
		leave(c, o, value);
}

/* ---- ext2, ext3, ext4 ---- */

static void ext_feature(const struct check *c, const char *option, const char *word)
{
	static const char key[] = "Filesystem features:";
	const char *at = strstr(c->found, key);
	bool off = word[0] == '^';
	const char *name = strcmp(word + off, "extents") == 0 ? "extent" : word + off;
	if (strcmp(name, "none") == 0) {
		leave(c, option, word);
		return;
	}
	bool there = at && find_word(at + strlen(key), end_of_line(at), name);
	if (!at || there == off)
		miss(c, option, word, name, !at ? NULL : off ? "set" : "not set");
}

static void ext_option(const struct check *c, const char *o, const char *value)
{
	const char *all = c->found;
	if (strcmp(o, "-O") == 0)
		each_word(c, o, value, ext_feature);
	else if (strcmp(o, "-b") == 0)
		expect(c, o, value, all, end_of(all), "Block size");
	else if (strcmp(o, "-C") == 0)
		expect(c, o, value, all, end_of(all), "Cluster size");
	else if (strcmp(o, "-I") == 0)
		expect(c, o, value, all, end_of(all), "Inode size");
	else if (strcmp(o, "-j") == 0)
		ext_feature(c, o, "has_journal");
	else
		leave(c, o, value);
}

/* ---- options ---- */

static const struct family {
	const char *fstyp;
	const char *flags; /* letters of options without a value */
	const char *quiet; /* of those that change nothing that stays */
	void (*option)(const struct check *c, const char *o, const char *value);
} families[] = {
	{ "btrfs", "fKMqvV", "fKqv", btrfs_option },
	{ "ext2", "cDFjnqSvV", "FDqv", ext_option },
	{ "ext3", "cDFjnqSvV", "FDqv", ext_option },
	{ "ext4", "cDFjnqSvV", "FDqv", ext_option },
	{ "xfs", "fqNKV", "fqK", xfs_option },
};

/* "-O x", "-Ox", "--csum x", "--csum=x", "-f". */
static void one_option(
	const struct check *c, const struct family *f, const struct strv *words, size_t *i)
{
	const char *w = words->v[*i];
	bool is_long = strncmp(w, "--", 2) == 0;
	if (w[0] != '-' || !w[1]) {
		leave(c, w, "");
		return;
	}
	if (!is_long && strchr(f->flags, w[1])) {
		auto_free char *flag = xasprintf("-%c", w[1]);
		if (!strchr(f->quiet, w[1]))
			f->option(c, flag, "");
		return;
	}
	size_t n = is_long ? strcspn(w, "=") : 2;
	auto_free char *option = xstrndup(w, n);
	const char *value = w + n + (is_long && w[n] == '=');
	if (!w[n])
		value = *i + 1 < words->n ? words->v[++*i] : "";
	f->option(c, option, value);
}

void fstests_mkfs_missing(const char *fstyp, const char *options, const char *found, bool mounted,
	struct strv *missing, struct strv *unread)
{
	const struct check c = { found, mounted, missing, unread };
	const struct family *f = NULL;
	auto_strv struct strv words = { 0 };
	strv_split(&words, options, " \t");
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (strcmp(families[i].fstyp, fstyp) == 0)
			f = &families[i];
	if (!f && words.n)
		leave(&c, options, "");
	for (size_t i = 0; f && i < words.n; i++)
		one_option(&c, f, &words, &i);
}
