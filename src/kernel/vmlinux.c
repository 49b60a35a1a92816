/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "kernel/bzimage.h"
#include "kernel/unpack.h"
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PHDR_LIMIT       128
#define NOTES_LIMIT      65536u
#define XEN_PHYS32_ENTRY 18

static void take_build_id(const unsigned char *desc, size_t n, char ret[VMLINUX_BUILD_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	if (n == 0 || 2 * n >= VMLINUX_BUILD_ID_SIZE)
		return;
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[desc[i] >> 4];
		ret[2 * i + 1] = digits[desc[i] & 15];
	}
	ret[2 * n] = '\0';
}

/* A Xen PHYS32_ENTRY note, and GNU's build id, in these n bytes. */
static void read_notes(const unsigned char *p, size_t n, struct vmlinux *v)
{
	Elf64_Nhdr h;
	for (size_t at = 0; n - at >= sizeof h;) {
		memcpy(&h, p + at, sizeof h);
		at += sizeof h;
		uint64_t name = ((uint64_t)h.n_namesz + 3) & ~3ull;
		uint64_t desc = ((uint64_t)h.n_descsz + 3) & ~3ull;
		if (name + desc > n - at)
			return;
		bool four = h.n_namesz == 4;
		if (four && h.n_type == XEN_PHYS32_ENTRY && h.n_descsz >= 4 &&
			memcmp(p + at, "Xen", 4) == 0)
			v->pvh = true;
		if (four && h.n_type == NT_GNU_BUILD_ID && memcmp(p + at, "GNU", 4) == 0)
			take_build_id(p + at + name, h.n_descsz, v->build_id);
		at += (size_t)(name + desc);
	}
}

int vmlinux_check(int fd, struct vmlinux *ret, struct err *e)
{
	Elf64_Ehdr h;
	if (pread(fd, &h, sizeof h, 0) != sizeof h || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(e, ENOEXEC, "not an ELF file");
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(e, ENOEXEC, "ELF, but not 64-bit little-endian");
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return err_set(e, ENOEXEC, "ELF, but not an executable (type %u)", h.e_type);
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > PHDR_LIMIT)
		return err_set(e, ENOEXEC, "ELF with %u program headers of %u bytes", h.e_phnum,
			h.e_phentsize);
	Elf64_Phdr ph[PHDR_LIMIT];
	size_t bytes = h.e_phnum * sizeof *ph;
	if (h.e_phoff > INT64_MAX || pread(fd, ph, bytes, (off_t)h.e_phoff) != (ssize_t)bytes)
		return err_set(e, ENOEXEC, "ELF is cut short in its program headers");
	struct vmlinux v = { .machine = h.e_machine };
	auto_free unsigned char *notes = xmalloc(NOTES_LIMIT);
	for (size_t i = 0; i < h.e_phnum; i++) {
		if (ph[i].p_type != PT_NOTE || ph[i].p_offset > INT64_MAX)
			continue;
		size_t want = ph[i].p_filesz < NOTES_LIMIT ? (size_t)ph[i].p_filesz : NOTES_LIMIT;
		ssize_t n = pread(fd, notes, want, (off_t)ph[i].p_offset);
		if (n > 0)
			read_notes(notes, (size_t)n, &v);
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
