/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/results.h"
#include "kernel/debug_info.h"
#include "kernel/decode.h"
#include "run/oops.h"
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64u << 20)

/* What a kernel says must not steer the terminal. */
static void print(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->s[i];
		putchar((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
	}
}

/* With the lines of `info` (NULL: `why` there is none), or as it is. */
static int put(struct cli *cli, const struct debug_info *info, const struct err *why,
	const struct buf *text)
{
	struct err e = { 0 };
	struct decode_counts counts = { 0 };
	auto_buf struct buf out = { 0 };
	if (!info || decode_text(info, buf_str(text), text->len, &out, &counts, &e) < 0) {
		print(text);
		return cli_error(cli, CLI_INFRA, info ? &e : why);
	}
	print(&out);
	if (counts.modules)
		cli_warn(cli, "%u places are in modules whose debug information is not at hand",
			counts.modules);
	if (counts.stale)
		cli_warn(cli, "%u places are in modules of which only another build is at hand",
			counts.stale);
	if (counts.unproved)
		cli_note(cli,
			"%u places are in modules whose build id the kernel did not tell: "
			"they were taken by name, from beside %s",
			counts.unproved, debug_info_path(info));
	if (counts.unknown)
		cli_warn(cli, "%u places are not known to %s", counts.unknown,
			debug_info_path(info));
	return CLI_GOOD;
}

static int decode_file(struct cli *cli, const char *path)
{
	struct err e = { 0 };
	const char *vmlinux = cli_value(cli, "vmlinux");
	auto_buf struct buf text = { 0 };
	auto_debug_info struct debug_info *info = NULL;
	if (!vmlinux)
		return cli_usage(cli, "of which kernel is %s? Name its vmlinux: --vmlinux", path);
	if (debug_info_open(vmlinux, NULL, &info, &e) < 0 ||
		file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, FILE_MAX, &text, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	return put(cli, info, NULL, &text);
}

static int decode_run(struct cli *cli, const char *id)
{
	struct err e = { 0 };
	const char *vmlinux = cli_value(cli, "vmlinux");
	auto_free char *state = NULL;
	auto_buf struct buf text = { 0 };
	auto_run_info struct run_info *r = NULL;
	auto_debug_info struct debug_info *info = NULL;
	int code = cli_state_dir(cli, NULL, &state);
	if (code == CLI_GOOD)
		code = results_read(cli, id, &r);
	if (code != CLI_GOOD)
		return code;
	if (vmlinux && debug_info_open(vmlinux, json_str_or(r->first, "kernel_build_id", NULL),
			       &info, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	if (oops_collect(r, &text, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	if (text.len == 0) {
		cli_note(cli, "The kernel of %s told of nothing that went wrong.", r->id);
		return CLI_GOOD;
	}
	if (!vmlinux)
		(void)oops_debug_info(state, r->first, &info, &e); /* put tells */
	return put(cli, info, &e, &text);
}

static int decode(struct cli *cli, int argc, char **argv)
{
	const char *what = argc ? argv[0] : NULL;
	if (what && (strcmp(what, "-") == 0 || access(what, F_OK) == 0))
		return decode_file(cli, what);
	return decode_run(cli, what);
}

static const struct command_option options[] = {
	{ "vmlinux", 0, "FILE", "the kernel's vmlinux with debug information", "file", 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa decode", "what the kernel of the last run said went wrong, with source lines" },
	{ "fsqa decode oops.txt --vmlinux ~/linux/vmlinux", "any text; - is standard input" },
	{ 0 },
};

extern const struct command cmd_decode;
const struct command cmd_decode = {
	.name = "decode",
	.args = "[RUN|FILE]",
	.max_args = 1,
	.values = "run",
	.summary = "a kernel's oopses with function, file and line",
	.help = "Prints what the kernel of a run (else the one started last) said went wrong: "
		"oopses, warnings, panics, reports of KASAN, lockdep and the like, from the "
		"console and the kernel's log. Behind each SYMBOL+0xOFFSET/0xSIZE comes the line "
		"of the source, and what it is inlined into. A run does the same by itself where "
		"it can: `fsqa logs RUN boot --name oops.txt`.\n\n"
		"The kernel's debug information is found by its build id: the vmlinux of the tree "
		"whose bzImage was booted, that of a kernel in the store, or a distribution's in "
		"/usr/lib/debug; else name it. One of another build is refused. Modules are found "
		"by the modules.order beside the vmlinux (of a tree, or a kernel that was built "
		"here with "
		"CONFIG_DEBUG_INFO), or in Debian's debug package; where the kernel tells a "
		"module's "
		"build id (CONFIG_STACKTRACE_BUILD_ID), one of another build is not used. Before "
		"each "
		"stands the test that it came in. Without debug information the text is "
		"printed as it is, and the exit code is 3. Needs addr2line (binutils).",
	.examples = examples,
	.options = options,
	.fn = decode,
};
