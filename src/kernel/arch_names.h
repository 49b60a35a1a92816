/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch_names.h: what a kernel's tree, Debian and QEMU call the parts of a kernel for a machine.
 * Inside kernel/ only. */
#pragma once
#include "kernel/kernel.h"

struct arch_names {
	uint16_t machine;   /* ELF's */
	const char *make;   /* ARCH=; and the fragment guest-NAME */
	const char *folder; /* below arch/ */
	const char *image;  /* what make builds for QEMU, in arch/FOLDER/boot */
	bool flat;          /* that is no ELF file, nor carries one */
	const char *cross;  /* prefix of Debian's cross compiler */
	const char *newest; /* Debian's package of the newest kernel, the smallest there is */
};

const struct arch_names *arch_names(const struct kernel_arch *a);
/* The prefix of the programs that build for it here; empty: the host's own do. */
const char *arch_cross(const struct kernel_arch *a);
