/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel build, kernel list, kernel show, kernel path, kernel rm. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/entries.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/profile.h"
#include "kernel/kernel.h"
#include "run/prepare.h"
#include <stdio.h>
#include <string.h>

static const struct entries_kind kernels = { "kernel", kernel_remove };

/* ---- build ---- */

/* What the options say, as settings. */
static void settings_of(struct cli *cli, const char *source, struct strv *settings)
{
	static const struct {
		const char *option, *setting;
	} all[] = {
		{ "kconfig", "kernel.config" },
		{ "fragment", "kernel.fragments" },
		{ "patch", "kernel.patches" },
		{ "jobs", "kernel.jobs" },
		{ "arch", "vm.arch" },
	};
	if (source)
		strv_addf(settings, "kernel.source=%s", source);
	if (cli_flag(cli, "llvm"))
		strv_add(settings, "kernel.compiler=clang");
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (const char *const *v = cli_values(cli, all[i].option); *v; v++)
			strv_addf(settings, "%s=%s", all[i].setting, *v);
}

/* Where it is from: of one that was built, who asked for it first. */
static const char *source_of(const json_t *x)
{
	if (!json_bool_or(x, "whole", false))
		return "damaged";
	return json_str_or(json_object_get(x, "first"), "source", json_str_or(x, "source", "-"));
}

static void print_one(struct cli *cli, const json_t *x, const char *state_dir);

/* With where it is from, as we were asked; the store's is of who asked first. */
static int print_built(struct cli *cli, const char *state_dir, const char *key, json_t *origin)
{
	auto_json json_t *all = kernel_list(state_dir);
	json_t *x = json_find(all, "key", key);
	json_object_update(x, origin);
	json_object_del(x, "first");
	if (cli_wants_json(cli))
		cli_print_json(cli, json_incref(x));
	else
		print_one(cli, x, state_dir);
	return CLI_GOOD;
}

static int build_kernel(struct cli *cli, const struct profile *p, const char *state_dir)
{
	struct err e = { 0 };
	struct made_kernel made = { 0 };
	int code = CLI_INFRA;
	const struct prepare_request q = { .state_dir = state_dir, .profile = p };
	struct progress *progress = progress_new(cli, NULL);
	int rc = prepare_kernel(&q, progress_text, progress, &made, &code, &e);
	progress_clear(progress);
	progress_free(progress);
	if (rc == 0) {
		auto_free char *key = xstrdup(made.kernel->key);
		kernel_free(take(&made.kernel)); /* else it would count as used */
		code = print_built(cli, state_dir, key, made.story.origin);
	} else {
		code = cli_error(cli, code, &e);
	}
	made_kernel_clear(&made);
	return code;
}

static int build(struct cli *cli, int argc, char **argv)
{
	struct profile *p = NULL;
	auto_free char *state_dir = NULL;
	auto_strv struct strv settings = { 0 };
	settings_of(cli, argv[0], &settings);
	int rc = cli_profile_with(cli, cli_value(cli, "profile"), strv_get(&settings), &p);
	if (rc == CLI_GOOD && !config_str(p->config, "kernel.source"))
		rc = cli_usage(cli, "kernel build: name a SOURCE, or set kernel.source");
	if (rc == CLI_GOOD)
		rc = cli_state_dir(cli, p->config, &state_dir);
	if (rc == CLI_GOOD)
		rc = build_kernel(cli, p, state_dir);
	profile_free(p);
	return rc;
}

/* ---- list, show, path, rm ---- */

/* All entries, and where they lie; both the caller's. */
static int entries(struct cli *cli, char **ret_state_dir, json_t **ret)
{
	int rc = cli_state_dir(cli, NULL, ret_state_dir);
	if (rc == CLI_GOOD)
		*ret = kernel_list(*ret_state_dir);
	return rc;
}

static void print_table(struct cli *cli, const json_t *all)
{
	auto_table struct table *t =
		table_new("KERNEL", "RELEASE", ">SIZE", "MADE", "SOURCE", "USED BY", NULL);
	size_t i;
	json_t *x;
	json_array_foreach (all, i, x) {
		char size[PARSE_SIZE_TEXT];
		bool whole = json_bool_or(x, "whole", false);
		table_cell(t, CLI_BOLD, "%s", json_str_or(x, "key", ""));
		table_cell(t, CLI_PLAIN, "%s", json_str_or(x, "release", "-"));
		table_cell(t, CLI_PLAIN, "%s",
			parse_size_text((uint64_t)json_i64_or(x, "bytes", 0), size));
		table_cell(t, CLI_PLAIN, "%.10s", json_str_or(x, "made_at", "-"));
		table_cell(t, whole ? CLI_PLAIN : CLI_RED, "%s", source_of(x));
		table_cell(t, CLI_PLAIN, "%s", json_bool_or(x, "held", false) ? "a run" : "-");
	}
	table_print(cli, t);
}

