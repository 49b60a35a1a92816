/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "config/config.h"
#include "config/place.h"
#include "config/profile.h"
#include "proc/proc.h"
#include "run/prepare.h"
#include "target/accel.h"
#include "target/machine.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum health {
	HEALTH_OK,
	HEALTH_NOTE, /* works, but worse than it could */
	HEALTH_BAD,
};

struct doctor {
	struct cli *cli;
	const struct profile *profile;
	const char *state_dir;
	json_t *checks;
	unsigned bad;
};

/* One finding; `mend` (may be NULL) is the command that puts it right. */
static void report(
	struct doctor *d, enum health h, const char *what, const char *detail, const char *mend)
{
	static const char *const names[] = { "ok", "note", "FAIL" };
	static const enum cli_color colors[] = { CLI_GREEN, CLI_YELLOW, CLI_RED };
	d->bad += h == HEALTH_BAD;
	json_array_append_new(d->checks, json_pack("{s:s, s:s, s:s, s:s?}", "check", what, "health",
						 names[h], "detail", detail, "mend", mend));
	if (cli_wants_json(d->cli))
		return;
	printf("%s%-4s%s  %-14s %s\n", cli_color_on(d->cli, stdout, colors[h]), names[h],
		cli_color_off(d->cli, stdout), what, detail);
	if (mend && h != HEALTH_OK)
		printf("      %-14s -> %s\n", "", mend);
}

/* ---- the checks ---- */

static void check_programs(struct doctor *d)
{
	static const struct {
		const char *program, *package, *why;
		bool as_user; /* root needs none */
	} needed[] = {
		{ "mmdebstrap", "mmdebstrap", "makes the root image" },
		{ "mkfs.erofs", "erofs-utils", "makes root and module images" },
		{ "mke2fs", "e2fsprogs", "makes the VM's state disk" },
		{ "depmod", "kmod", "orders the kernel's modules" },
		{ "dpkg-deb", "dpkg", "unpacks Debian's kernels" },
		{ "apt-get", "apt", "fetches Debian's kernels" },
		{ "unshare", "util-linux", "makes images without root", true },
		{ "newuidmap", "uidmap", "makes images without root", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		auto_free char *mend = xasprintf("apt-get install %s", needed[i].package);
		auto_free char *none =
			xasprintf("%s is not installed: %s", needed[i].program, needed[i].why);
		if (needed[i].as_user && geteuid() == 0)
			continue;
		auto_free char *path = NULL;
		bool found = proc_find(needed[i].program, &path) == 0;
		report(d, found ? HEALTH_OK : HEALTH_BAD, needed[i].program,
			found ? needed[i].why : none, mend);
	}
}

static void check_qemu(struct doctor *d)
{
	struct err e = { 0 };
	struct accel a;
	const struct machine *m;
	struct accel_query q = prepare_accel(d->state_dir, d->profile->config);
	if (prepare_machine(d->profile->config, &m, &e) < 0) {
		report(d, HEALTH_BAD, "QEMU", e.msg, "unset vm.arch");
		return;
	}
	auto_free char *mend = xasprintf("apt-get install %s", m->package);
	if (accel_probe(&q, &a, &e) < 0) {
		report(d, HEALTH_BAD, "QEMU", e.msg, mend);
		return;
	}
	auto_free char *text = xasprintf("%s, accelerator %s%s%s", a.version, a.name,
		a.reason[0] ? ": guests run about ten times slower because " : "", a.reason);
	report(d, a.reason[0] ? HEALTH_NOTE : HEALTH_OK, "QEMU", text, NULL);
}

static void check_apt(struct doctor *d)
{
	struct err e = { 0 };
	auto_buf struct buf out = { 0 };
	const struct machine *host;
	if (machine_find(NULL, &host, &e) < 0) {
		report(d, HEALTH_BAD, "Debian", e.msg, NULL);
		return;
	}
	auto_free char *kernel = xasprintf("linux-image-cloud-%s", host->debian);
	auto_free char *unknown = xasprintf("apt does not know %s", kernel);
	const char *const argv[] = { "apt-cache", "policy", kernel, NULL };
	struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.err = PROC_NULL,
		.deadline_us = UINT64_C(20) * 1000000,
	};
	int rc = proc_check(&spec, &out, 1 << 20, &e);
	bool known = rc == 0 && strstr(buf_str(&out), "Candidate:") &&
		     !strstr(buf_str(&out), "Candidate: (none)");
	report(d, known ? HEALTH_OK : HEALTH_BAD, "Debian",
		known ? "apt knows Debian's kernels and packages" : unknown, "apt-get update");
}

