/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h: the machine table: everything that differs between architectures, and the only
 * place that has an architecture's name. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

/* The smallest guest that can say it ran; it is run with a deadline to see if KVM works. */
struct machine_probe {
	const uint8_t *payload;
	size_t payload_len;
	size_t size;             /* of the file: the payload, zeros, `tail` */
	uint8_t tail[2];         /* its last bytes */
	const char *const *args; /* for QEMU; the file is MACHINE_PROBE_FILE */
	int exit_code;           /* QEMU's, once the guest has run */
};
#define MACHINE_PROBE_FD   3
#define MACHINE_PROBE_FILE "/dev/fd/3"

struct machine {
	const char *arch;    /* as uname -m says, but for i386 */
	const char *debian;  /* Debian's name of it */
	const char *wide;    /* `arch` of another, whose processors run it, too; or NULL */
	uint16_t elf;        /* ELF's machine */
	const char *program; /* QEMU's */
	const char *package; /* Debian's, that has it */
	const char *type;    /* -machine */
	const char *cpu_kvm;
	const char *cpu_tcg; /* VM.md, Run-time speed inside the guest */
	const char *console; /* the serial console's name in the guest */
	/* The root bus: slots that are free. Eight functions fit each. */
	const char *bus;
	unsigned first_slot, last_slot;
	size_t command_line_max; /* bytes that the kernel takes */
	struct machine_probe probe;
};

/* Whether a host of `host` can run guests of `m` by KVM. */
bool machine_runs(const struct machine *host, const struct machine *m);
/* `arch`: uname's or Debian's name; NULL is the host's own. -ENOTSUP: not in the table; the message
 * lists what is. */
int machine_find(const char *arch, const struct machine **ret, struct err *e);
