/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "config/profile.h"
#include "run/run.h"
#include "site/site.h"
#include <stdlib.h>

static int select_stages(struct cli *cli, struct profile *profile)
{
	struct err e = { 0 };
	auto_strv struct strv only = { 0 };
	for (const char *const *s = cli_values(cli, "stage"); *s; s++)
		strv_split(&only, *s, ",");
	if (profile_select(profile, strv_get(&only), cli_value(cli, "from"), &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	return 0;
}

/* Whatever happened, what is known goes on a page. */
static char *write_report(struct cli *cli, const char *state_dir, const char *id)
{
	struct err e = { 0 };
	char *path = NULL;
	if (site_write_run(state_dir, id, &path, &e) < 0)
		cli_warn(cli, "the report was not written: %s", e.msg);
	return path;
}

static int run_profile(struct cli *cli, struct profile *profile, const char *state_dir)
{
	struct err e = { 0 };
	struct run_result r;
	struct run_request q = {
		.prepare = {
			.state_dir = state_dir,
			.profile = profile,
			.kernel = cli_value(cli, "kernel"),
			.keep = cli_flag(cli, "keep"),
		},
		.command = cli_command_line(cli),
	};
	struct progress *p = progress_new(cli, profile);
	int rc = run_execute(&q, &progress_observer, p, &r, &e);
	progress_clear(p);
	for (const char *const *id = progress_recovered(p); id && *id; id++)
		free(write_report(cli, state_dir, *id));
	auto_free char *report = r.id[0] ? write_report(cli, state_dir, r.id) : NULL;
	if (cli_wants_json(cli) && r.id[0]) {
		json_t *j = progress_json(p, &r, report);
		json_object_set_new(
			j, "kept", r.ended.kept ? json_string(r.ended.kept_test) : json_null());
		cli_print_json(cli, j);
	} else if (r.id[0]) {
		progress_summary(p, &r, report);
	}
	if (rc < 0)
		(void)cli_error(cli, r.exit_code, &e);
	else if (r.ended.error[0])
		(void)cli_errorf(cli, r.exit_code, "%s", r.ended.error);
	if (r.ended.kept)
		cli_note(cli,
			"Kept    the machine of %s: fsqa shell --attach %s or fsqa gdb %s; fsqa "
			"kill %s ends it",
			r.ended.kept_test, r.id, r.id, r.id);
	else if (r.id[0] && cli_flag(cli, "keep"))
		cli_note(cli, "Kept    %s/work", r.dir);
	progress_free(p);
	return r.exit_code;
}

static int cmd_run_fn(struct cli *cli, int argc, char **argv)
{
	struct profile *profile = NULL;
	auto_free char *state_dir = NULL;
	auto_strv struct strv settings = { 0 };
	if (cli_flag(cli, "core"))
		strv_add(&settings, "vm.core=true");
	if (cli_value(cli, "isolate"))
		strv_addf(&settings, "vm.isolate=%s", cli_value(cli, "isolate"));
	int rc = cli_profile_vm(cli, argc ? argv[0] : NULL, strv_get(&settings), &profile);
	if (rc == 0)
		rc = select_stages(cli, profile);
	if (rc == 0)
		rc = cli_state_dir(cli, profile->config, &state_dir);
	if (rc == 0)
		rc = run_profile(cli, profile, state_dir);
	profile_free(profile);
	return rc;
}

static const struct command_option options[] = {
	CLI_VM_OPTIONS,
	{ "stage", 's', "NAME", "only this stage, by name or number (more: repeat, or a,b)", NULL,
		1, 0 },
	{ "from", 0, "NAME", "this stage and those after it", NULL, 0, 0 },
	{ "core", 0, NULL, "keep the memory of a VM that hangs (as -c vm.core=true)", NULL, 0, 0 },
	{ "isolate", 0, "test|batch|run", "a pristine VM for each of these (vm.isolate)", NULL, 0,
		0 },
	{ "keep", 0, NULL, "keep the VM of the first test that fails (else its disks)", NULL, 0,
		0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa run", "the btrfs demo: four stages on six scratch disks" },
	{ "fsqa run ~/btrfsqa/setup --stage 002,004", "two stages of a BTRFSQA checkout" },
	{ "fsqa run btrfs/demo --kernel arch/x86/boot/bzImage", "on the kernel you just built" },
	{ "fsqa run -c vm.memory=4G --json > result.json", "more memory, result as JSON" },
	{ 0 },
};

const struct command cmd_run = {
	.name = "run",
	.args = "[PROFILE]",
	.max_args = 1,
	.values = "profile",
	.summary = "boot a kernel in a VM, run a profile's stages, record, judge, report",
	.help = "Boots the profile's kernel in a virtual machine with fresh scratch disks, runs "
		"its "
		"stages in order, records every terminal, and gives each test a verdict: FAIL, "
		"ERROR "
		"(the test's own code broke), MISS (the harness or the host broke), PASS or "
		"SKIP.\n\n"
		"A stage passes if it exits 0 and made its completion marker, no subtest failed "
		"and "
		"the kernel did not warn. When the VM is lost (panic, hang), the stage it was in "
		"is "
		"FAIL and the rest go on in a fresh one.\n\n"
		"Ctrl-C ends the run with the evidence so far. The exit code is 0 when all passed, "
		"1 "
		"when tests failed, 2 for usage or configuration, 3 when the infrastructure "
		"broke.\n\n"
		"With --keep the run ends at the first stage that fails, and its VM stays as the "
		"stage left it: `fsqa shell --attach` goes in, `fsqa kill` ends it, and when "
		"nobody "
		"is in it for vm.keepFor, it ends by itself. A VM that hangs or panicked stands "
		"still: "
		"only `fsqa gdb` looks into it. Where the VM was lost otherwise, or nothing "
		"failed, the working folder with its disks stays instead.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = cmd_run_fn,
};
