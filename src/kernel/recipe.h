/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe.h: the configuration that a build asks for. Inside kernel/ only. */
#pragma once
#include "base/hash.h"
#include "base/strv.h"
#include "kernel/fragment.h"
#include "kernel/make.h"
struct err;

struct asked {
	struct fragments options; /* of all fragments, the guest's first */
	struct strv names;        /* of the fragments */
	char *base;               /* a target of make, or NULL */
	char *base_file;          /* the text of a file, or of localmodconfig's; or NULL */
	char *modules;            /* of localmodconfig, as lsmod has them; or NULL */
	char sha256[HASH_HEX_SIZE];
};

/* -ENOENT: a fragment or file is not there, with the nearest known name; -EINVAL: it is none. */
int asked_read(const struct kernel_recipe *r, const struct kernel_arch *arch, struct asked *ret,
	struct err *e);
void asked_clear(struct asked *a);
#define auto_asked __attribute__((cleanup(asked_clear)))
/* Write OBJECTS/.config by make, and check it. -EINVAL: an option did not hold. */
int asked_configure(const struct asked *a, const struct make *m, struct err *e);
/* As OBJECTS/.config has it now. */
int asked_check(const struct asked *a, const struct make *m, struct err *e);
