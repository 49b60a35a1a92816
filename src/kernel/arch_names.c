/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/arch_names.h"
#include "base/mem.h"
#include <assert.h>
#include <elf.h>

static const struct arch_names table[] = {
	{ EM_X86_64, "x86_64", "x86", "bzImage", false, "x86_64-linux-gnu-",
		"linux-image-cloud-amd64" },
	{ EM_AARCH64, "arm64", "arm64", "Image", true, "aarch64-linux-gnu-",
		"linux-image-cloud-arm64" },
	/* Debian makes no cloud kernel of it. */
	{ EM_386, "i386", "x86", "bzImage", false, "i686-linux-gnu-", "linux-image-686-pae" },
};

const struct arch_names *arch_names(const struct kernel_arch *a)
{
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(table) && table[i].machine != a->machine)
		i++;
	assert(table[i].machine == a->machine); /* target/machine.c has no others */
	return &table[i];
}

const char *arch_cross(const struct kernel_arch *a)
{
	bool own = !a->foreign;
#ifdef __x86_64__
	/* The host's gcc makes both; a kernel needs no library of 32 bits. */
	own = own || a->machine == EM_386;
#endif
	return own ? "" : arch_names(a)->cross;
}
