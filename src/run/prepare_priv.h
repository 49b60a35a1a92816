/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prepare_priv.h: between prepare.c and prepare_job.c. */
#pragma once
#include "run/prepare.h"
struct utsname;

/* vm.init = system: systemd is the machine's first process. */
bool prepare_has_init(const struct config *c);
/* The job of what is prepared, without work_dir; a new reference. */
json_t *prepare_job(const struct prepare_request *q, const struct prepared *p);
/* Who ran what, on what: enough to say whether two runs can be compared; a new reference. */
json_t *prepare_run(
	const struct prepare_request *q, const struct prepared *p, const struct utsname *host);