static void check_own_programs(struct doctor *d)
{
	static const char *const names[] = { "fsqa-worker", "fsqa-guest" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err e = { 0 };
		auto_free char *path = NULL;
		int rc = place_program(names[i], &path, &e);
		report(d, rc == 0 ? HEALTH_OK : HEALTH_BAD, names[i], rc == 0 ? path : e.msg,
			"make, or make install");
	}
}

static void check_state(struct doctor *d)
{
	struct err e = { 0 };
	char text[PARSE_SIZE_TEXT];
	uint64_t bytes = 0;
	uint64_t least = config_num(d->profile->config, "store.minFree");
	if (file_mkdirs(d->state_dir, 0755, &e) < 0 ||
		file_free_bytes(d->state_dir, &bytes, &e) < 0) {
		report(d, HEALTH_BAD, "state", e.msg, "fsqa --state DIR, or set state.dir");
		return;
	}
	auto_free char *detail =
		xasprintf("%s, %s free", d->state_dir, parse_size_text(bytes, text));
	/* A first run makes a kernel and an image entry of about 2 GiB together. */
	bool enough = bytes >= least && access(d->state_dir, W_OK) == 0;
	report(d, enough ? HEALTH_OK : HEALTH_BAD, "state", detail,
		"make room, or fsqa --state DIR");
}

static void check_memory(struct doctor *d)
{
	struct err e = { 0 };
	char text[PARSE_SIZE_TEXT];
	if (prepare_check_memory(d->profile->config, &e) < 0) {
		report(d, HEALTH_BAD, "memory", e.msg, "-c vm.memory=1G");
		return;
	}
	auto_free char *detail = xasprintf("%s for the VM is there",
		parse_size_text(config_num(d->profile->config, "vm.memory"), text));
	report(d, HEALTH_OK, "memory", detail, NULL);
}

static int examine(struct cli *cli, const struct profile *profile, const char *state_dir)
{
	struct doctor d = {
		.cli = cli,
		.profile = profile,
		.state_dir = state_dir,
		.checks = json_array(),
	};
	auto_free char *stages = xasprintf("%s, %zu stages", profile->name, profile->n_stages);
	check_own_programs(&d);
	check_state(&d);
	check_memory(&d);
	check_qemu(&d);
	check_programs(&d);
	check_apt(&d);
	report(&d, HEALTH_OK, "profile", stages, NULL);
	if (cli_wants_json(cli))
		cli_print_json(
			cli, json_pack("{s:b, s:O}", "healthy", d.bad == 0, "checks", d.checks));
	else
		printf("\n%s\n", d.bad ? "Something is missing: see the commands above."
				       : "All that a run needs is there.");
	json_decref(d.checks);
	return d.bad ? CLI_INFRA : CLI_GOOD;
}

static int cmd_doctor_fn(struct cli *cli, int argc, char **argv)
{
	struct profile *profile = NULL;
	auto_free char *state_dir = NULL;
	int rc = cli_profile(cli, argc ? argv[0] : NULL, &profile);
	if (rc == 0)
		rc = cli_state_dir(cli, profile->config, &state_dir);
	if (rc == 0)
		rc = examine(cli, profile, state_dir);
	profile_free(profile);
	return rc;
}

static const struct command_example examples[] = {
	{ "fsqa doctor", "is this host ready for the demo?" },
	{ "fsqa doctor ./my-profile --json", "for another profile, for a program to read" },
	{ 0 },
};

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "[PROFILE]",
	.max_args = 1,
	.values = "profile",
	.summary = "check everything that a run needs, each failure with what mends it",
	.help = "Looks at the programs, the accelerator, memory, disk space and Debian's package "
		"lists that `fsqa run PROFILE` would use, and prints for each failure the command "
		"that mends it. Exits 3 when something is missing.",
	.examples = examples,
	.flags = COMMAND_JSON,
	.fn = cmd_doctor_fn,
};
