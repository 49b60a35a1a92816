/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_id.h: what the running kernel says of itself, for the host to compare with what it asked
 * for. Source: kernel/ksysfs.c (/sys/kernel/notes), kernel/configs.c (/proc/config.gz) */
#pragma once
#include "base/elf_note.h"
#include <stdint.h>

struct kernel_id {
	char build_id[ELF_BUILD_ID_SIZE]; /* empty: it has none */
	/* Of its .config, as the gzip file's last 8 bytes have them; both 0: it does not carry one.
	 */
	uint32_t config_crc, config_bytes;
};

/* Allocates nothing. */
void kernel_id_read(struct kernel_id *ret);
