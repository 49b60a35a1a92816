/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_image.h: small kernel images made by hand. For x_test.c files only. */
#pragma once
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* `n` bytes through one of libarchive's write filters. */
static inline void test_pack(
	int (*filter)(struct archive *a), const void *p, size_t n, struct buf *out)
{
	size_t cap = n + 65536;
	size_t used = 0;
	char *packed = xmalloc(cap);
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	int rc = archive_write_set_format_raw(a);
	assert(rc == ARCHIVE_OK);
	rc = filter(a);
	assert(rc == ARCHIVE_OK);
	/* Else the last block is filled up with zeros. */
	rc = archive_write_set_bytes_in_last_block(a, 1);
	assert(rc == ARCHIVE_OK);
	rc = archive_write_open_memory(a, packed, cap, &used);
	assert(rc == ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	rc = archive_write_header(a, entry);
	assert(rc == ARCHIVE_OK);
	la_ssize_t w = archive_write_data(a, p, n);
	assert(w == (la_ssize_t)n);
	rc = archive_write_close(a);
	assert(rc == ARCHIVE_OK);
	(void)rc; /* only asserted */
	(void)w;
	archive_entry_free(entry);
	archive_write_free(a);
	buf_add(out, packed, used);
	free(packed);
}

#define TEST_CONFIG                                                                                \
	"CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n"                         \
	"CONFIG_VIRTIO_BLK=y\nCONFIG_EROFS_FS=y\nCONFIG_OVERLAY_FS=y\n"
#define TEST_BUILD_ID "f5f6f7f8f9fafbfc" /* of all */

/* What is behind the notes of a kernel: its banner and its configuration. */
static inline void test_vmlinux_rest(const char *release, const char *config, struct buf *out)
{
	buf_adds(out, "Linux version %s (%s) and others");
	for (size_t i = 0; i < 3000; i++) /* over the window's end, and it compresses */
		buf_adds(out, "code code code code code code code code code code code code code "
			      "code code code code code code code code code code code code code "
			      "code code code code code code code code code code code code code "
			      "code code code code code code code code code code code code code "
			      "code code code code code code code code code code code code code ");
	buf_addf(out, "Linux version %s (me@here) #1\n", release);
	buf_adds(out, "IKCFG_ST");
	test_pack(archive_write_add_filter_gzip, config, strlen(config), out);
	buf_adds(out, "IKCFG_ED");
}

/* An ELF kernel of nothing but its notes, its banner and its configuration. */
static inline void test_vmlinux_of(
	const char *release, bool pvh, const char *config, struct buf *out)
{
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr ph;
		Elf64_Nhdr other;
		char other_name[4];
		unsigned char id[8];
		Elf64_Nhdr note;
		char name[4];
		uint64_t entry;
	} elf = {
		.h = { .e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1 },
		.ph = { .p_type = PT_NOTE, .p_filesz = 2 * sizeof(Elf64_Nhdr) + 4 + 8 + 4 + 8 },
		.other = { .n_namesz = 4, .n_descsz = 8, .n_type = NT_GNU_BUILD_ID },
		.other_name = "GNU",
		.id = { 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc },
		.note = { .n_namesz = 4, .n_descsz = 8, .n_type = pvh ? 18 : 17 },
		.name = "Xen",
		.entry = 0x1000000,
	};
	memcpy(elf.h.e_ident, ELFMAG, SELFMAG);
	elf.h.e_ident[EI_CLASS] = ELFCLASS64;
	elf.h.e_ident[EI_DATA] = ELFDATA2LSB;
	elf.ph.p_offset = (uint64_t)((char *)&elf.other - (char *)&elf);
	buf_add(out, &elf, sizeof elf);
	test_vmlinux_rest(release, config, out);
}