static int list(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_json json_t *all = NULL;
	int rc = entries(cli, &state_dir, &all);
	if (rc != CLI_GOOD)
		return rc;
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:O}", "kernels", all));
	else if (json_array_size(all))
		print_table(cli, all);
	else
		cli_note(cli, "No kernels yet: a run gets the one that it needs.");
	return CLI_GOOD;
}

/* The one that `id` names, of the array that the caller owns. */
static int entry(struct cli *cli, const char *id, char **ret_state_dir, json_t **all, json_t **ret)
{
	int rc = entries(cli, ret_state_dir, all);
	return rc == CLI_GOOD ? entries_pick(cli, &kernels, *all, id, ret) : rc;
}

static void print_member(struct cli *cli, const json_t *x, const char *head, const char *member)
{
	const char *text = json_str_or(x, member, "");
	if (*text)
		cli_note(cli, "%-10s%s", head, text);
}

static void print_warnings(struct cli *cli, const json_t *x)
{
	size_t i;
	json_t *line;
	const json_t *new = json_object_get(x, "new_warnings");
	long long n = (long long)json_i64_or(x, "warnings", 0);
	if (new)
		cli_note(cli, "%-10s%lld, %zu of them not in %s", "warnings", n,
			json_array_size(new), json_str_or(x, "warnings_before", ""));
	else
		cli_note(cli, "%-10s%lld", "warnings", n);
	json_array_foreach (new, i, line)
		cli_note(cli, "%-10s%s", "", json_string_value(line));
}

/* What only those have that were built here. */
static void print_build(struct cli *cli, const json_t *x)
{
	char took[CLOCK_HUMAN_SIZE];
	size_t i;
	json_t *word;
	auto_buf struct buf fragments = { 0 };
	const json_t *first = json_object_get(x, "first");
	const json_t *from = first ? first : x;
	json_array_foreach (json_object_get(from, "fragments"), i, word)
		buf_addf(&fragments, " %s", json_string_value(word));
	print_member(cli, x, "commit", "commit");
	print_member(cli, x, "tree", "tree");
	json_array_foreach (json_object_get(from, "patches"), i, word)
		cli_note(cli, "%-10s%s", i ? "" : "patches", json_string_value(word));
	if (fragments.len)
		cli_note(cli, "%-10s%s,%s", "config", json_str_or(from, "base", ""),
			buf_str(&fragments));
	print_member(cli, x, "compiler", "compiler");
	print_member(cli, x, "linker", "linker");
	print_member(cli, x, "build id", "build_id");
	if (!json_object_get(x, "build_s"))
		return;
	cli_note(cli, "%-10sin %s", "built",
		clock_human(
			(uint64_t)(json_real_value(json_object_get(x, "build_s")) * 1e6), took));
	print_warnings(cli, x);
}

static void print_one(struct cli *cli, const json_t *x, const char *state_dir)
{
	char size[PARSE_SIZE_TEXT];
	const char *name;
	json_t *file;
	cli_note(cli, "%-10s%s", "kernel", json_str_or(x, "key", ""));
	cli_note(cli, "%-10s%s/kernels/%s", "folder", state_dir, json_str_or(x, "key", ""));
	cli_note(cli, "%-10s%s", "release", json_str_or(x, "release", "-"));
	cli_note(cli, "%-10s%s", "source", source_of(x));
	print_build(cli, x);
	cli_note(cli, "%-10s%s", "made", json_str_or(x, "made_at", "-"));
	cli_note(cli, "%-10s%s", "used by", json_bool_or(x, "held", false) ? "a run" : "-");
	json_object_foreach (json_object_get(x, "files"), name, file) {
		if (strchr(name, '/')) /* modules, one by one */
			continue;
		cli_note(cli, "%-10s%s, %s", "file", name,
			parse_size_text((uint64_t)json_i64_or(file, "bytes", 0), size));
	}
}

static int show(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_json json_t *all = NULL;
	json_t *x = NULL;
	int rc = entry(cli, argv[0], &state_dir, &all, &x);
	if (rc == CLI_GOOD && cli_wants_json(cli))
		cli_print_json(cli, json_incref(x));
	else if (rc == CLI_GOOD)
		print_one(cli, x, state_dir);
	return rc;
}

static int path(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_json json_t *all = NULL;
	json_t *x = NULL;
	int rc = entry(cli, argv[0], &state_dir, &all, &x);
	if (rc != CLI_GOOD)
		return rc;
	const char *key = json_str_or(x, "key", "");
	const char *file = argc > 1 ? argv[1] : json_str_or(x, "boot", "");
	if (!json_object_get(json_object_get(x, "files"), file))
		return cli_errorf(cli, CLI_USAGE, "%s has no file %s; fsqa kernel show %s has all",
			key, file, key);
	printf("%s/kernels/%s/%s\n", state_dir, key, file);
	return CLI_GOOD;
}

static int rm(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_json json_t *all = NULL;
	int rc = entries(cli, &state_dir, &all);
	return rc == CLI_GOOD ? entries_remove(cli, &kernels, state_dir, all, argv) : rc;
}

