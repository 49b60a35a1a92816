/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/elf_note.h"
#include "base/err.h"
#include "base/mem.h"
#include "kernel/bzimage.h"
#include "kernel/elf_head.h"
#include "kernel/unpack.h"
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PHDR_LIMIT       128
#define NOTES_LIMIT      65536u
#define XEN_PHYS32_ENTRY 18

static void take_notes(struct vmlinux *v, const void *notes, size_t n)
{
	size_t len;
	if (!v->build_id[0])
		(void)elf_build_id(notes, n, v->build_id);
	if (elf_note_find(notes, n, "Xen", XEN_PHYS32_ENTRY, 4, &len))
		v->pvh = true;
}

int vmlinux_check(int fd, struct vmlinux *ret, struct err *e)
{
	Elf64_Ehdr h;
	char head[sizeof h];
	ssize_t got = pread(fd, head, sizeof head, 0);
	int rc = elf_head(head, got < 0 ? 0 : (size_t)got, &h, e);
	if (rc < 0)
		return rc;
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return err_set(e, ENOEXEC, "ELF, but not an executable (type %u)", h.e_type);
	if (h.e_phentsize != elf_phdr_size(&h) || h.e_phnum == 0 || h.e_phnum > PHDR_LIMIT)
		return err_set(e, ENOEXEC, "ELF with %u program headers of %u bytes", h.e_phnum,
			h.e_phentsize);
	char table[PHDR_LIMIT * sizeof(Elf64_Phdr)];
	size_t bytes = h.e_phnum * elf_phdr_size(&h);
	if (h.e_phoff > INT64_MAX || pread(fd, table, bytes, (off_t)h.e_phoff) != (ssize_t)bytes)
		return err_set(e, ENOEXEC, "ELF is cut short in its program headers");
	struct vmlinux v = { .machine = h.e_machine };
	auto_free unsigned char *notes = xmalloc(NOTES_LIMIT);
	for (size_t i = 0; i < h.e_phnum; i++) {
		const Elf64_Phdr ph = elf_phdr(&h, table + i * elf_phdr_size(&h));
		if (ph.p_type != PT_NOTE || ph.p_offset > INT64_MAX)
			continue;
		size_t want = ph.p_filesz < NOTES_LIMIT ? (size_t)ph.p_filesz : NOTES_LIMIT;
		ssize_t n = pread(fd, notes, want, (off_t)ph.p_offset);
		if (n > 0)
			take_notes(&v, notes, (size_t)n);
	}
	*ret = v;
	return 0;
}

#define WINDOW  (1u << 20)
#define OVERLAP 256u

/* Call `found` with each place of `what`, followed by at least OVERLAP bytes or the file's
 * end, until it returns true. -ENOENT: it never did. */
static int find_text(int fd, const char *what,
	bool (*found)(void *ctx, const char *p, size_t n, uint64_t at), void *ctx, struct err *e)
{
	auto_free char *w = xmalloc(WINDOW);
	size_t len = strlen(what);
	for (uint64_t at = 0;;) {
		ssize_t got = pread(fd, w, WINDOW, (off_t)at);
		if (got < 0)
			return err_sys(e, "read");
		size_t n = (size_t)got;
		bool last = n < WINDOW;
		for (size_t i = 0; i < n; i++) {
			const char *p = memmem(w + i, n - i, what, len);
			if (!p)
				break;
			i = (size_t)(p - w);
			if (!last && n - i < OVERLAP)
				break;
			if (found(ctx, p, n - i, at + i))
				return 0;
		}
		if (last)
			return -ENOENT;
		at += WINDOW - OVERLAP;
	}
}

#define BANNER "Linux version "

static bool take_release(void *ctx, const char *p, size_t n, uint64_t at)
{
	char *ret = ctx;
	p += strlen(BANNER);
	n -= strlen(BANNER);
	size_t len = 0;
	while (len < n && p[len] != ' ' && p[len] != '\0')
		len++;
	/* "Linux version %s (" and help texts are in there too. */
	if (len + 1 >= n || len >= KERNEL_RELEASE_SIZE || p[len] != ' ' || p[len + 1] != '(')
		return false;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return p[0] >= '0' && p[0] <= '9' && kernel_release_is_safe(ret);
}

int vmlinux_release(int fd, char ret[KERNEL_RELEASE_SIZE], struct err *e)
{
	char release[KERNEL_RELEASE_SIZE] = "";
	int rc = find_text(fd, BANNER, take_release, release, e);
	if (rc == -ENOENT)
		return err_set(e, ENOEXEC, "no \"Linux version\" in it: not a Linux kernel");
	if (rc < 0)
		return rc;
	memcpy(ret, release, sizeof release);
	return 0;
}

#define NOTE_NAME  "GNU"
#define NOTE_BYTES (sizeof(Elf64_Nhdr) + sizeof NOTE_NAME + ELF_BUILD_ID_SIZE / 2)
#define PAGE       4096u
#define VDSO_PAGES 4

struct flat_id {
	int fd;
	char id[ELF_BUILD_ID_SIZE];
};

/* The vDSOs that a kernel carries have ids of their own; they are ELF files, on whole pages. */
static bool in_vdso(int fd, uint64_t at)
{
	uint64_t page = at / PAGE;
	for (unsigned i = 0; i < VDSO_PAGES && i <= page; i++) {
		char magic[SELFMAG];
		if (pread(fd, magic, sizeof magic, (off_t)((page - i) * PAGE)) == sizeof magic &&
			memcmp(magic, ELFMAG, SELFMAG) == 0)
			return true;
	}
	return false;
}

static bool take_flat_id(void *ctx, const char *p, size_t n, uint64_t at)
{
	struct flat_id *f = ctx;
	char note[NOTE_BYTES];
	if (at < sizeof(Elf64_Nhdr))
		return false;
	ssize_t got = pread(f->fd, note, sizeof note, (off_t)(at - sizeof(Elf64_Nhdr)));
	return got > 0 && elf_build_id(note, (size_t)got, f->id) && !in_vdso(f->fd, at);
}

int vmlinux_flat_build_id(int fd, char ret[ELF_BUILD_ID_SIZE], struct err *e)
{
	struct flat_id f = { .fd = fd };
	int rc = find_text(fd, NOTE_NAME, take_flat_id, &f, e);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	memcpy(ret, rc == 0 ? f.id : "", rc == 0 ? sizeof f.id : 1);
	return 0;
}

#define CONFIG_START "IKCFG_ST"
#define CONFIG_LIMIT (4u << 20)

static bool take_place(void *ctx, const char *p, size_t n, uint64_t at)
{
	p += strlen(CONFIG_START);
	n -= strlen(CONFIG_START);
	if (unpack_kind((const unsigned char *)p, n) != UNPACK_GZIP)
		return false;
	*(uint64_t *)ctx = at + strlen(CONFIG_START);
	return true;
}

int vmlinux_config(int fd, const char *to, struct err *e)
{
	struct unpack_range range = { .fd = fd, .bytes = CONFIG_LIMIT };
	int rc = find_text(fd, CONFIG_START, take_place, &range.at, e);
	if (rc == -ENOENT)
		return err_set(e, ENOENT, "the kernel carries no configuration (CONFIG_IKCONFIG)");
	if (rc < 0)
		return rc;
	uint64_t bytes;
	return unpack_file(&range, UNPACK_GZIP, to, CONFIG_LIMIT, &bytes, e);
}
