/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/order.h"
#include "run/prepare.h"
#include "run/run.h"
#include "site/site.h"
#include "suite/suite.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMOKE_GROUP "smoketest" /* as fstests calls some tests that find most in little time */

/* Which options say what of fstests is run, and the settings that they stand for. */
static const struct {
	const char *option, *setting;
} of_fstests[] = {
	{ "test", "fstests.tests" },
	{ "group", "fstests.groups" },
	{ "section", "fstests.sections" },
};

static bool asks_fstests(struct cli *cli)
{
	bool asks = false;
	for (size_t i = 0; i < ARRAY_LEN(of_fstests); i++)
		asks = asks || *cli_values(cli, of_fstests[i].option);
	return asks;
}

static void choose_fstests(struct cli *cli, struct strv *settings)
{
	if (*cli_values(cli, "test") || *cli_values(cli, "group"))
		strv_addl(settings, "fstests.tests=", "fstests.groups=", NULL);
	if (*cli_values(cli, "section"))
		strv_add(settings, "fstests.sections=");
	for (size_t i = 0; i < ARRAY_LEN(of_fstests); i++)
		for (const char *const *v = cli_values(cli, of_fstests[i].option); *v; v++)
			strv_addf(settings, "%s=%s", of_fstests[i].setting, *v);
}

