/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_script.h"
#include "base/buf.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS    " \t\r\f\v"
#define LINE_MAX_ 4096 /* of a logical line; what is longer is no call of a helper */

static const char *const kinds[] = { "fixed-by-commit", "fixed-in-version", "wants-commit" };

static const struct helper {
	const char *name;
	enum fstests_hint_kind kind;
	const char *package; /* NULL: its first argument */
} helpers[] = {
	{ "_fixed_by_kernel_commit", FSTESTS_FIXED_BY_COMMIT, "kernel" },
	{ "_fixed_by_git_commit", FSTESTS_FIXED_BY_COMMIT, NULL },
	{ "_fixed_by_fs_commit", FSTESTS_FIXED_BY_COMMIT, NULL },
	{ "_fixed_in_kernel_version", FSTESTS_FIXED_IN_VERSION, "kernel" },
	{ "_fixed_in_version", FSTESTS_FIXED_IN_VERSION, NULL },
	{ "_wants_kernel_commit", FSTESTS_WANTS_COMMIT, "kernel" },
	{ "_wants_git_commit", FSTESTS_WANTS_COMMIT, NULL },
};

struct reader {
	struct fstests_script *out;
	char *block;  /* what the `if` or the label around asks of FSTYP, as in fstests_hint */
	bool in_case; /* of `case "$FSTYP" in` */
};

const char *fstests_hint_kind_name(enum fstests_hint_kind kind)
{
	return kinds[kind];
}

static void hint_clear(struct fstests_hint *h)
{
	free(h->package);
	free(h->commit);
	free(h->version);
	free(h->subject);
	free(h->fstyp);
}

void fstests_script_clear(struct fstests_script *s)
{
	for (size_t i = 0; i < s->n_hints; i++)
		hint_clear(&s->hints[i]);
	free(s->hints);
	strv_clear(&s->groups);
	*s = (struct fstests_script){ 0 };
}

bool fstests_hint_applies(const struct fstests_hint *h, const char *fstyp)
{
	static const char family[] = "ext[0-9]+";
	const char *want = h->fstyp;
	if (!want)
		return true;
	bool not = want[0] == '!';
	want += not ;
	bool same = strcmp(want, fstyp) == 0;
	if (strcmp(want, family) == 0)
		same = strncmp(fstyp, "ext", 3) == 0 && isdigit((unsigned char)fstyp[3]);
	return same != not ;
}

/* The next word as a shell reads it, quotes taken off; NULL at the end of the command. The line
 * is written over. */
