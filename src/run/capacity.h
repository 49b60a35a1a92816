/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capacity.h: how many machines the host can have at once: neither its CPUs nor its memory are
 * given out twice. */
#pragma once
#include <stdint.h>
struct config;
struct err;

/* What the kernel says that new programs can have (MemAvailable); 0: it does not say. */
uint64_t capacity_memory(void);
/* CPUs of one machine: vm.cpus, else its share of the host's where run.slots is set. `accel`: "tcg"
 * gets one. */
unsigned capacity_cpus(const struct config *c, const char *accel);
/* As many machines of vm.memory and so many CPUs as fit; at least one. */
unsigned capacity_slots(const struct config *c, unsigned cpus);
/* Whether run.slots, where it is set, fits. -EINVAL: too many CPUs, -ENOMEM: too much memory, both
 * with what would fit. */
int capacity_check(const struct config *c, unsigned cpus, struct err *e);
