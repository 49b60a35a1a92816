/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/kernel_id.h"
#include "base/mem.h"
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_LIMIT 8192

void kernel_id_read(struct kernel_id *ret)
{
	char notes[NOTES_LIMIT];
	uint32_t trailer[2];
	struct stat st;
	*ret = (struct kernel_id){ 0 };
	auto_close int fd = open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, notes, sizeof notes);
	if (n > 0)
		(void)elf_build_id(notes, (size_t)n, ret->build_id);
	auto_close int config = open("/proc/config.gz", O_RDONLY | O_CLOEXEC);
	if (config < 0 || fstat(config, &st) < 0 || st.st_size < (off_t)sizeof trailer ||
		pread(config, trailer, sizeof trailer, st.st_size - (off_t)sizeof trailer) !=
			sizeof trailer)
		return;
	ret->config_crc = le32toh(trailer[0]);
	ret->config_bytes = le32toh(trailer[1]);
}
