/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest says what it mounted and made: whatever it says, one line is said of it, and an empty
 * answer never passes for a section that asks for something. */
#include "base/mem.h"
#include "suite/fstests_applied.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_line(const char *p)
{
	for (; p && *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const configs[] = {
		"[s]\nFSTYP=btrfs\nSCRATCH_MNT=/m\nTEST_DIR=/t\nMOUNT_OPTIONS=-o compress=zstd\n"
		"TEST_FS_MOUNT_OPTS=-o compress=zstd\n"
		"MKFS_OPTIONS=-n 4k -O ^no-holes,zoned -d raid1 --csum xxhash\n",
		"[s]\nFSTYP=xfs\nSCRATCH_MNT=/m\nTEST_DIR=/t\nMKFS_OPTIONS=-m crc=0,rmapbt -b "
		"size=1k -n size=8k\n",
		"[s]\nFSTYP=ext4\nSCRATCH_MNT=/m\nTEST_DIR=/t\nMKFS_OPTIONS=-O bigalloc,^quota -b "
		"1024 -I 256\n",
	};
	auto_free char *text = xmalloc(size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = data[i] ? (char)data[i] : '?';
	text[size] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
		auto_free char *fault = fstests_applied_fault(configs[i], "s", text, size, 0);
		if (!fault && !strstr(text, "/m"))
			abort();
		auto_free char *own = fstests_checks_own_fault(configs[i], "s", text);
		if (!own && *text && !strstr(text, "/t"))
			abort();
		check_line(fault);
		check_line(own);
	}
	return 0;
}
