/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/symbols.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "kernel/elf_head.h"
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_HALF  (UINT64_C(1) << 63)
#define SECTIONS_MAX 4096

struct symbol {
	uint64_t address;
	const char *name; /* ends at a blank or the line's end */
	size_t len;
	char type;
};

static const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";
enum {
	NAME_TEXT = 1,
	NAME_SYMTAB = 7,
	NAME_STRTAB = 15,
	NAME_SHSTRTAB = 23,
};
enum {
	SECTION_NULL,
	SECTION_TEXT,
	SECTION_SYMTAB,
	SECTION_STRTAB,
	SECTION_SHSTRTAB,
	SECTIONS,
};

/* "ADDRESS TYPE NAME..." in [p, end). */
static bool parse_line(const char *p, const char *end, struct symbol *ret)
{
	uint64_t v = 0;
	const char *at = p;
	for (; at < end && isxdigit((unsigned char)*at); at++)
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 32) - 'a' + 10);
	if (at == p || at - p > 16 || end - at < 4 || at[0] != ' ' || at[2] != ' ' ||
		v < KERNEL_HALF)
		return false;
	const char *name = at + 3;
	const char *stop = name;
	while (stop < end && *stop != '\t' && *stop != ' ')
		stop++;
	*ret = (struct symbol){ v, name, (size_t)(stop - name), at[1] };
	return stop > name;
}

static struct symbol *parse(const char *text, size_t n, size_t *ret_n)
{
	struct symbol *list = NULL;
	size_t used = 0;
	size_t room = 0;
	for (const char *p = text, *end = text + n; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct symbol s;
		if (parse_line(p, nl ? nl : end, &s)) {
			if (used == room) {
				room = room ? 2 * room : 4096;
				list = xrealloc(list, room * sizeof *list);
			}
			list[used++] = s;
		}
		p = nl ? nl + 1 : end;
	}
	*ret_n = used;
	return list;
}

/* By address; a table's local symbols come before its global ones, see write_symbols. */
static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a;
	const struct symbol *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

static void write_symbols(
	const struct symbol *list, size_t n, bool global, struct buf *symbols, struct buf *names)
{
	for (size_t i = 0; i < n; i++) {
		const struct symbol *s = &list[i];
		if ((isupper((unsigned char)s->type) != 0) != global)
			continue;
		bool function = strchr("tTwW", s->type) != NULL;
		size_t next = i + 1;
		while (next < n && list[next].address == s->address)
			next++;
		const Elf64_Sym sym = {
			.st_name = (Elf64_Word)names->len,
			.st_info = (unsigned char)ELF64_ST_INFO(
				global ? STB_GLOBAL : STB_LOCAL, function ? STT_FUNC : STT_OBJECT),
			.st_shndx = SECTION_TEXT,
			.st_value = s->address,
			.st_size = next < n ? list[next].address - s->address : 1,
		};
		buf_add(symbols, &sym, sizeof sym);
		buf_add(names, s->name, s->len);
		buf_addc(names, '\0');
	}
}

/* Header and sections of a file with these parts behind them, in this order. */
static void write_head(struct buf *out, uint16_t machine, const Elf64_Shdr *text,
	const struct buf *symbols, size_t locals, size_t names_len)
{
	const uint64_t at = sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr);
	const Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SECTIONS,
		.e_shstrndx = SECTION_SHSTRTAB,
	};
	const Elf64_Shdr sections[SECTIONS] = {
		[SECTION_TEXT] = *text,
		[SECTION_SYMTAB] = { .sh_name = NAME_SYMTAB,
			.sh_type = SHT_SYMTAB,
			.sh_offset = at,
			.sh_size = symbols->len,
			.sh_link = SECTION_STRTAB,
			.sh_info = (Elf64_Word)locals,
			.sh_addralign = 8,
			.sh_entsize = sizeof(Elf64_Sym) },
		[SECTION_STRTAB] = { .sh_name = NAME_STRTAB,
			.sh_type = SHT_STRTAB,
			.sh_offset = at + symbols->len,
			.sh_size = names_len,
			.sh_addralign = 1 },
		[SECTION_SHSTRTAB] = { .sh_name = NAME_SHSTRTAB,
			.sh_type = SHT_STRTAB,
			.sh_offset = at + symbols->len + names_len,
			.sh_size = sizeof section_names,
			.sh_addralign = 1 },
	};
	buf_add(out, &head, sizeof head);
	buf_add(out, sections, sizeof sections);
}

int symbols_elf(const char *text, size_t n, uint16_t machine, struct buf *out, struct err *e)
{
	static const Elf64_Sym none;
	auto_buf struct buf symbols = { 0 };
	auto_buf struct buf names = { 0 };
	size_t count = 0;
	auto_free struct symbol *list = parse(text, n, &count);
	if (machine == EM_386)
		return err_set(e, ENOTSUP,
			"symbols of a running kernel of 32 bits are not made into a file: build it "
			"from its source, which keeps its vmlinux");
	if (count == 0)
		return err_set(e, ENODATA, "the kernel shows no addresses of its symbols");
	qsort(list, count, sizeof *list, by_address);
	buf_add(&symbols, &none, sizeof none);
	buf_addc(&names, '\0');
	write_symbols(list, count, false, &symbols, &names);
	size_t locals = symbols.len / sizeof none;
	write_symbols(list, count, true, &symbols, &names);
	const uint64_t first = list[0].address;
	const Elf64_Shdr section = {
		.sh_name = NAME_TEXT,
		.sh_type = SHT_NOBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = first,
		.sh_size = list[count - 1].address - first + 1,
		.sh_addralign = 1,
	};
	write_head(out, machine, &section, &symbols, locals, names.len);
	buf_add(out, symbols.s, symbols.len);
	buf_add(out, names.s, names.len);
	buf_add(out, section_names, sizeof section_names);
	return 0;
}

int symbols_look(const char *path, uint16_t *ret_machine, int *ret_symbols, struct err *e)
{
	Elf64_Ehdr h;
	struct err why = { 0 };
	char bytes[sizeof h], section[sizeof(Elf64_Shdr)];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	int rc = elf_head(bytes, n < 0 ? 0 : (size_t)n, &h, &why);
	if (rc < 0)
		return err_set(e, rc, "%s: %s", path, why.msg);
	*ret_machine = h.e_machine;
	*ret_symbols = 0;
	for (unsigned i = 0; i < h.e_shnum && i < SECTIONS_MAX; i++) {
		size_t size = elf_shdr_size(&h);
		off_t at = (off_t)(h.e_shoff + (uint64_t)i * size);
		if (pread(fd, section, size, at) != (ssize_t)size)
			break;
		const Elf64_Shdr s = elf_shdr(&h, section);
		if (s.sh_type == SHT_SYMTAB && s.sh_size > elf_sym_size(&h))
			*ret_symbols = 1;
	}
	return 0;
}
