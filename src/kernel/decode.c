/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/decode.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/debug_info.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX  4000
#define FILES_MAX   32 /* the kernel and its modules */
#define ORDER_LIMIT (4u << 20)
#define ANSWER_MAX  (16u << 20)
#define TOOL_US     (120ull * 1000 * 1000)
#define BASE_SYMBOL "kernel_init"
#define BASE_FILE   "init/main.c"

/* ---- what a line says ---- */

static bool is_symbol(char c)
{
	return isalnum((unsigned char)c) || strchr("_.$", c);
}

/* "0x1c" at p; the bytes it takes, or 0. */
static size_t take_hex(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 2;
	if (n < 3 || p[0] != '0' || p[1] != 'x')
		return 0;
	for (; i < n && i < 18 && isxdigit((unsigned char)p[i]); i++)
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	*ret = v;
	return i > 2 ? i : 0;
}

/* " [btrfs]" or, where the kernel says its modules' build ids, " [btrfs 0123abcd]". */
static size_t take_module(const char *p, size_t n, char ret[64], char ret_id[64])
{
	size_t len = 0;
	if (n < 4 || p[0] != ' ' || p[1] != '[')
		return 0;
	while (2 + len < n && (isalnum((unsigned char)p[2 + len]) || strchr("_-", p[2 + len])) &&
		p[2 + len])
		len++;
	const char *end = memchr(p + 2, ']', n - 2);
	if (len == 0 || len >= 64 || !end || (p[2 + len] != ']' && p[2 + len] != ' '))
		return 0;
	memcpy(ret, p + 2, len);
	ret[len] = '\0';
	const char *id = p + 2 + len + 1;
	size_t hex = 0;
	while (id + hex < end && isxdigit((unsigned char)id[hex]))
		hex++;
	if (id < end && id + hex == end && hex < 64) {
		memcpy(ret_id, id, hex);
		ret_id[hex] = '\0';
	}
	return (size_t)(end + 1 - p);
}

int decode_find(const char *line, size_t n, struct decode_place *ret)
{
	for (const char *plus = line; (plus = memchr(plus, '+', n - (size_t)(plus - line)));
		plus++) {
		struct decode_place f = { 0 };
		size_t at = (size_t)(plus - line);
		size_t from = at;
		while (from > 0 && line[from - 1] && is_symbol(line[from - 1]))
			from--;
		size_t len = take_hex(line + at + 1, n - at - 1, &f.offset);
		if (from == at || at - from >= sizeof f.symbol || len == 0)
			continue;
		f.end = at + 1 + len;
		if (f.end >= n || line[f.end] != '/')
			continue;
		len = take_hex(line + f.end + 1, n - f.end - 1, &f.size);
		if (len == 0 || f.offset > f.size)
			continue;
		f.end += 1 + len;
		memcpy(f.symbol, line + from, at - from);
		f.end += take_module(line + f.end, n - f.end, f.module, f.module_id);
		/* "RIP: 0010:x+0x1/0x2", i386's "EIP: x+0x1/0x2", arm64's "pc : x+0x1/0x2". */
		f.exact = memmem(line, from, "IP: ", 4) || memmem(line, from, "pc :", 4);
		*ret = f;
		return 1;
	}
	return 0;
}

/* ---- which file, and where in it ---- */

struct file {
	char module[64]; /* empty: the kernel */
	char id[64];     /* its build id, as the text has it */
	const struct debug_info *info;
	struct debug_info *own; /* of a module; NULL: not to be had */
	bool stale;             /* there is one, of another build */
	bool unproved;          /* nobody says which build it must be of */
	struct strv addresses;  /* asked of addr2line, in this order */
	struct strv answers;    /* as many */
};

struct decoder {
	const struct debug_info *vmlinux;
	struct file files[FILES_MAX];
	size_t n_files;
	char *base; /* what goes from the beginning of paths, or NULL */
	unsigned places;
};

static bool same_module(const char *path, size_t n, const char *module)
{
	size_t len = strlen(module);
	if (n < len || (n > len && path[n - len - 1] != '/'))
		return false;
	for (size_t i = 0; i < len; i++) {
		char a = path[n - len + i];
		if ((a == '-' ? '_' : a) != (module[i] == '-' ? '_' : module[i]))
			return false;
	}
	return true;
}

/* Debian's: .../boot/vmlinux-RELEASE, .../lib/modules/RELEASE/{vmlinux,kernel/fs/btrfs/btrfs.ko}.
 */
