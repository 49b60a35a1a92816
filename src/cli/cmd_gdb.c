/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/live.h"
#include "cli/vm_command.h"
#include "kernel/debug_info.h"
#include "kernel/symbols.h"
#include "proc/proc.h"
#include "run/attach.h"
#include "run/protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a guest that is asked for its symbols: one that hangs gives none. */
#define ANSWER_US 30000000
#define BUILT_AS  "/arch/x86/boot/bzImage"

/* Whether it is known to be another kernel's, with both ids in e. One without symbols is gdb's to
 * judge. */
static bool is_anothers(const char *vmlinux, const char *build_id, struct err *e)
{
	auto_debug_info struct debug_info *info = NULL;
	return build_id && *build_id && debug_info_open(vmlinux, build_id, &info, e) == -ESTALE;
}

/* Of the tree that the kernel was built in, by its path there; or NULL, with a warning where the
 * tree was built again since. The caller's. */
static char *vmlinux_of(const struct cli *cli, const char *kernel, const char *build_id)
{
	struct err e = { 0 };
	size_t n = strlen(kernel);
	size_t tail = strlen(BUILT_AS);
	if (n <= tail || strcmp(kernel + n - tail, BUILT_AS) != 0)
		return NULL;
	auto_free char *path = xasprintf("%.*s/vmlinux", (int)(n - tail), kernel);
	if (access(path, R_OK) < 0)
		return NULL;
	if (!is_anothers(path, build_id, &e))
		return take(&path);
	cli_warn(cli, "%s", e.msg);
	return NULL;
}

/* Beside the file that boots, as in the store, with symbols; or NULL. The caller's. */
static char *vmlinux_beside(const char *kernel)
{
	uint16_t machine;
	int has = 0;
	auto_free char *path = xasprintf("%.*svmlinux", (int)(path_base(kernel) - kernel), kernel);
	return symbols_look(path, &machine, &has, NULL) == 0 && has ? take(&path) : NULL;
}

/* Ask the running kernel. By our own program, which may be given a deadline. */
static int ask_kernel(
	const struct live *l, const char *state_dir, const char *elf, char **ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_buf struct buf file = { 0 };
	uint16_t machine = 0;
	int has = 0;
	struct proc_end end;
	static const char *const argv[] = { "cat", "/proc/kallsyms", NULL };
	const struct vm_ask ask = { .argv = argv,
		.in = PROC_NULL,
		.out = &text,
		.limit = SYMBOLS_TEXT_MAX,
		.deadline_us = ANSWER_US };
	int rc = symbols_look(elf, &machine, &has, e);
	if (rc == 0 && has) {
		*ret = xstrdup(elf);
		return 0;
	}
	if (rc == 0)
		rc = vm_ask(l, state_dir, &ask, &end, e);
	if (rc == 0)
		rc = symbols_elf(buf_str(&text), text.len, machine, &file, e);
	auto_free char *path = path_join(l->work_dir, "kallsyms.elf");
	if (rc == 0)
		rc = file_replace(path, file.s, file.len, 0600, e);
	if (rc == 0)
		*ret = take(&path);
	return rc;
}

/* *ret: a file with the symbols of its kernel, the caller's, or NULL with a warning. Prints, and
 * gives CLI_USAGE, where the one that is asked for is another kernel's; else CLI_GOOD. */
static int find_symbols(struct cli *cli, const struct live *l, const char *state_dir, char **ret)
{
	struct err e = { 0 };
	const char *asked = cli_value(cli, "vmlinux");
	auto_json json_t *machine = live_machine(l);
	const char *kernel = json_str_or(machine, "kernel", "");
	const char *build_id = json_str_or(machine, "build_id", NULL);
	if (asked && is_anothers(asked, build_id, &e))
		return cli_error(cli, CLI_USAGE, &e);
	char *path = asked ? xstrdup(asked)
			   : vmlinux_of(cli, json_str_or(machine, "kernel_source", ""), build_id);
	if (!path)
		path = vmlinux_beside(kernel);
	if (!path && ask_kernel(l, state_dir, kernel, &path, &e) < 0)
		cli_warn(cli, "no symbols: %s", e.msg);
	*ret = path;
	return CLI_GOOD;
}