static char *next_word(char **s)
{
	char *p = *s + strspn(*s, BLANKS);
	if (!*p || *p == '#' || strchr(";&|()", *p))
		return NULL;
	char *word = p;
	char *to = p;
	char quote = '\0';
	for (; *p && (quote || !strchr(BLANKS ";&|()", *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? '\0' : *p;
		else
			*to++ = *p;
	}
	*s = *p ? p + 1 : p;
	*to = '\0';
	return word;
}

static bool is_commit(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");
	return s[n] == '\0' && n >= 7 && n <= 40;
}

static void add_hint(struct fstests_script *out, struct fstests_hint *h)
{
	if (out->n_hints == FSTESTS_HINTS_MAX) {
		hint_clear(h);
		return;
	}
	out->hints = xrealloc(out->hints, (out->n_hints + 1) * sizeof *out->hints);
	out->hints[out->n_hints++] = *h;
}

/* `args` is what stands behind the helper's name; `fstyp` (taken) what it is under. */
static void read_hint(struct reader *r, const struct helper *helper, char *args, char *fstyp)
{
	struct fstests_hint h = { .kind = helper->kind, .fstyp = fstyp };
	const char *package = helper->package ? helper->package : next_word(&args);
	h.package = xstrdup(package ? package : "");
	char *word = next_word(&args);
	auto_buf struct buf subject = { 0 };
	if (word && h.kind == FSTESTS_FIXED_IN_VERSION)
		h.version = xstrdup(word);
	else if (word && is_commit(word))
		h.commit = xstrdup(word);
	else if (word && strspn(word, "xX") != strlen(word)) /* "XXXXXXXXXXXX subject" quoted */
		buf_adds(&subject, word);
	while ((word = next_word(&args))) {
		if (subject.len)
			buf_addc(&subject, ' ');
		buf_adds(&subject, word);
	}
	h.subject = buf_take(&subject);
	if (!package || (h.kind == FSTESTS_FIXED_IN_VERSION && !h.version) ||
		(h.kind != FSTESTS_FIXED_IN_VERSION && !h.commit && !h.subject[0]))
		hint_clear(&h);
	else
		add_hint(r->out, &h);
}

/* What `[ "$FSTYP" = btrfs ]` and its like ask for; the caller's, NULL: something else. */
static char *condition(const char *s)
{
	const char *p = strstr(s, "$FSTYP");
	if (!p)
		return NULL;
	p += strlen("$FSTYP");
	p += strspn(p, "\"}" BLANKS);
	bool not = p[0] == '!' && p[1] == '=';
	if (!not &&p[0] != '=')
		return NULL;
	p += strspn(p, "!=~" BLANKS "\"");
	size_t n = strcspn(p, BLANKS "\";&");
	if (n == 0 || n > 64)
		return NULL;
	return xasprintf("%s%.*s", not ? "!" : "", (int)n, p);
}

static void set_block(struct reader *r, char *block)
{
	free(r->block);
	r->block = block;
}

static bool begins(const char *s, const char *word)
{
	size_t n = strlen(word);
	return strncmp(s, word, n) == 0 && !isalnum((unsigned char)s[n]) && s[n] != '_';
}

/* Keep r->block what the lines around ask of FSTYP. */
static void follow_block(struct reader *r, const char *s)
{
	if (begins(s, "if") || begins(s, "elif"))
		set_block(r, condition(s));
	else if (begins(s, "else") || begins(s, "fi"))
		set_block(r, NULL);
	else if (begins(s, "case"))
		r->in_case = strstr(s, "$FSTYP") != NULL;
	else if (begins(s, "esac") || strncmp(s, ";;", 2) == 0) {
		r->in_case = r->in_case && s[0] == ';';
		set_block(r, NULL);
	} else if (r->in_case) {
		size_t skip = strspn(s, "(\"'");
		size_t n = strcspn(s + skip, "\"'|) \t*");
		if (n > 0 && n < 64 && strcspn(s + skip + n, ")|") <= 1)
			set_block(r, xstrndup(s + skip, n));
	}
}

static void read_groups(struct fstests_script *out, char *s)
{
	out->has_groups = true;
	s[strcspn(s, "#\\")] = '\0';
	char *save = NULL;
	for (char *w = strtok_r(s, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save)) {
		if (out->groups.n < FSTESTS_GROUPS_MAX)
			strv_add(&out->groups, w);
	}
}

/* Where a helper is called in the line: at its start, or behind "&&", ";", "then", ")". */
static char *find_call(char *s, const struct helper *h)
{
	for (char *p = s; (p = strstr(p, h->name)); p++) {
		const char *before = p;
		while (before > s && strchr(BLANKS, before[-1]))
			before--;
		size_t n = (size_t)(before - s);
		bool starts = n == 0 || strchr(";&{)", before[-1]) ||
			      (n >= 4 && strncmp(before - 4, "then", 4) == 0);
		const char *end = p + strlen(h->name);
		if (starts && (*end == '\0' || strchr(BLANKS, *end)))
			return p;
	}
	return NULL;
}

static void read_line(struct reader *r, char *line)
{
	static const char begin[] = "_begin_fstest";
	char *s = line + strspn(line, BLANKS);
	if (*s == '#' || *s == '\0')
		return;
	if (s == line && begins(s, begin) && !r->out->has_groups) {
		read_groups(r->out, s + strlen(begin));
		return;
	}
	follow_block(r, s);
	if (!strstr(s, "_fixed_") && !strstr(s, "_wants_"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(helpers); i++) {
		char *call = find_call(s, &helpers[i]);
		if (!call)
			continue;
		char *args = call + strlen(helpers[i].name);
		*call = '\0';
		char *own = condition(s);
		if (!own && r->block)
			own = xstrdup(r->block);
		read_hint(r, &helpers[i], args, own);
		return;
	}
}

/* Whether the logical line goes on in the next: a backslash (dropped), or "&&" at its end. */
static bool goes_on(struct buf *line)
{
	while (line->len && strchr(BLANKS, line->s[line->len - 1]))
		line->s[--line->len] = '\0';
	if (line->len && line->s[line->len - 1] == '\\') {
		line->s[line->len - 1] = ' ';
		return true;
	}
	return line->len > 2 && strcmp(line->s + line->len - 2, "&&") == 0;
}

void fstests_script_parse(const char *text, size_t n, struct fstests_script *ret)
{
	struct reader r = { .out = ret };
	auto_buf struct buf line = { 0 };
	bool wants_groups_only = false;
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;
		size_t text_len = strnlen(text + at, len);
		if (line.len + text_len < LINE_MAX_)
			buf_add(&line, text + at, text_len);
		else
			buf_reset(&line);
		at += len + 1;
		/* mkgroupfile looks at single lines. */
		wants_groups_only = line.len && begins(line.s, "_begin_fstest");
		if (line.len && goes_on(&line) && !wants_groups_only && at < n) {
			buf_addc(&line, ' ');
			continue;
		}
		if (line.len)
			read_line(&r, line.s);
		buf_reset(&line);
	}
	free(r.block);
}