static const struct command_option build_options[] = {
	{ "profile", 'p', "PROFILE", "with this profile's settings kernel.*", "profile" },
	{ "kconfig", 0, "CONFIG",
		"begin with allnoconfig, tinyconfig, defconfig, kvm_guest.config, localmodconfig "
		"or a file",
		"file" },
	{ "fragment", 0, "FRAGMENT", "and this fragment, by name or a file (repeatable)", "file",
		1 },
	{ "patch", 0, "PATCH", "a mbox, patch, folder of them or message-id on top (repeatable)",
		"file", 1 },
	{ "llvm", 0, NULL, "build with clang and LLVM" },
	{ "jobs", 'j', "N", "compilers at once" },
	{ "arch", 0, "ARCH", "for a machine of this architecture, e.g. arm64" },
	{ 0 },
};

static const struct command_example build_examples[] = {
	{ "fsqa kernel build ~/linux", "the tree as it lies there, with what is not committed" },
	{ "fsqa kernel build ~/linux#v6.12", "one of its tags" },
	{ "fsqa kernel build https://github.com/kdave/btrfs-devel#misc-next", "a branch" },
	{ "fsqa kernel build linux-6.12.tar.xz --fragment kasan --patch ./series", "and more" },
	{ 0 },
};
static const struct command_example list_examples[] = {
	{ "fsqa kernel list", "all that runs have used" },
	{ 0 },
};
static const struct command_example show_examples[] = {
	{ "fsqa kernel show file-5f08acf1", "one, by how its id begins" },
	{ 0 },
};
static const struct command_example path_examples[] = {
	{ "gdb \"$(fsqa kernel path 5f08acf1)\"", "what boots, an ELF file on x86_64" },
	{ "fsqa kernel path 5f08acf1 config", "its configuration" },
	{ 0 },
};
static const struct command_example rm_examples[] = {
	{ "fsqa kernel rm file-5f08acf1", "a run that needs it makes it again" },
	{ 0 },
};

extern const struct command cmd_kernel_build, cmd_kernel_list, cmd_kernel_path, cmd_kernel_rm,
	cmd_kernel_show;
const struct command cmd_kernel_build = {
	.name = "kernel build",
	.args = "[SOURCE]",
	.max_args = 1,
	.values = "dir",
	.summary = "build a kernel from its source",
	.help = "SOURCE is a kernel tree as it lies there, TREE#REF for a branch, tag or commit of "
		"its repository, a tar or zip file, or a URL of git with #BRANCH, #TAG or #COMMIT; "
		"without, what the profile's kernel.source says. `fsqa run`, `shell` and `exec` "
		"take it as --kernel, too.\n\n"
		"The kernel is configured by `allnoconfig` and fragments: what a guest of fsqa "
		"needs, what the profile's suites want, and kernel.fragments: by default one for "
		"tests of btrfs, ext4 and xfs. Every option of a fragment is checked. The debug "
		"variants kasan, kcsan, kmsan, ubsan, lockdep, kmemleak, "
		"gcov, preempt and nodebug are fragments, too, and debuginfo, for lines of code in "
		"oopses and gdb's lx- commands. The options stand for the settings kernel.config, "
		"kernel.fragments, kernel.patches, kernel.compiler, kernel.jobs and vm.arch, and "
		"add to what the profile has.\n\n"
		"What was built once, of the same tree, configuration and compiler, is at once "
		"there; a neighbour of it is built step by step. Exit code 1: the source does not "
		"compile.",
	.examples = build_examples,
	.options = build_options,
	.flags = COMMAND_JSON,
	.fn = build,
};
const struct command cmd_kernel_list = {
	.name = "kernel list",
	.args = "",
	.summary = "list the kernels in the store",
	.help = "Prints each kernel's id, release, size, when and of what it was made, and whether "
		"a "
		"run uses it. An id serves as `fsqa run --kernel`, too.",
	.examples = list_examples,
	.flags = COMMAND_JSON,
	.fn = list,
};
const struct command cmd_kernel_show = {
	.name = "kernel show",
	.args = "KERNEL",
	.min_args = 1,
	.max_args = 1,
	.summary = "show what one kernel was made of",
	.help = "KERNEL is an id of `fsqa kernel list`, or how it begins (four characters or "
		"more).",
	.examples = show_examples,
	.flags = COMMAND_JSON,
	.fn = show,
};
const struct command cmd_kernel_path = {
	.name = "kernel path",
	.args = "KERNEL [FILE]",
	.min_args = 1,
	.max_args = 2,
	.summary = "print where a kernel's file lies",
	.help = "Prints the path of the kernel's image, as QEMU gets it, or of another of the "
		"files "
		"that `fsqa kernel show` lists.",
	.examples = path_examples,
	.fn = path,
};
const struct command cmd_kernel_rm = {
	.name = "kernel rm",
	.args = "KERNEL...",
	.min_args = 1,
	.max_args = 1000,
	.summary = "remove kernels from the store",
	.help = "Removes kernels by id (as `fsqa kernel show` takes it). One that a run uses "
		"stays, "
		"with an error. What is needed later is made, or downloaded, again.",
	.examples = rm_examples,
	.fn = rm,
};
