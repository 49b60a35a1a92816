/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/sources.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_LIMIT (4u << 20)
#define FILE_LIMIT   (1u << 20)
#define ASK_US       (60ull * 1000 * 1000)

/* Fields of one stanza of `apt-get indextargets`; NULL: absent. */
struct target {
	char *uri, *release, *codename, *origin, *component, *arch, *entry;
};

static void target_clear(struct target *t)
{
	free(t->uri);
	free(t->release);
	free(t->codename);
	free(t->origin);
	free(t->component);
	free(t->arch);
	free(t->entry);
	*t = (struct target){ 0 };
}

/* The value of "NAME: value" in the stanza [text, text + n), the caller's; NULL: none. Lines
 * that go on (deb822 continuation) are joined by a space. */
static char *field(const char *text, size_t n, const char *name)
{
	size_t len = strlen(name);
	auto_buf struct buf b = { 0 };
	bool in = false;
	for (const char *end = text + n; text < end;) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((nl ? nl : end) - text);
		bool more = *text == ' ' || *text == '\t';
		if (in && !more && *text != '#')
			break;
		const char *v = NULL;
		if (in && more) {
			v = text + 1;
		} else if (!in && line > len && text[len] == ':' &&
			   strncasecmp(text, name, len) == 0) {
			v = text + len + 1;
			in = true;
		}
		if (v) {
			const char *stop = text + line;
			while (v < stop && isspace((unsigned char)*v))
				v++;
			while (v < stop && isspace((unsigned char)stop[-1]))
				stop--;
			if (b.len)
				buf_addc(&b, ' ');
			buf_add(&b, v, (size_t)(stop - v));
		}
		text += line + (nl != NULL);
	}
	return in ? buf_take(&b) : NULL;
}

/* The next stanza (lines up to a blank one) of *text as [*ret, + *n); false at the end. */
static bool next_stanza(const char **text, const char **ret, size_t *n)
{
	while (**text == '\n')
		(*text)++;
	if (!**text)
		return false;
	*ret = *text;
	const char *end = strstr(*text, "\n\n");
	*n = end ? (size_t)(end - *text) : strlen(*text);
	*text += *n;
	return true;
}

/* A word that can stand in a "deb" line. */
static bool is_word(const char *s)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '[' || *s == ']' || *s == '#')
			return false;
	return true;
}

static bool is_wanted(const struct target *t, const char *codename, const char *arch)
{
	static const char *const parts[] = { "", "-updates", "-security" };
	if (!is_word(t->uri) || !is_word(t->release) || !is_word(t->component) || !t->origin ||
		strcmp(t->origin, "Debian") != 0 || !t->arch || strcmp(t->arch, arch) != 0)
		return false;
	const char *name = t->codename ? t->codename : t->release;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		auto_free char *one = xasprintf("%s%s", codename, parts[i]);
		if (strcmp(name, one) == 0)
			return true;
	}
	return false;
}

/* "signed-by=FILE" where the value is a file. */
static void add_signed_by(struct buf *b, const char *v)
{
	if (v && v[0] == '/' && is_word(v))
		buf_addf(b, "%ssigned-by=%s", b->len ? " " : "", v);
}

static void add_trusted(struct buf *b, const char *v)
{
	if (v && strcasecmp(v, "yes") == 0)
		buf_addf(b, "%strusted=yes", b->len ? " " : "");
}

static void options_of_line(const char *text, unsigned number, struct buf *b)
{
	for (unsigned i = 1; i < number && *text; i++) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	auto_free char *line = xstrndup(text, strcspn(text, "\n"));
	char *open = strchr(line, '[');
	char *close = open ? strchr(open, ']') : NULL;
	if (!close)
		return;
	*close = '\0';
	auto_strv struct strv words = { 0 };
	strv_split(&words, open + 1, " \t");
	for (size_t i = 0; i < words.n; i++) {
		if (strncmp(words.v[i], "signed-by=", 10) == 0)
			add_signed_by(b, words.v[i] + 10);
		else if (strncmp(words.v[i], "trusted=", 8) == 0)
			add_trusted(b, words.v[i] + 8);
	}
}

