/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make.h: one run of a kernel tree's make, out of tree. */
#pragma once
#include "kernel/kernel.h"
#include "kernel/make_log.h"
struct err;
struct strv;

/* All borrowed. */
struct make {
	const char *source, *objects; /* make -C SOURCE O=OBJECTS */
	const char *log;              /* its output is appended to this file */
	const struct kernel_recipe *recipe;
	const struct kernel_arch *arch;
	int held;          /* a descriptor that lives as long as anything that make started */
	const char *cache; /* folder that ccache may take paths relative to */
	int64_t date_s;    /* of the build, as the kernel tells it */
	unsigned expected; /* steps of the last whole build; 0: not known */
	kernel_progress *progress;
	void *ctx;
};

/* How many compilers at once: `wanted`, or as many as CPUs and memory serve. */
unsigned make_jobs(uint64_t wanted);
/* The compiler's and the linker's own words, the caller's. -ENOENT: not installed, with how. */
int make_toolchain(const struct kernel_recipe *r, const struct kernel_arch *arch,
	char **ret_compiler, char **ret_linker, struct err *e);
/* What is given to make besides targets, for the manifest, too. */
void make_variables(const struct make *m, struct strv *words);
/* Run `make TARGETS` (NULL-terminated), with further VARIABLE=VALUE among them. `l` is filled
 * either way, and for what make left when it did not succeed, l->ended counts. -EBADMSG: it failed,
 * and the message is the first error; -ENOMEM: something of it was killed, or got no memory;
 * -ENOSPC: the disk was full, or failed; -EINTR: somebody killed make; -ETIMEDOUT: it took too
 * long, or said nothing for too long; -ENOENT: no make. */
int make_run(const struct make *m, const char *const *targets, struct make_log *l, struct err *e);
