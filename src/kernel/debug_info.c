/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/debug_info.h"
#include "base/elf_note.h"
#include "base/err.h"
#include "base/mem.h"
#include "kernel/elf_head.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct debug_info {
	char *path;
	const unsigned char *map;
	size_t bytes;
	Elf64_Ehdr head;
	bool module;
	unsigned text; /* of a module: index of .text */
	const unsigned char *symbols;
	size_t n_symbols;
	const char *strings;
	size_t string_bytes;
	bool lines;
	char build_id[ELF_BUILD_ID_SIZE];
};

/* `n` bytes at `at`, or NULL where the file has not that many. */
static const void *bytes_at(const struct debug_info *d, uint64_t at, uint64_t n)
{
	return at <= d->bytes && n <= d->bytes - at ? d->map + at : NULL;
}

/* The name at `at` of a table of strings, or "" where it does not end in it. */
static const char *string_at(const char *strings, size_t n, uint64_t at)
{
	return strings && at < n && memchr(strings + at, '\0', n - at) ? strings + at : "";
}

static Elf64_Shdr section_at(const struct debug_info *d, unsigned i)
{
	size_t size = elf_shdr_size(&d->head);
	const void *p = bytes_at(d, d->head.e_shoff + (uint64_t)i * size, size);
	return p ? elf_shdr(&d->head, p) : (Elf64_Shdr){ 0 };
}

static void take_section(struct debug_info *d, const Elf64_Shdr *s, const char *name, unsigned i)
{
	const void *content =
		s->sh_type == SHT_NOBITS ? NULL : bytes_at(d, s->sh_offset, s->sh_size);
	if (strcmp(name, ".text") == 0)
		d->text = i; /* of a file with debug information alone it has no content */
	if (!content)
		return;
	if (s->sh_type == SHT_NOTE && !d->build_id[0])
		(void)elf_build_id(content, s->sh_size, d->build_id);
	if (strcmp(name, ".debug_line") == 0 && s->sh_size > 0)
		d->lines = true;
	if (s->sh_type != SHT_SYMTAB || d->symbols)
		return;
	const Elf64_Shdr strings = section_at(d, s->sh_link);
	d->symbols = content;
	d->n_symbols = s->sh_size / elf_sym_size(&d->head);
	d->strings = bytes_at(d, strings.sh_offset, strings.sh_size);
	d->string_bytes = d->strings ? strings.sh_size : 0;
}

static int read_sections(struct debug_info *d, struct err *e)
{
	const Elf64_Ehdr *h = &d->head;
	struct err why = { 0 };
	int rc = elf_head(d->map, d->bytes, &d->head, &why);
	if (rc < 0)
		return err_set(e, rc, "%s: %s", d->path, why.msg);
	if (h->e_shentsize != elf_shdr_size(h))
		return err_set(e, ENOEXEC, "%s: an ELF file without sections", d->path);
	d->module = h->e_type == ET_REL;
	const Elf64_Shdr names = section_at(d, h->e_shstrndx);
	const char *strings = bytes_at(d, names.sh_offset, names.sh_size);
	for (unsigned i = 0; i < h->e_shnum; i++) {
		const Elf64_Shdr s = section_at(d, i);
		take_section(d, &s, string_at(strings, names.sh_size, s.sh_name), i);
	}
	return d->symbols ? 0 : err_set(e, ENOEXEC, "%s: it has no symbols", d->path);
}

int debug_info_open(const char *path, const char *build_id, struct debug_info **ret, struct err *e)
{
	struct stat st;
	auto_debug_info struct debug_info *d = xcalloc(1, sizeof *d);
	d->path = xstrdup(path);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(e, ENOEXEC, "%s: not an ELF file", path);
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_sys(e, "%s", path);
	d->map = map;
	d->bytes = (size_t)st.st_size;
	int rc = read_sections(d, e);
	if (rc < 0)
		return rc;
	if (build_id && strcmp(build_id, d->build_id) != 0)
		return err_set(e, ESTALE, "%s is of another build: its build id is %s, not %s",
			path, d->build_id[0] ? d->build_id : "none", build_id);
	if (!d->lines)
		return err_set(e, ENODATA,
			"%s has no debug information: build it with CONFIG_DEBUG_INFO", path);
	*ret = take(&d);
	return 0;
}

void debug_info_close(struct debug_info *d)
{
	if (!d)
		return;
	if (d->map)
		(void)munmap((void *)d->map, d->bytes); /* its own length */
	free(d->path);
	free(d);
}

const char *debug_info_path(const struct debug_info *d)
{
	return d->path;
}

bool debug_info_is_module(const struct debug_info *d)
{
	return d->module;
}

bool debug_info_find(
	const struct debug_info *d, const char *name, uint64_t size, uint64_t *ret_address)
{
	uint64_t best = UINT64_MAX;
	uint64_t found = 0;
	bool several = false;
	for (size_t i = 0; i < d->n_symbols; i++) {
		const Elf64_Sym s = elf_sym(&d->head, d->symbols + i * elf_sym_size(&d->head));
		unsigned type = ELF64_ST_TYPE(s.st_info);
		if ((type != STT_FUNC && type != STT_NOTYPE) || s.st_shndx == SHN_UNDEF ||
			(d->module && s.st_shndx != d->text) ||
			strcmp(string_at(d->strings, d->string_bytes, s.st_name), name) != 0)
			continue;
		/* The kernel's size reaches over the padding behind the function. */
		uint64_t off = size > s.st_size ? size - s.st_size : s.st_size - size;
		several = off == best ? several || s.st_value != found : off > best && several;
		if (off < best) {
			best = off;
			found = s.st_value;
		}
	}
	if (best == UINT64_MAX || several)
		return false;
	*ret_address = found;
	return true;
}