/* The same of i386. */
static inline void test_vmlinux_386(const char *release, bool pvh, struct buf *out)
{
	struct {
		Elf32_Ehdr h;
		Elf32_Phdr other, ph;
		Elf32_Nhdr id_note;
		char id_name[4];
		unsigned char id[8];
		Elf32_Nhdr note;
		char name[4];
		uint32_t entry;
	} elf = {
		.h = { .e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 2 },
		.other = { .p_type = PT_LOAD },
		.ph = { .p_type = PT_NOTE, .p_filesz = 2 * sizeof(Elf32_Nhdr) + 4 + 8 + 4 + 4 },
		.id_note = { .n_namesz = 4, .n_descsz = 8, .n_type = NT_GNU_BUILD_ID },
		.id_name = "GNU",
		.id = { 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc },
		.note = { .n_namesz = 4, .n_descsz = 4, .n_type = pvh ? 18 : 17 },
		.name = "Xen",
		.entry = 0x1000000,
	};
	memcpy(elf.h.e_ident, ELFMAG, SELFMAG);
	elf.h.e_ident[EI_CLASS] = ELFCLASS32;
	elf.h.e_ident[EI_DATA] = ELFDATA2LSB;
	elf.ph.p_offset = (uint32_t)((char *)&elf.id_note - (char *)&elf);
	buf_add(out, &elf, sizeof elf);
	test_vmlinux_rest(release, TEST_CONFIG, out);
}

static inline void test_vmlinux(const char *release, bool pvh, struct buf *out)
{
	test_vmlinux_of(release, pvh, TEST_CONFIG, out);
}

static inline void test_put(struct buf *b, size_t at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->s[at + i] = (char)(v >> (8 * i));
}

#define TEST_XLOADFLAGS  0x236u
#define TEST_SETUP_BYTES (3u * 512)
#define TEST_PAYLOAD_AT  (TEST_SETUP_BYTES + 100)

/* A bzImage of two setup sectors; `filter` NULL: the payload is not compressed. */
static inline void test_bzimage(const char *release, int (*filter)(struct archive *a),
	const struct buf *vmlinux, struct buf *out)
{
	char zero[TEST_PAYLOAD_AT] = { 0 };
	buf_add(out, zero, sizeof zero);
	if (filter)
		test_pack(filter, vmlinux->s, vmlinux->len, out);
	else
		buf_add(out, vmlinux->s, vmlinux->len);
	if (filter != archive_write_add_filter_gzip) {
		buf_add(out, zero, 4);
		test_put(out, out->len - 4, vmlinux->len, 4);
	}
	size_t bytes = out->len - TEST_PAYLOAD_AT;
	buf_adds(out, "what is behind the payload");
	test_put(out, 0x1f1, 2, 1);
	test_put(out, 0x1fe, 0xaa55, 2);
	memcpy(out->s + 0x202, "HdrS", 4);
	test_put(out, 0x206, 0x20f, 2);
	test_put(out, 0x20e, 0x300 - 0x200, 2);
	bool narrow = vmlinux->len > EI_CLASS && vmlinux->s[EI_CLASS] == ELFCLASS32;
	test_put(out, TEST_XLOADFLAGS, !narrow, 2);
	test_put(out, 0x248, TEST_PAYLOAD_AT - TEST_SETUP_BYTES, 4);
	test_put(out, 0x24c, bytes, 4);
	memcpy(out->s + 0x300, release, strlen(release));
	memcpy(out->s + 0x300 + strlen(release), " (me@here) #1", 13);
}

/* A flat Image of arm64: its header, and what a vmlinux has. */
static inline void test_arm64_image(const char *release, struct buf *out)
{
	char head[64] = "MZ";
	memcpy(head + 56, "ARM\x64", 4);
	buf_add(out, head, sizeof head);
	test_vmlinux(release, false, out);
}

/* The vmlinuz.efi of a flat one. */
static inline void test_zboot(
	int (*filter)(struct archive *a), const struct buf *flat, struct buf *out)
{
	char head[80] = "MZ";
	memcpy(head + 4, "zimg", 4);
	buf_add(out, head, sizeof head);
	test_pack(filter, flat->s, flat->len, out);
	test_put(out, 8, sizeof head, 4);
	test_put(out, 12, out->len - sizeof head, 4);
	buf_adds(out, "what is behind the payload");
}

/* Write to DIR/NAME; its path is the caller's. */
static inline char *test_file(const char *dir, const char *name, const struct buf *b)
{
	char *path = path_join(dir, name);
	int rc = file_replace(path, buf_str(b), b->len, 0644, NULL);
	assert(rc == 0);
	(void)rc; /* only asserted */
	return path;
}
