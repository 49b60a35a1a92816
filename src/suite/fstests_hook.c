/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_hook.h"
#include "base/buf.h"
#include "base/mem.h"
#include "suite/fstests_applied.h"
#include "suite/fstests_config.h"
#include "suite/fstests_results.h"
#include "suite/suite.h"
#include <inttypes.h>
#include <string.h>

extern const char fstests_hook_body[]; /* the build makes it of fstests_hook.sh */

/* A section's values have no quotes (fstests_section_check). */
static void put(struct buf *out, const struct suite_spec *spec, const char *name, const char *as)
{
	auto_free char *v =
		fstests_config_value(spec->config, strlen(spec->config), spec->name, as);
	buf_addf(out, "%s='%s'\n", name, v ? v : "");
}

void fstests_hook_text(const struct suite_spec *spec, struct buf *out)
{
	buf_adds(out, "#!/bin/sh\n");
	put(out, spec, "fstyp", "FSTYP");
	put(out, spec, "test_dev", "TEST_DEV");
	put(out, spec, "test_dir", "TEST_DIR");
	put(out, spec, "scratch", "SCRATCH_DEV");
	put(out, spec, "pool", "SCRATCH_DEV_POOL");
	put(out, spec, "results", "RESULT_BASE");
	buf_addf(out, "results=$results/%s\n", spec->name);
	/* Those of the verdicts are collected after them. */
	buf_addf(out, "max=%" PRIu64 " budget=%" PRIu64 " seconds=%d\n", spec->image_max_bytes,
		spec->logs_max_bytes / 2, FSTESTS_IMAGE_S);
	buf_adds(out, "ended=$results/" FSTESTS_ENDED_FILE "\n"
		      "applied=$results/" FSTESTS_APPLIED_FILE "\n"
		      "superblock='" FSTESTS_SUPERBLOCK "'\n");
	buf_adds(out, fstests_hook_body);
}