static void options_of_stanza(const char *text, unsigned number, struct buf *b)
{
	const char *stanza = NULL;
	size_t n = 0;
	for (unsigned i = 0; i < number;) {
		if (!next_stanza(&text, &stanza, &n))
			return;
		/* Comments between blank lines are no entry. */
		auto_free char *types = field(stanza, n, "Types");
		i += types != NULL;
	}
	auto_free char *key = stanza ? field(stanza, n, "Signed-By") : NULL;
	auto_free char *trusted = stanza ? field(stanza, n, "Trusted") : NULL;
	add_signed_by(b, key);
	add_trusted(b, trusted);
}

char *sources_options(const char *text, bool deb822, unsigned number)
{
	auto_buf struct buf b = { 0 };
	if (deb822)
		options_of_stanza(text, number, &b);
	else
		options_of_line(text, number, &b);
	return b.len ? xasprintf("[%s] ", buf_str(&b)) : xstrdup("");
}

/* The options of "/etc/apt/sources.list.d/debian.sources:1"; what cannot be read has none. */
static char *options_of_entry(const char *entry)
{
	const char *colon = entry ? strrchr(entry, ':') : NULL;
	uint64_t number;
	if (!colon || parse_u64(colon + 1, &number, NULL) < 0 || number == 0 || number > 100000)
		return xstrdup("");
	auto_free char *path = xstrndup(entry, (size_t)(colon - entry));
	auto_buf struct buf b = { 0 };
	if (file_read(path, FILE_LIMIT, &b, NULL) < 0)
		return xstrdup("");
	size_t n = strlen(path);
	bool deb822 = n > 8 && strcmp(path + n - 8, ".sources") == 0;
	return sources_options(buf_str(&b), deb822, (unsigned)number);
}

void sources_parse(const char *targets, const char *codename, const char *arch, struct strv *lines)
{
	const char *stanza;
	size_t n;
	while (next_stanza(&targets, &stanza, &n)) {
		struct target t = {
			.uri = field(stanza, n, "Repo-URI"),
			.release = field(stanza, n, "Release"),
			.codename = field(stanza, n, "Codename"),
			.origin = field(stanza, n, "Origin"),
			.component = field(stanza, n, "Component"),
			.arch = field(stanza, n, "Architecture"),
			.entry = field(stanza, n, "Sourcesentry"),
		};
		if (is_wanted(&t, codename, arch)) {
			auto_free char *options = options_of_entry(t.entry);
			strv_addf(lines, "deb %s%s %s %s", options, t.uri, t.release, t.component);
		}
		target_clear(&t);
	}
}

void sources_settings(const char *dump, struct strv *options)
{
	while (*dump) {
		size_t n = strcspn(dump, "\n");
		auto_free char *line = xstrndup(dump, n);
		bool scheme = strncmp(line, "Acquire::http::", 15) == 0 ||
			      strncmp(line, "Acquire::https::", 16) == 0;
		if ((scheme && strstr(line, "Proxy")) ||
			strncmp(line, "Acquire::Check-Valid-Until ", 27) == 0 ||
			strncmp(line, "Acquire::Check-Date ", 20) == 0)
			strv_add(options, line);
		dump += n + (dump[n] == '\n');
	}
}

/* Standard output of a program of apt's. 0 with nothing in `out`: there is no such program. */
static int ask(const char *const *argv, struct buf *out, struct err *e)
{
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = ASK_US,
	};
	struct err why = { 0 };
	int rc = proc_check(&spec, out, OUTPUT_LIMIT, &why);
	return rc < 0 && rc != -ENOENT ? err_set(e, rc, "%s", why.msg) : 0;
}

int sources_of_host(const char *codename, const char *arch, struct strv *lines,
	struct strv *options, struct err *e)
{
	const char *targets[] = { "apt-get", "indextargets", "Created-By: Packages", NULL };
	const char *config[] = { "apt-config", "dump", NULL };
	auto_buf struct buf out = { 0 };
	auto_buf struct buf dump = { 0 };
	int rc = ask(targets, &out, e);
	if (rc == 0)
		rc = ask(config, &dump, e);
	if (rc < 0)
		return rc;
	sources_parse(buf_str(&out), codename, arch, lines);
	sources_settings(buf_str(&dump), options);
	if (lines->n == 0 && access("/etc/debian_version", F_OK) == 0 && dump.len && !out.len)
		return err_set(e, ENOENT, "apt's lists are empty on this host: %sapt-get update",
			geteuid() == 0 ? "" : "sudo ");
	return 0;
}