static char *find_debians(const struct debug_info *vmlinux, const char *module)
{
	/* It may have been found by a link below .build-id/. */
	auto_free char *path = realpath(debug_info_path(vmlinux), NULL);
	if (!path)
		return NULL;
	const char *name = path_base(path);
	const char *boot = strstr(path, "/boot/vmlinux-");
	bool beside = strcmp(name, "vmlinux") == 0 && strstr(path, "/lib/modules/");
	auto_free char *root = boot ? xasprintf("%.*s/lib/modules/%s/kernel", (int)(boot - path),
					      path, name + strlen("vmlinux-"))
				    : xasprintf("%.*skernel", (int)(name - path), path);
	char *const roots[] = { root, NULL };
	char *found = NULL;
	FTS *fts = boot || beside ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	FTSENT *ent;
	while (fts && !found && (ent = fts_read(fts))) {
		const char *dot = strstr(ent->fts_name, ".ko");
		size_t n = dot ? (size_t)(dot - ent->fts_name) : 0;
		if (ent->fts_info == FTS_F && n && same_module(ent->fts_name, n, module))
			found = xstrdup(ent->fts_path);
	}
	if (fts)
		(void)fts_close(fts); /* only read */
	return found;
}

/* In the folder that vmlinux lies in, where a build leaves its list; NULL: there is none. */
static char *find_module(const struct debug_info *vmlinux, const char *module)
{
	auto_buf struct buf order = { 0 };
	const char *path = debug_info_path(vmlinux);
	auto_free char *dir = xstrndup(path, (size_t)(path_base(path) - path));
	auto_free char *list = xasprintf("%smodules.order", dir);
	auto_strv struct strv lines = { 0 };
	if (file_read(list, ORDER_LIMIT, &order, NULL) < 0)
		return find_debians(vmlinux, module);
	strv_split(&lines, buf_str(&order), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *dot = strrchr(lines.v[i], '.');
		size_t n = dot ? (size_t)(dot - lines.v[i]) : 0;
		if (n && same_module(lines.v[i], n, module))
			return xasprintf("%s%.*s.ko", dir, (int)n, lines.v[i]);
	}
	return NULL;
}

/* NULL: too many. */
static struct file *file_of(struct decoder *d, const char *module, const char *id)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (strcmp(d->files[i].module, module) == 0 && strcmp(d->files[i].id, id) == 0)
			return &d->files[i];
	if (d->n_files == FILES_MAX)
		return NULL;
	struct file *f = &d->files[d->n_files++];
	(void)snprintf(f->module, sizeof f->module, "%s", module); /* as long */
	(void)snprintf(f->id, sizeof f->id, "%s", id);             /* likewise */
	auto_free char *path = *module ? find_module(d->vmlinux, module) : NULL;
	if (path)
		f->stale = debug_info_open(path, *id ? id : NULL, &f->own, NULL) == -ESTALE;
	f->unproved = f->own && !*id;
	f->info = *module ? f->own : d->vmlinux;
	return f;
}

/* The file's address of a place; false: it is not known. */
static bool address_of(const struct file *f, const struct decode_place *p, uint64_t *ret)
{
	if (!f || !f->info || !debug_info_find(f->info, p->symbol, p->size, ret))
		return false;
	*ret += p->offset - (!p->exact && p->offset ? 1 : 0);
	return true;
}

/* ---- addr2line ---- */

/* "/src/linux/fs/x.c:12 (discriminator 3)" without what all paths have, and the remark. */
static void add_line(const struct decoder *d, struct buf *b, const char *line)
{
	size_t base = d->base ? strlen(d->base) : 0;
	const char *remark = strstr(line, " (");
	if (base && strncmp(line, d->base, base) == 0) {
		line += base;
		while (strncmp(line, "./", 2) == 0)
			line += 2;
	}
	buf_add(b, line, remark && remark > line ? (size_t)(remark - line) : strlen(line));
}

/* Of one address: lines "FUNCTION", "FILE:LINE", again for each that it is inlined into. */
static size_t take_answer(
	const struct decoder *d, const struct strv *lines, size_t i, struct buf *text)
{
	for (; i + 1 < lines->n && strncmp(lines->v[i], "0x", 2) != 0; i += 2) {
		const char *line = lines->v[i + 1];
		if (strncmp(line, "??", 2) == 0 || strstr(line, ":?"))
			continue;
		buf_adds(text, text->len ? " in " : "");
		add_line(d, text, line);
	}
	return i;
}