/* gdb inherits both: the connection, at whose end QEMU serves no debugger any more, and the folder,
 * for the socket's own path may be longer than such an address. */
static int inherit(int fd, struct err *e)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? err_sys(e, "fcntl") : 0;
}

static int become_gdb(struct cli *cli, const struct live *l, const char *symbols, char **args)
{
	struct err e = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_close int dirfd = open(l->work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = attach_gdb(l->work_dir, &e);
	if (dirfd < 0)
		return cli_errorf(cli, CLI_INFRA, "%s: %s", l->work_dir, strerror(errno));
	if (fd < 0 || inherit(fd, &e) < 0 || inherit(dirfd, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	strv_addl(&argv, "gdb", "-q", NULL);
	if (symbols) {
		/* The kernel's own commands, lx-..., lie beside its vmlinux. */
		auto_free char *dir = xstrdup(symbols);
		char *slash = strrchr(dir, '/');
		if (slash)
			*slash = '\0';
		strv_add(&argv, "-iex");
		strv_addf(&argv, "add-auto-load-safe-path %s", slash ? dir : ".");
		strv_add(&argv, symbols);
	}
	strv_add(&argv, "-ex");
	strv_addf(&argv, "target remote /proc/self/fd/%d/" RUN_GDB, dirfd);
	for (; *args; args++)
		strv_add(&argv, *args);
	(void)execvp("gdb", (char *const *)strv_get(&argv)); /* returns only where it fails */
	return cli_errorf(cli, CLI_INFRA, "gdb: %s%s", strerror(errno),
		errno == ENOENT ? ": sudo apt-get install gdb" : "");
}

static int gdb(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_free char *program = NULL;
	struct live *l = NULL;
	int code = live_find(cli, argv[0], &state_dir, &l);
	if (code != CLI_GOOD)
		return code;
	if (proc_find("gdb", &program) < 0) {
		code = cli_errorf(cli, CLI_INFRA, "gdb is not installed: sudo apt-get install gdb");
	} else {
		auto_free char *symbols = NULL;
		code = find_symbols(cli, l, state_dir, &symbols);
		if (code == CLI_GOOD)
			code = become_gdb(cli, l, symbols, argv + 1);
	}
	live_free(l, 1);
	return code;
}

static const struct command_option options[] = {
	{ "vmlinux", 0, "FILE", "the kernel's vmlinux with its symbols", "file", 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa gdb latest", "the kernel of the test that failed, stopped where it is" },
	{ "fsqa gdb latest -- -batch -ex bt", "one look, and it goes on" },
	{ 0 },
};

extern const struct command cmd_gdb;
const struct command cmd_gdb = {
	.name = "gdb",
	.args = "RUN [-- ARGS...]",
	.min_args = 1,
	.max_args = 1000,
	.summary = "gdb on the kernel of a VM that is up",
	.help = "Stops the VM of a run under way, or one that `fsqa run --keep` kept, and starts "
		"gdb "
		"on its kernel, with ARGS. When gdb ends, the VM goes on; gdb's own `kill` ends "
		"it. RUN is an id of fsqa ps, "
		"its beginning, or latest.\n\n"
		"Types and lines need the vmlinux of the build: that of the tree whose bzImage is "
		"booted is found, and that of a kernel that fsqa built, with the kernel's lx- "
		"commands "
		"where they were built (CONFIG_GDB_SCRIPTS; in a tree make scripts_gdb); else name "
		"it. Without one, gdb gets the "
		"names that the running kernel knows (/proc/kallsyms), also of modules.",
	.examples = examples,
	.options = options,
	.fn = gdb,
};
