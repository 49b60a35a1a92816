/* SPDX-License-Identifier: GPL-2.0-or-later */
/* localmod.h: what make localmodconfig goes by: this host's configuration, and the modules that it
 * has loaded, or, as make does, those of the file that LSMOD names. Inside kernel/ only. */
#pragma once
struct err;

/* Both the caller's; the modules as lsmod prints them, sorted, without sizes. -ENOENT: this host's
 * configuration is nowhere, with where it was looked for. */
int localmod_read(char **ret_config, char **ret_modules, struct err *e);
