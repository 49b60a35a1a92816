/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the file holds, what is said of it lies inside of it: the payload, and a
 * release that can be a folder's name. */
#include "kernel/arm64_image.h"
#include "kernel/bzimage.h"
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_release(const char *s)
{
	if (!*s || strchr(s, '/') || s[0] == '.' || strlen(s) >= KERNEL_RELEASE_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bzimage b;
	struct vmlinux v;
	struct arm64_image a;
	char release[KERNEL_RELEASE_SIZE];
	size_t head = size < BZIMAGE_HEAD_BYTES ? size : BZIMAGE_HEAD_BYTES;
	int fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (bzimage_parse(data, head, size, &b, NULL) == 0) {
		check_release(b.release);
		if (b.machine != EM_X86_64 && b.machine != EM_386)
			abort();
		if (b.payload_at > size || b.payload_bytes > size - b.payload_at)
			abort();
		(void)bzimage_extract(fd, &b, "/dev/null", NULL); /* damaged, nearly always */
	}
	if (arm64_image_parse(data, head, size, &a)) {
		if (a.at > size || a.bytes > size - a.at)
			abort();
		(void)arm64_image_extract(fd, &a, "/dev/null", NULL); /* likewise */
	}
	(void)vmlinux_check(fd, &v, NULL); /* any answer: it must only stay inside */
	if (vmlinux_release(fd, release, NULL) == 0)
		check_release(release);
	(void)close(fd);
	return 0;
}
