/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/capacity.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "config/config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t capacity_memory(void)
{
	auto_buf struct buf b = { 0 };
	uint64_t kib = 0;
	if (file_read("/proc/meminfo", 65536, &b, NULL) < 0)
		return 0;
	const char *line = strstr(buf_str(&b), "MemAvailable:");
	if (line)
		kib = strtoull(line + strlen("MemAvailable:"), NULL, 10);
	return kib * 1024;
}

static unsigned host_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}

/* One under TCG: QEMU before 8.1 may go on with code that another emulated processor has just
 * patched (its kernel's static keys), and a guest in some hundreds hangs for that. */
unsigned capacity_cpus(const struct config *c, const char *accel)
{
	uint64_t asked = config_num(c, "vm.cpus");
	uint64_t slots = config_num(c, "run.slots");
	unsigned share = slots ? host_cpus() / (unsigned)slots : host_cpus();
	if (asked)
		return (unsigned)asked;
	return strcmp(accel, "tcg") == 0 || share == 0 ? 1 : share;
}

unsigned capacity_slots(const struct config *c, unsigned cpus)
{
	uint64_t n = host_cpus() / cpus;
	uint64_t memory = capacity_memory() / config_num(c, "vm.memory");
	if (capacity_memory() && memory < n)
		n = memory;
	return n ? (unsigned)n : 1;
}

int capacity_check(const struct config *c, unsigned cpus, struct err *e)
{
	char want[PARSE_SIZE_TEXT];
	char have[PARSE_SIZE_TEXT];
	uint64_t slots = config_num(c, "run.slots");
	uint64_t memory = config_num(c, "vm.memory");
	uint64_t available = capacity_memory();
	if (slots <= 1) /* one machine is its user's own business */
		return 0;
	if (slots * cpus > host_cpus())
		return err_set(e, EINVAL,
			"%s: run.slots is %u, of machines with %u CPUs each, but this host has %u: "
			"ask for %u, or set vm.cpus",
			config_origin(c, "run.slots"), (unsigned)slots, cpus, host_cpus(),
			capacity_slots(c, cpus));
	if (available && slots * memory > available)
		return err_set(e, ENOMEM,
			"%s: run.slots is %u, of machines with %s each, but this host has %s "
			"available: ask for %u, or set vm.memory",
			config_origin(c, "run.slots"), (unsigned)slots,
			parse_size_text(memory, want), parse_size_text(available, have),
			capacity_slots(c, cpus));
	return 0;
}