static int select_stages(struct cli *cli, struct profile *profile)
{
	struct err e = { 0 };
	auto_strv struct strv only = { 0 };
	if (asks_fstests(cli)) {
		if (*cli_values(cli, "stage") || cli_value(cli, "from"))
			return cli_usage(cli, "--stage and --from are for stages, --test, --group "
					      "and --section for fstests");
		const char *tree = config_str(profile->config, "fstests.tree");
		if (!tree || !*tree)
			return cli_usage(
				cli, "%s has no fstests: -c fstests.tree=PATH", profile->name);
		profile_select_none(profile);
		return 0;
	}
	for (const char *const *s = cli_values(cli, "stage"); *s; s++)
		strv_split(&only, *s, ",");
	if (profile_select(profile, strv_get(&only), cli_value(cli, "from"), &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	return 0;
}

/* The profile as the options have it, its kernel with the fragments of `variant` (may be NULL). */
static int load_profile(
	struct cli *cli, const char *name, const char *variant, struct profile **ret)
{
	auto_strv struct strv settings = { 0 };
	auto_strv struct strv fragments = { 0 };
	if (cli_flag(cli, "core"))
		strv_add(&settings, "vm.core=true");
	if (cli_value(cli, "isolate"))
		strv_addf(&settings, "vm.isolate=%s", cli_value(cli, "isolate"));
	if (cli_flag(cli, "smoke"))
		strv_addl(&settings,
			"fstests.tests=", "fstests.groups=", "fstests.groups=" SMOKE_GROUP, NULL);
	choose_fstests(cli, &settings);
	if (*cli_values(cli, "stage")) /* only this one: nor what lists its tests itself */
		strv_add(&settings, "fstests.tree=");
	bool alone = *cli_values(cli, "stage") || asks_fstests(cli);
	for (size_t i = 0; alone && suites[i]; i++)
		strv_addf(&settings, "suite.%s.tests=", suites[i]->name);
	strv_split(&fragments, variant ? variant : "", "+");
	for (size_t i = 0; i < fragments.n; i++)
		strv_addf(&settings, "kernel.fragments=%s", fragments.v[i]);
	int rc = cli_profile_vm(cli, name, strv_get(&settings), ret);
	return rc == 0 ? select_stages(cli, *ret) : rc;
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

#define CELLS_MAX 15 /* and the tests' names: columns of a table */

/* The plan on one kernel in one variant. */
struct cell {
	const char *kernel;  /* as --kernel names it; NULL: the profile's */
	const char *variant; /* fragments, with + between; NULL: plain */
	const struct profile *profile;
	struct made_kernel made;
	size_t baseline; /* the cell that it is compared with; of the first itself */
};

struct matrix {
	struct cli *cli;
	const char *state_dir;
	struct profile *base; /* the plain one */
	struct profile *variants[CELLS_MAX];
	struct cell cells[CELLS_MAX];
	size_t n;
	struct order order; /* of tests of sections */
	const char *resume; /* the run that goes on, or NULL */
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
static int run_once(const struct matrix *m, struct cell *cell, const char *baseline,
	const char *group, json_t *results, struct run_result *r)
{
	struct err e = { 0 };
	struct cli *cli = m->cli;
	struct run_request q = {
		.prepare = {
			.state_dir = m->state_dir,
			.profile = cell->profile,
			.kernel = cell->kernel,
			.made = made_kernel_is_told(&cell->made) ? &cell->made : NULL,
			.keep = cli_flag(cli, "keep"),
		},
		.resume = m->resume,
		.order = &m->order,
		.baseline = baseline,
		.group = group,
		.variant = cell->variant,
		.command = cli_command_line(cli),
	};
	struct progress *p = progress_new(cli, cell->profile);
	int rc = run_execute(&q, &progress_observer, p, r, &e);
	progress_clear(p);
	for (const char *const *id = progress_recovered(p); id && *id; id++)
		free(write_report(cli, m->state_dir, *id));
	auto_free char *report = r->id[0] ? write_report(cli, m->state_dir, r->id) : NULL;
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

/* ---- several kernels, and variants of them ---- */

/* That one does not build is its run's result. */
static int make_kernel(const struct matrix *m, struct cell *cell)
{
	struct err e = { 0 };
	int code = 0;
	const struct prepare_request q = {
		.state_dir = m->state_dir,
		.profile = cell->profile,
		.kernel = cell->kernel,
	};
	struct progress *p = progress_new(m->cli, cell->profile);
	int rc = prepare_kernel(&q, progress_text, p, &cell->made, &code, &e);
	progress_clear(p);
	progress_free(p);
	if (rc < 0 && !made_kernel_is_told(&cell->made))
		return cli_error(m->cli, code, &e);
	if (cell->variant && !cell->made.judged)
		return cli_usage(m->cli, "variant %s: %s is not built from source, so it has none",
			cell->variant, cell->kernel ? cell->kernel : "the kernel");
	return CLI_GOOD;
}

/* ---- again and again ---- */

struct loop {
	uint64_t limit; /* 0: none */
	bool until_fail;
};

static int read_loop(struct cli *cli, struct loop *ret)
{
	struct err e = { 0 };
	const char *limit = cli_value(cli, "loop");
	ret->until_fail = cli_flag(cli, "until-fail");
	if (limit && (parse_u64(limit, &ret->limit, &e) < 0 || ret->limit == 0))
		return cli_usage(cli, "--loop %s: a number of runs", limit);
	return CLI_GOOD;
}

/* What is worse of two exit codes: tests that failed say more than a host that broke. */
static int worse(int a, int b)
{
	return a == CLI_GOOD || (a == CLI_INFRA && b == CLI_TESTS_FAILED) ? b : a;
}

/* The same run again, each a run of its own, which names the first. */
static int run_again(struct matrix *m, const struct loop *loop)
{
	struct run_result r = { 0 };
	struct cli *cli = m->cli;
	struct cell *cell = &m->cells[0];
	auto_free char *first = NULL;
	auto_json json_t *results = cli_wants_json(cli) ? json_array() : NULL;
	uint64_t n = 0;
	uint64_t good = 0;
	int worst = CLI_GOOD;
	bool more = true;
	while (more) {
		int code = cell->variant ? make_kernel(m, cell) : CLI_GOOD;
		r.id[0] = '\0';
		if (code == CLI_GOOD)
			code = run_once(m, cell, NULL, first, results, &r);
		n++;
		good += code == CLI_GOOD;
		worst = code == CLI_INTERRUPTED ? code : worse(worst, code);
		if (!first && r.id[0])
			first = xstrdup(r.id);
		more = (loop->limit == 0 || n < loop->limit) && r.id[0] && !r.ended.kept &&
		       code != CLI_INTERRUPTED && (code == CLI_GOOD || !loop->until_fail);
	}
	if (results)
		cli_print_json(cli, json_pack("{s:O, s:I, s:I}", "runs", results, "n",
					    (json_int_t)n, "good", (json_int_t)good));
	cli_note(cli, "Loop    %" PRIu64 " of %" PRIu64 " runs were good", good, n);
	return worst;
}

static int run_one(struct matrix *m)
{
	struct run_result r;
	struct cell *cell = &m->cells[0];
	int code = cell->variant ? make_kernel(m, cell) : CLI_GOOD;
	if (code != CLI_GOOD)
		return code;
	auto_json json_t *results = cli_wants_json(m->cli) ? json_array() : NULL;
	code = run_once(m, cell, NULL, NULL, results, &r);
	if (json_array_size(results))
		cli_print_json(m->cli, json_incref(json_array_get(results, 0)));
	return code;
}

/* The worst that ended a run itself, where the runs cannot be compared. */
static int compare(
	const struct matrix *m, const struct run_result *results, json_t *told, int broke)
{
	struct err e = { 0 };
	struct cli *cli = m->cli;
	size_t n = m->n;
	auto_free char *page = NULL;
	struct run_info *runs[CELLS_MAX] = { NULL };
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = run_read(m->state_dir, results[i].id, &runs[i], &e);
	int code = rc < 0 ? cli_error(cli, CLI_INFRA, &e) : compare_exit(runs, n);
	if (rc == 0)
		page = compare_page(cli, m->state_dir, results[0].id, runs, n);
	for (size_t i = 0; i < n && page; i++) /* now they have where to point to */
		free(write_report(cli, m->state_dir, results[i].id));
	if (rc == 0 && told)
		cli_print_json(cli, json_pack("{s:O, s:o, s:s?}", "runs", told, "comparison",
					    compare_json(runs, n), "page", page));
	else if (rc == 0)
		compare_print(cli, runs, n, page);
	for (size_t i = 0; i < n; i++)
		run_info_free(runs[i]);
	return code == CLI_GOOD ? broke : code;
}

/* All kernels are there before the first boots, and none is removed, or made of another file,
 * meanwhile. */
static int run_several(struct matrix *m)
{
	struct run_result results[CELLS_MAX];
	auto_json json_t *told = cli_wants_json(m->cli) ? json_array() : NULL;
	int broke = CLI_GOOD;
	for (size_t i = 0; i < m->n; i++) {
		int code = make_kernel(m, &m->cells[i]);
		if (code != CLI_GOOD)
			return code;
	}
	for (size_t i = 0; i < m->n; i++) {
		struct cell *cell = &m->cells[i];
		const char *baseline = i ? results[cell->baseline].id : NULL;
		const char *group = i ? results[0].id : NULL;
		int code = run_once(m, cell, baseline, group, told, &results[i]);
		if (code == CLI_INTERRUPTED || !results[i].id[0])
			return code;
		if (code == CLI_INFRA)
			broke = code;
	}
	return compare(m, results, told, broke);
}

static size_t count(const char *const *words)
{
	size_t n = 0;
	while (words[n])
		n++;
	return n;
}

static bool is_plain(const char *variant)
{
	return !variant || strcmp(variant, "plain") == 0;
}

/* Each kernel in each variant. A kernel is compared with the first one in the same variant, and a
 * variant of the first with its first variant. Both lists are the profile's, where no option has
 * one. */
static int fill_matrix(struct matrix *m, const char *name)
{
	struct cli *cli = m->cli;
	const char *const *kernels = cli_values(cli, "kernel");
	const char *const *variants = cli_values(cli, "variant");
	kernels = *kernels ? kernels : config_list(m->base->config, "kernel.compare");
	variants = *variants ? variants : config_list(m->base->config, "kernel.variants");
	size_t n_kernels = count(kernels) ? count(kernels) : 1;
	size_t n_variants = count(variants) ? count(variants) : 1;
	int rc = 0;
	if (n_kernels > CELLS_MAX || n_variants > CELLS_MAX || n_kernels * n_variants > CELLS_MAX)
		return cli_usage(cli, "%zu kernels in %zu variants, at most %d runs", n_kernels,
			n_variants, CELLS_MAX);
	for (size_t v = 0; v < n_variants && rc == 0; v++)
		if (!is_plain(variants[v]))
			rc = load_profile(cli, name, variants[v], &m->variants[v]);
	for (size_t i = 0; i < n_kernels * n_variants; i++) {
		size_t v = i % n_variants;
		m->cells[m->n++] = (struct cell){
			.kernel = kernels[i / n_variants], /* NULL of an empty list, as wanted */
			.variant = is_plain(variants[v]) ? NULL : variants[v],
			.profile = is_plain(variants[v]) ? m->base : m->variants[v],
			.baseline = i < n_variants ? 0 : v,
		};
	}
	return rc;
}

/* ---- in which order ---- */

static int read_shuffle(struct cli *cli, struct order *o)
{
	struct err e = { 0 };
	const char *seed = cli_value(cli, "shuffle");
	if (!seed)
		return CLI_GOOD;
	o->shuffle = true;
	if (strcmp(seed, "random") == 0)
		o->seed = (uint64_t)clock_wall_us() % 1000000;
	else if (parse_u64(seed, &o->seed, &e) < 0 || o->seed > INT64_MAX)
		return cli_usage(cli, "--shuffle %s: a number, or random", seed);
	if (cli_verbosity(cli) >= 0)
		fprintf(stderr, "shuffled: --shuffle %" PRIu64 " is this order again\n", o->seed);
	return CLI_GOOD;
}

static int read_order(struct cli *cli, struct order *o)
{
	auto_run_info struct run_info *r = NULL;
	int code = read_shuffle(cli, o);
	if (code != CLI_GOOD || !cli_value(cli, "failed"))
		return code;
	code = results_read(cli, cli_value(cli, "failed"), &r);
	if (code == CLI_GOOD)
		order_failed_first(o, r);
	if (code == CLI_GOOD && o->first.n == 0)
		cli_warn(cli, "of the tests in sections none failed in %s", r->id);
	return code;
}

/* ---- what it would do ---- */

static const char *kernel_name(const struct cell *cell)
{
	const char *version = config_text(cell->profile->config, "kernel.version");
	const char *source = config_text(cell->profile->config, "kernel.source");
	return cell->kernel ? cell->kernel : source ? source : version;
}

/* One run for each cell, one after the other. */
static int dry_run(struct matrix *m)
{
	char human[CLOCK_HUMAN_SIZE];
	uint64_t sum_us = 0;
	auto_json json_t *runs = json_array();
	for (size_t i = 0; i < m->n; i++) {
		const struct cell *cell = &m->cells[i];
		auto_plan struct plan p = { 0 };
		int code = plan_of(m->cli, m->state_dir, cell->profile, &m->order,
			cli_flag(m->cli, "keep"), NULL, &p);
		if (code != CLI_GOOD)
			return code;
		sum_us += p.estimate_us;
		json_t *one = plan_json(&p);
		json_object_set_new(one, "kernel", json_string(kernel_name(cell)));
		json_object_set_new(
			one, "variant", cell->variant ? json_string(cell->variant) : json_null());
		json_array_append_new(runs, one);
		cli_note(m->cli, "%sKernel %s%s%s", i ? "\n" : "", kernel_name(cell),
			cell->variant ? "  variant " : "", cell->variant ? cell->variant : "");
		if (!cli_wants_json(m->cli))
			plan_print(m->cli, &p);
	}
	if (cli_wants_json(m->cli))
		cli_print_json(m->cli,
			json_pack("{s:O, s:I}", "runs", runs, "estimate_us", (json_int_t)sum_us));
	else if (m->n > 1)
		cli_note(m->cli, "\n%zu runs, one after the other: about %s", m->n,
			clock_human(sum_us, human));
	return CLI_GOOD;
}

/* ---- a run that was interrupted ---- */

/* With the profile that it was of, for what is not frozen: room, pages, oopses. */
static int run_resume_fn(struct cli *cli, int argc)
{
	struct err e = { 0 };
	unsigned slots = 1;
	auto_free char *state_dir = NULL;
	auto_free char *dir = NULL;
	auto_run_info struct run_info *r = NULL;
	struct matrix m = { .cli = cli, .n = 1 };
	static const char *const others[] = { "kernel", "variant", "stage", "from", "test", "group",
		"section", "shuffle", "failed", "loop", "root", "arch", "share", "isolate" };
	static const char *const flags[] = { "keep", "dry-run", "smoke", "until-fail", "core" };
	bool more = argc > 0;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		more = more || cli_values(cli, others[i])[0];
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		more = more || cli_flag(cli, flags[i]);
	if (more)
		return cli_usage(cli, "--resume goes on as the run began: it takes no profile and "
				      "no options of its own");
	int code = results_read(cli, cli_value(cli, "resume"), &r);
	if (code == CLI_GOOD)
		code = cli_state_dir(cli, NULL, &state_dir);
	if (code == CLI_GOOD && run_resumable(state_dir, r->id, &dir, &slots, &e) < 0)
		code = cli_error(cli, CLI_USAGE, &e);
	if (code != CLI_GOOD)
		return code;
	auto_free char *as_before = xasprintf("run.slots=%u", slots);
	const char *const settings[] = { as_before, NULL };
	code = cli_profile_with(cli, dir, settings, &m.base);
	m.state_dir = state_dir;
	m.resume = r->id;
	m.cells[0].profile = m.base;
	if (code == CLI_GOOD)
		code = run_one(&m);
	profile_free(m.base);
	return code;
}

static int cmd_run_fn(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	struct matrix m = { .cli = cli };
	struct loop loop = { 0 };
	const char *name = argc ? argv[0] : NULL;
	if (cli_value(cli, "resume"))
		return run_resume_fn(cli, argc);
	int rc = load_profile(cli, name, NULL, &m.base);
	if (rc == 0)
		rc = cli_state_dir(cli, m.base->config, &state_dir);
	m.state_dir = state_dir;
	if (rc == 0)
		rc = fill_matrix(&m, name);
	if (rc == 0)
		rc = read_order(cli, &m.order);
	if (rc == 0)
		rc = read_loop(cli, &loop);
	bool again = loop.until_fail || cli_value(cli, "loop");
	if (rc == 0 && again && m.n > 1)
		rc = cli_usage(cli, "--loop and --until-fail want one kernel in one variant");
	else if (rc == 0)
		rc = cli_flag(cli, "dry-run") ? dry_run(&m)
		     : again                  ? run_again(&m, &loop)
		     : m.n > 1                ? run_several(&m)
					      : run_one(&m);
	for (size_t i = 0; i < CELLS_MAX; i++) {
		made_kernel_clear(&m.cells[i].made);
		profile_free(m.variants[i]);
	}
	order_clear(&m.order);
	profile_free(m.base);
	return rc;
}

static const struct command_option options[] = {
	{ "kernel", 'k', "KERNEL",
		"boot this kernel: an image, a version, or a source to build (repeat: run on each)",
		"file", 1, 0 },
	{ "variant", 0, "FRAGMENTS",
		"build it with these on top, e.g. kasan+lockdep; plain: none (repeat: run in each)",
		NULL, 1, 0 },
	CLI_MACHINE_OPTIONS,
	{ "stage", 's', "NAME",
		"only this stage, by name or number (more: repeat, or a,b), and no other suite",
		NULL, 1, 0 },
	{ "from", 0, "NAME", "this stage and those after it", NULL, 0, 0 },
	{ "test", 0, "NAME", "of fstests only this test, and no stages (repeat; so the next two)",
		NULL, 1, 0 },
	{ "group", 'g', "NAME", "of fstests only this group", NULL, 1, 0 },
	{ "section", 0, "NAME", "of fstests only this section", NULL, 1, 0 },
	{ "dry-run", 'n', NULL, "print what would run, in which batches, and how long; run nothing",
		NULL, 0, 0 },
	{ "failed", 0, "RUN", "begin with the tests of sections that went wrong in RUN", NULL, 0,
		0 },
	{ "shuffle", 0, "SEED", "tests of sections in another order; random: a new one", NULL, 0,
		0 },
	{ "smoke", 0, NULL, "of fstests only the group " SMOKE_GROUP, NULL, 0, 0 },
	{ "resume", 0, "RUN", "go on with the tests of RUN that its end cut off, in that run", NULL,
		0, 0 },
	{ "loop", 0, "N", "run it N times, each a run of its own", NULL, 0, 0 },
	{ "until-fail", 0, NULL, "run it until one goes wrong (with --loop: N times at most)", NULL,
		0, 0 },
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
	{ "fsqa run xfs", "fstests on XFS, group quick" },
	{ "fsqa run btrfs -g auto --section zstd", "of btrfs that group in one section" },
	{ "fsqa run ext4 --test generic/001 --test ext4/003", "two tests" },
	{ "fsqa run btrfs/demo --kernel arch/x86/boot/bzImage", "on the kernel you just built" },
	{ "fsqa run --kernel debian --kernel arch/x86/boot/bzImage",
		"on both, side by side; the first is the baseline" },
	{ "fsqa run --kernel '~/linux#v6.1' --kernel ~/linux --variant plain --variant kasan",
		"four runs: each kernel in each variant" },
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
		"baseline already; else 3 when a run or a test is a MISS, else 0. A profile's own "
		"list of kernels is kernel.compare. With --variant (kernel.variants) each kernel, "
		"built from source, runs in each variant: fragments of configuration on top; "
		"`plain` has none. It is compared with the first kernel in the same variant, the "
		"first kernel's variants with its first one. All is side by side on a page, "
		"too.\n\n"
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
