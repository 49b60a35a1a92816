/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/progress.h"
#include "config/profile.h"
#include "run/prepare.h"
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

/* What is the same for each kernel. */
struct plan {
	struct cli *cli;
	struct profile *profile;
	const char *state_dir;
};

static void say_kept(struct cli *cli, const struct run_result *r)
{
	if (r->ended.kept)
		cli_note(cli,
			"Kept    the machine of %s: fsqa shell --attach %s or fsqa gdb %s; fsqa "
			"kill %s ends it",
			r->ended.kept_test, r->id, r->id, r->id);
	else if (r->id[0] && cli_flag(cli, "keep"))
		cli_note(cli, "Kept    %s/work", r->dir);
}

/* One run, told as it goes and at its end. With `results` (--json) what would be printed is
 * appended there. */
static int run_once(const struct plan *plan, const char *kernel, struct made_kernel *made,
	const char *baseline, json_t *results, struct run_result *r)
{
	struct err e = { 0 };
	struct cli *cli = plan->cli;
	struct run_request q = {
		.prepare = {
			.state_dir = plan->state_dir,
			.profile = plan->profile,
			.kernel = kernel,
			.made = made,
			.keep = cli_flag(cli, "keep"),
		},
		.baseline = baseline,
		.command = cli_command_line(cli),
	};
	struct progress *p = progress_new(cli, plan->profile);
	int rc = run_execute(&q, &progress_observer, p, r, &e);
	progress_clear(p);
	for (const char *const *id = progress_recovered(p); id && *id; id++)
		free(write_report(cli, plan->state_dir, *id));
	auto_free char *report = r->id[0] ? write_report(cli, plan->state_dir, r->id) : NULL;
	if (results && r->id[0]) {
		json_t *j = progress_json(p, r, report);
		json_object_set_new(
			j, "kept", r->ended.kept ? json_string(r->ended.kept_test) : json_null());
		json_array_append_new(results, j);
	} else if (r->id[0]) {
		progress_summary(p, r, report);
	}
	if (rc < 0)
		(void)cli_error(cli, r->exit_code, &e);
	else if (r->ended.error[0])
		(void)cli_errorf(cli, r->exit_code, "%s", r->ended.error);
	say_kept(cli, r);
	progress_free(p);
	return r->exit_code;
}

static int run_one(const struct plan *plan)
{
	struct run_result r;
	auto_json json_t *results = cli_wants_json(plan->cli) ? json_array() : NULL;
	int code = run_once(plan, cli_value(plan->cli, "kernel"), NULL, NULL, results, &r);
	if (json_array_size(results))
		cli_print_json(plan->cli, json_incref(json_array_get(results, 0)));
	return code;
}

/* ---- several kernels ---- */

#define KERNELS_MAX 16

/* All are there before the first boots, and none is removed, or made of another file, meanwhile.
 * That one does not build is its run's result. */
static int hold_kernels(
	const struct plan *plan, const char *const *specs, size_t n, struct made_kernel *kernels)
{
	struct err e = { 0 };
	int code = 0;
	struct progress *p = progress_new(plan->cli, plan->profile);
	for (size_t i = 0; i < n && code == 0; i++) {
		const struct prepare_request q = {
			.state_dir = plan->state_dir,
			.profile = plan->profile,
			.kernel = specs[i],
		};
		if (prepare_kernel(&q, progress_text, p, &kernels[i], &code, &e) == 0 ||
			made_kernel_is_told(&kernels[i]))
			code = 0;
	}
	progress_clear(p);
	progress_free(p);
	if (code != 0)
		(void)cli_error(plan->cli, code, &e);
	return code;
}

/* The worst that ended a run itself, where the runs cannot be compared. */
static int compare(const struct plan *plan, const struct run_result *results, size_t n,
	json_t *told, int broke)
{
	struct err e = { 0 };
	struct run_info *runs[KERNELS_MAX] = { NULL };
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = run_read(plan->state_dir, results[i].id, &runs[i], &e);
	int code = rc < 0 ? cli_error(plan->cli, CLI_INFRA, &e) : compare_exit(runs, n);
	if (rc == 0 && told)
		cli_print_json(plan->cli,
			json_pack("{s:O, s:o}", "runs", told, "comparison", compare_json(runs, n)));
	else if (rc == 0)
		compare_print(plan->cli, runs, n);
	for (size_t i = 0; i < n; i++)
		run_info_free(runs[i]);
	return code == CLI_GOOD ? broke : code;
}

static int run_each(
	const struct plan *plan, const char *const *specs, struct made_kernel *kernels, size_t n)
{
	struct run_result results[KERNELS_MAX];
	auto_json json_t *told = cli_wants_json(plan->cli) ? json_array() : NULL;
	int broke = CLI_GOOD;
	for (size_t i = 0; i < n; i++) {
		const char *baseline = i ? results[0].id : NULL;
		int code = run_once(plan, specs[i], &kernels[i], baseline, told, &results[i]);
		if (code == CLI_INTERRUPTED || !results[i].id[0])
			return code;
		if (code == CLI_INFRA)
			broke = code;
	}
	return compare(plan, results, n, told, broke);
}

static int run_several(const struct plan *plan, const char *const *specs)
{
	struct made_kernel kernels[KERNELS_MAX] = { 0 };
	size_t n = 0;
	while (specs[n])
		n++;
	if (n > KERNELS_MAX)
		return cli_usage(plan->cli, "%zu kernels, at most %d", n, KERNELS_MAX);
	int code = hold_kernels(plan, specs, n, kernels);
	if (code == 0)
		code = run_each(plan, specs, kernels, n);
	for (size_t i = 0; i < n; i++)
		made_kernel_clear(&kernels[i]);
	return code;
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
	const struct plan plan = { cli, profile, state_dir };
	const char *const *kernels = cli_values(cli, "kernel");
	if (rc == 0)
		rc = kernels[0] && kernels[1] ? run_several(&plan, kernels) : run_one(&plan);
	profile_free(profile);
	return rc;
}

static const struct command_option options[] = {
	{ "kernel", 'k', "KERNEL",
		"boot this kernel: an image, a version, or a source to build (repeat: run on each)",
		"file", 1, 0 },
	CLI_MACHINE_OPTIONS,
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
	{ "fsqa run --kernel debian --kernel arch/x86/boot/bzImage",
		"on both, side by side; the first is the baseline" },
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
		"With several --kernel the same plan runs on each, one run after the other; the "
		"first is the baseline. At the end their tests are compared, as `fsqa compare` "
		"does, and the exit code is 1 when a test regressed, whatever failed on the "
		"baseline already; else 3 when a run or a test is a MISS, else 0.\n\n"
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
