/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/machine.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <elf.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/utsname.h>

/* A boot sector: mov $0x4000000,%ecx; 1: dec %ecx; jnz 1b; mov $0xf4,%dx; mov $0x10,%al;
 * out %al,(%dx); hlt; jmp .-1. A KVM that emulates the guest's ring 0 (a nested one without the
 * processor's help) gets through firmware, but not through the loop: it takes 20 ms on a processor
 * and most of a minute there. isa-debug-exit makes (0x10 << 1) | 1 QEMU's exit code. */
static const uint8_t boot_sector[] = { 0x66, 0xb9, 0x00, 0x00, 0x00, 0x04, 0x66, 0x49, 0x75, 0xfc,
	0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4, 0xeb, 0xfd };
static const char *const boot_sector_args[] = { "-machine", "pc", "-device",
	"isa-debug-exit,iobase=0xf4,iosize=1", "-drive",
	"file=" MACHINE_PROBE_FILE ",format=raw,if=ide", NULL };

/* In RAM, above the device tree; the same loop: mov w1,#0x4000000; subs w1,w1,#1; b.ne .-4; then
 * PSCI's SYSTEM_OFF: mov w0,#8; movk w0,#0x8400,lsl #16; hvc #0; b . */
static const uint8_t system_off[] = { 0x01, 0x80, 0xa0, 0x52, 0x21, 0x04, 0x00, 0x71, 0xe1, 0xff,
	0xff, 0x54, 0x00, 0x01, 0x80, 0x52, 0x00, 0x80, 0xb0, 0x72, 0x02, 0x00, 0x00, 0xd4, 0x00,
	0x00, 0x00, 0x14 };
static const char *const system_off_args[] = { "-machine", "virt", "-device",
	"loader,file=" MACHINE_PROBE_FILE ",addr=0x40200000,cpu-num=0,force-raw=on", NULL };

/* What a PC's rows have in common. Of the features that an emulated processor is not to have both
 * of the first or neither: programs take one for the sign of the other. The others make the kernel
 * copy and clear byte by byte, which is slow here. Slot 31 is the chipset's. */
#define PC                                                                                         \
	.package = "qemu-system-x86", .type = "q35", .cpu_kvm = "host",                            \
	.cpu_tcg = "max,-sse4.2,-pclmulqdq,-erms,-fsrm", .console = "ttyS0", .bus = "pcie.0",      \
	.first_slot = 1, .last_slot = 30, .command_line_max = 2047,                                \
	.probe = { boot_sector, sizeof boot_sector, 512, { 0x55, 0xaa }, boot_sector_args, 33 }

static const struct machine machines[] = {
	{
		.arch = "x86_64",
		.debian = "amd64",
		.elf = EM_X86_64,
		.program = "qemu-system-x86_64",
		PC,
	},
	{
		.arch = "aarch64",
		.debian = "arm64",
		.elf = EM_AARCH64,
		.program = "qemu-system-aarch64",
		.package = "qemu-system-arm",
		.type = "virt,gic-version=max",
		.cpu_kvm = "host",
		/* The architected pointer authentication is slow to emulate. */
		.cpu_tcg = "max,pauth-impdef=on",
		.console = "ttyAMA0",
		.bus = "pcie.0",
		.first_slot = 1,
		.last_slot = 31,
		.command_line_max = 2047,
		.probe = { system_off, sizeof system_off, sizeof system_off + 2, { 0, 0 },
			system_off_args, 0 },
	},
	{
		.arch = "i386",
		.debian = "i386",
		.wide = "x86_64",
		.elf = EM_386,
		.program = "qemu-system-i386",
		PC,
	},
};

int machine_find(const char *arch, const struct machine **ret, struct err *e)
{
	auto_buf struct buf names = { 0 };
	struct utsname host;
	if (!arch) {
		if (uname(&host) < 0)
			return err_sys(e, "uname");
		arch = host.machine;
	}
	if (fnmatch("i[456]86", arch, 0) == 0)
		arch = "i386"; /* uname tells the processor's generation */
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		const struct machine *m = &machines[i];
		if (strcmp(m->arch, arch) == 0 || strcmp(m->debian, arch) == 0) {
			*ret = m;
			return 0;
		}
		buf_addf(&names, "%s%s", i ? ", " : "", m->arch);
		if (strcmp(m->debian, m->arch) != 0)
			buf_addf(&names, " (%s)", m->debian);
	}
	return err_set(e, ENOTSUP, "no virtual machine for %s: there is %s", arch, buf_str(&names));
}

bool machine_runs(const struct machine *host, const struct machine *m)
{
	return host == m || (m->wide && strcmp(host->arch, m->wide) == 0);
}