static int ask(struct decoder *d, struct file *f, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	auto_strv struct strv lines = { 0 };
	auto_buf struct buf out = { 0 };
	if (f->addresses.n == 0)
		return 0;
	strv_addl(&argv, "addr2line", "-a", "-i", "-f", "-e", debug_info_path(f->info), NULL);
	if (debug_info_is_module(f->info))
		strv_addl(&argv, "-j", ".text", NULL);
	for (size_t i = 0; i < f->addresses.n; i++)
		strv_add(&argv, f->addresses.v[i]);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	int rc = proc_check(&spec, &out, ANSWER_MAX, e);
	if (rc < 0)
		return rc == -ENOENT
			       ? err_set(e, rc,
					 "addr2line is not installed: apt-get install binutils")
			       : rc;
	strv_split(&lines, buf_str(&out), "\n");
	for (size_t i = 0; i < lines.n;) {
		auto_buf struct buf text = { 0 };
		i = take_answer(d, &lines, i + 1, &text); /* behind the address itself */
		strv_add(&f->answers, buf_str(&text));
	}
	return f->answers.n == f->addresses.n
		       ? 0
		       : err_set(e, EIO, "addr2line answers %zu times to %zu addresses",
				 f->answers.n, f->addresses.n);
}

/* What the names of the source's files begin with, by that of a function that each kernel has. */
static int find_base(struct decoder *d, struct err *e)
{
	struct decoder probe = { .vmlinux = d->vmlinux };
	struct file *f = file_of(&probe, "", "");
	uint64_t address;
	int rc = 0;
	if (debug_info_find(d->vmlinux, BASE_SYMBOL, 0, &address)) {
		strv_addf(&f->addresses, "0x%" PRIx64, address);
		rc = ask(&probe, f, e);
	}
	const char *line = rc == 0 && f->answers.n ? f->answers.v[0] : "";
	const char *tail = strstr(line, BASE_FILE ":");
	if (tail && tail > line)
		d->base = xstrndup(line, (size_t)(tail - line));
	strv_clear(&f->addresses);
	strv_clear(&f->answers);
	return rc;
}

/* ---- the text ---- */

/* Call `each` for each line, with its place where it has one that could be looked up. */
static void walk(struct decoder *d, const char *text, size_t n,
	void (*each)(struct decoder *d, const char *line, size_t len, const struct decode_place *p,
		struct file *f, uint64_t address, void *ctx),
	void *ctx)
{
	d->places = 0;
	for (size_t at = 0; at < n;) {
		const char *line = text + at;
		const char *end = memchr(line, '\n', n - at);
		size_t len = end ? (size_t)(end - line) : n - at;
		struct decode_place p;
		struct file *f = NULL;
		uint64_t address = 0;
		bool has = d->places < PLACES_MAX && decode_find(line, len, &p);
		d->places += has;
		if (has)
			f = file_of(d, p.module, p.module_id);
		bool known = has && address_of(f, &p, &address);
		each(d, line, len, has ? &p : NULL, known ? f : NULL, address, ctx);
		at += len + (end ? 1 : 0);
	}
}

static void collect(struct decoder *d, const char *line, size_t len, const struct decode_place *p,
	struct file *f, uint64_t address, void *ctx)
{
	if (f)
		strv_addf(&f->addresses, "0x%" PRIx64, address);
}

struct writing {
	struct buf *out;
	struct decode_counts counts;
	size_t next[FILES_MAX];
};

static void write_line(struct decoder *d, const char *line, size_t len,
	const struct decode_place *p, struct file *f, uint64_t address, void *ctx)
{
	struct writing *w = ctx;
	const char *where = f ? f->answers.v[w->next[f - d->files]++] : "";
	buf_add(w->out, line, p ? p->end : len);
	if (*where)
		buf_addf(w->out, " (%s)", where);
	if (p)
		buf_add(w->out, line + p->end, len - p->end);
	buf_addc(w->out, '\n');
	const struct file *of = p ? file_of(d, p->module, p->module_id) : NULL;
	if (*where)
		w->counts.unproved += of && of->unproved;
	if (*where)
		w->counts.decoded++;
	else if (of && of->stale)
		w->counts.stale++;
	else if (p && *p->module && (!of || !of->info))
		w->counts.modules++;
	else if (p)
		w->counts.unknown++;
}

int decode_text(const struct debug_info *vmlinux, const char *text, size_t n, struct buf *out,
	struct decode_counts *ret, struct err *e)
{
	struct decoder d = { .vmlinux = vmlinux };
	struct writing w = { .out = out };
	int rc = find_base(&d, e);
	if (rc == 0)
		walk(&d, text, n, collect, NULL);
	for (size_t i = 0; i < d.n_files && rc == 0; i++)
		rc = ask(&d, &d.files[i], e);
	if (rc == 0) {
		walk(&d, text, n, write_line, &w);
		*ret = w.counts;
	}
	for (size_t i = 0; i < d.n_files; i++) {
		debug_info_close(d.files[i].own);
		strv_clear(&d.files[i].addresses);
		strv_clear(&d.files[i].answers);
	}
	free(d.base);
	return rc;
}
