/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image build, image list, image show, image rm. */
#include "base/buf.h"
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
#include "image/image.h"
#include "run/prepare.h"
#include <errno.h>
#include <string.h>

static int state_folder(struct cli *cli, const struct profile *p, char **ret)
{
	return cli_state_dir(cli, p ? p->config : NULL, ret);
}

static const struct entries_kind images = { "image", image_remove };

/* ---- build ---- */

/* What the options say, as settings. */
static void settings_of(struct cli *cli, struct strv *settings)
{
	static const struct {
		const char *option, *setting;
	} all[] = {
		{ "package", "image.packages" },
		{ "file", "image.files" },
		{ "fstype", "image.fstype" },
		{ "root", "vm.root" },
		{ "arch", "vm.arch" },
		{ "snapshot", "image.snapshot" },
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (const char *const *v = cli_values(cli, all[i].option); *v; v++)
			strv_addf(settings, "%s=%s", all[i].setting, *v);
}

static void print_built(struct cli *cli, const char *state_dir, const struct image *i)
{
	char size[PARSE_SIZE_TEXT];
	auto_json json_t *all = image_list(state_dir);
	json_t *x = json_find(all, "key", i->key);
	uint64_t bytes = (uint64_t)json_i64_or(x, "bytes", 0);
	if (cli_wants_json(cli))
		cli_print_json(
			cli, json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "key", i->key, "path",
				     i->path, "fstype", i->fstype, "source", i->source, "bytes",
				     (json_int_t)bytes, "made", i->made));
	cli_note(cli, "%s %s: %s, %s, %s", i->made ? "Made" : "There is", i->key, i->source,
		i->fstype, parse_size_text(bytes, size));
}

static int build_image(struct cli *cli, const struct profile *p, const char *state_dir)
{
	struct err e = { 0 };
	struct image *image = NULL;
	int code = CLI_INFRA;
	struct progress *progress = progress_new(cli, NULL);
	int rc = prepare_root(state_dir, p->config, progress_text, progress, &image, &code, &e);
	progress_clear(progress);
	progress_free(progress);
	if (rc < 0)
		return cli_error(cli, code, &e);
	if (image->key)
		print_built(cli, state_dir, image);
	else
		rc = cli_errorf(
			cli, CLI_USAGE, "vm.root is %s: there is nothing to make", image->path);
	image_free(image);
	return rc;
}

static int build(struct cli *cli, int argc, char **argv)
{
	struct profile *p = NULL;
	auto_free char *state_dir = NULL;
	auto_strv struct strv settings = { 0 };
	settings_of(cli, &settings);
	int rc = cli_profile_with(cli, argv[0], strv_get(&settings), &p);
	if (rc == CLI_GOOD)
		rc = state_folder(cli, p, &state_dir);
	if (rc == CLI_GOOD)
		rc = build_image(cli, p, state_dir);
	profile_free(p);
	return rc;
}

/* ---- who uses which ---- */

/* Note in the entries' "used_by" that `profile` would run on one of them. One that cannot be
 * read uses nothing, and *broken is set. */
static void add_user(
	struct cli *cli, const char *state_dir, json_t *all, const char *profile, bool *broken)
{
	struct err e = { 0 };
	struct profile *p = NULL;
	auto_free char *key = NULL;
	int rc = profile_load(profile, cli_values(cli, "config"), &p, &e);
	if (rc == 0) {
		struct image_spec spec;
		const char *root = config_str(p->config, "vm.root");
		rc = prepare_image(p->config, &spec, &e);
		if (rc == 0)
			rc = root ? image_root_key(state_dir, root, spec.fstype, &key, &e)
				  : image_key(&spec, &key, &e);
	}
	if (rc < 0) {
		cli_warn(cli, "%s: which image it uses is not known: %s", profile, e.msg);
		*broken = true;
	}
	json_t *x = key ? json_find(all, "key", key) : NULL;
	if (x)
		json_array_append_new(json_object_get(x, "used_by"), json_string(p->name));
	profile_free(p);
}

/* All entries, with what uses them: every profile known by name, and those of -p. */
static json_t *entries(struct cli *cli, const char *state_dir, bool *broken)
{
	auto_strv struct strv names = { 0 };
	json_t *all = image_list(state_dir);
	size_t i;
	json_t *x;
	json_array_foreach (all, i, x)
		json_object_set_new(x, "used_by", json_array());
	profile_names(&names);
	for (const char *const *v = cli_values(cli, "profile"); *v; v++)
		strv_add(&names, *v);
	for (size_t k = 0; k < names.n; k++)
		add_user(cli, state_dir, all, names.v[k], broken);
	return all;
}

/* "btrfs/demo xfs, a run"; the caller's. */
static char *users(const json_t *x)
{
	auto_buf struct buf b = { 0 };
	size_t i;
	json_t *name;
	json_array_foreach (json_object_get(x, "used_by"), i, name)
		buf_addf(&b, "%s%s", b.len ? " " : "", json_string_value(name));
	if (json_bool_or(x, "held", false))
		buf_addf(&b, "%sa run", b.len ? ", " : "");
	return xstrdup(b.len ? buf_str(&b) : "-");
}

/* ---- list, show ---- */

static void print_table(struct cli *cli, const json_t *all)
{
	auto_table struct table *t =
		table_new("IMAGE", "KIND", ">SIZE", "MADE", "SOURCE", "USED BY", NULL);
	size_t i;
	json_t *x;
	json_array_foreach (all, i, x) {
		char size[PARSE_SIZE_TEXT];
		auto_free char *by = users(x);
		bool whole = json_bool_or(x, "whole", false);
		table_cell(t, CLI_BOLD, "%s", json_str_or(x, "key", ""));
		table_cell(t, CLI_PLAIN, "%s", json_str_or(x, "fstype", "-"));
		table_cell(t, CLI_PLAIN, "%s",
			parse_size_text((uint64_t)json_i64_or(x, "bytes", 0), size));
		table_cell(t, CLI_PLAIN, "%.10s", json_str_or(x, "made_at", "-"));
		table_cell(t, whole ? CLI_PLAIN : CLI_RED, "%s",
			whole ? json_str_or(x, "source", "-") : "damaged");
		table_cell(t, CLI_PLAIN, "%s", by);
	}
	table_print(cli, t);
}

static int list(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	bool broken = false;
	int rc = state_folder(cli, NULL, &state_dir);
	if (rc != CLI_GOOD)
		return rc;
	auto_json json_t *all = entries(cli, state_dir, &broken);
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:O}", "images", all));
	else if (json_array_size(all))
		print_table(cli, all);
	else
		cli_note(cli, "No images yet: fsqa image build makes one.");
	return CLI_GOOD;
}

static void print_words(struct cli *cli, const char *head, const json_t *words, const char *member)
{
	size_t i;
	json_t *w;
	json_array_foreach (words, i, w)
		cli_note(cli, "%-10s%s", i ? "" : head,
			member ? json_str_or(w, member, "") : json_string_value(w));
}

static void print_one(struct cli *cli, const json_t *x, const char *state_dir)
{
	char size[PARSE_SIZE_TEXT];
	auto_free char *by = users(x);
	cli_note(cli, "%-10s%s", "image", json_str_or(x, "key", ""));
	cli_note(cli, "%-10s%s/images/%s", "folder", state_dir, json_str_or(x, "key", ""));
	cli_note(cli, "%-10s%s", "source",
		json_bool_or(x, "whole", false) ? json_str_or(x, "source", "-") : "damaged");
	cli_note(cli, "%-10s%s, %s", "size",
		parse_size_text((uint64_t)json_i64_or(x, "bytes", 0), size),
		json_str_or(x, "fstype", "-"));
	cli_note(cli, "%-10s%s", "made", json_str_or(x, "made_at", "-"));
	cli_note(cli, "%-10s%s", "used by", by);
	print_words(cli, "packages", json_object_get(x, "packages"), NULL);
	print_words(cli, "added", json_object_get(x, "added"), "to");
}

static int show(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	bool broken = false;
	json_t *x = NULL;
	int rc = state_folder(cli, NULL, &state_dir);
	if (rc != CLI_GOOD)
		return rc;
	auto_json json_t *all = entries(cli, state_dir, &broken);
	rc = entries_pick(cli, &images, all, argv[0], &x);
	if (rc == CLI_GOOD && cli_wants_json(cli))
		cli_print_json(cli, json_incref(x));
	else if (rc == CLI_GOOD)
		print_one(cli, x, state_dir);
	return rc;
}

/* ---- rm ---- */

static int remove_unused(struct cli *cli, const char *state_dir, const json_t *all)
{
	size_t i;
	json_t *x;
	int worst = CLI_GOOD;
	json_array_foreach (all, i, x) {
		if (json_array_size(json_object_get(x, "used_by")) ||
			json_bool_or(x, "held", false))
			continue;
		int rc = entries_remove_one(cli, &images, state_dir, json_str_or(x, "key", ""));
		worst = rc > worst ? rc : worst;
	}
	return worst;
}

static int rm(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	bool broken = false;
	bool unused = cli_flag(cli, "unused");
	if (unused == (argc > 0))
		return cli_usage(cli, "image rm: name images, or --unused");
	int rc = state_folder(cli, NULL, &state_dir);
	if (rc != CLI_GOOD)
		return rc;
	auto_json json_t *all = entries(cli, state_dir, &broken);
	if (!unused)
		return entries_remove(cli, &images, state_dir, all, argv);
	if (broken)
		return cli_errorf(cli, CLI_USAGE,
			"which images are used is not known; mend the profile, or name images");
	return remove_unused(cli, state_dir, all);
}

static const struct command_option build_options[] = {
	{ "package", 0, "PACKAGE", "a Debian package more (repeatable)", NULL, 1 },
	{ "file", 0, "SRC:DEST", "put a file or folder of the host there (repeatable)", "file", 1 },
	{ "fstype", 0, "FSTYPE", "filesystem of the image", "erofs|ext4" },
	{ "root", 0, "TAR", "of this tar, made elsewhere, instead of Debian's packages", "file" },
	{ "snapshot", 0, "MOMENT", "reproducible, of this moment, e.g. 20260101T000000Z" },
	{ "arch", 0, "ARCH", "for a machine of this architecture, e.g. arm64" },
	{ 0 },
};
static const struct command_option list_options[] = {
	{ "profile", 'p', "PROFILE", "count this profile's image as used, too (repeatable)",
		"profile", 1 },
	{ 0 },
};
static const struct command_option rm_options[] = {
	{ "unused", 0, NULL, "all that no profile known by name, no -p and no run uses" },
	{ "profile", 'p', "PROFILE", "count this profile's image as used, too (repeatable)",
		"profile", 1 },
	{ 0 },
};

static const struct command_example build_examples[] = {
	{ "fsqa image build btrfs/demo", "what a run of this profile would make first" },
	{ "fsqa image build --root alpine-minirootfs.tar.gz", "of a root made elsewhere" },
	{ "fsqa image build --package gdb --file ./gdbinit:/root/.gdbinit", "with more in it" },
	{ 0 },
};
static const struct command_example list_examples[] = {
	{ "fsqa image list", "all, and which profiles run on them" },
	{ "fsqa image list -p ~/btrfsqa/setup --json", "also of a profile elsewhere" },
	{ 0 },
};
static const struct command_example show_examples[] = {
	{ "fsqa image show ba5193a3", "one, by how its hash begins" },
	{ 0 },
};
static const struct command_example rm_examples[] = {
	{ "fsqa image rm ba5193a3", "one; a run that needs it makes it again" },
	{ "fsqa image rm --unused", "what old profiles left" },
	{ 0 },
};

extern const struct command cmd_image_build, cmd_image_list, cmd_image_show, cmd_image_rm;
const struct command cmd_image_build = {
	.name = "image build",
	.args = "[PROFILE]",
	.max_args = 1,
	.values = "profile",
	.summary = "make a profile's root image now",
	.help = "Makes the root image that `fsqa run` would make first: Debian with the profile's "
		"packages, from the repositories that this host's apt knows. Another that is the "
		"same is at once there; what is being made elsewhere just now is waited for.\n\n"
		"The options stand for the settings image.packages, image.files, image.fstype, "
		"image.snapshot, vm.root and vm.arch, and add to what the profile has; a run needs "
		"the same "
		"settings to use the image "
		"(e.g. -c image.packages=gdb).",
	.examples = build_examples,
	.options = build_options,
	.flags = COMMAND_JSON,
	.fn = build,
};
const struct command cmd_image_list = {
	.name = "image list",
	.args = "",
	.summary = "list the root images that were made",
	.help = "Prints each image's id, filesystem, size, when and of what it was made, and the "
		"profiles known by name, and runs going on, that use it.",
	.examples = list_examples,
	.options = list_options,
	.flags = COMMAND_JSON,
	.fn = list,
};
const struct command cmd_image_show = {
	.name = "image show",
	.args = "IMAGE",
	.min_args = 1,
	.max_args = 1,
	.summary = "show what one root image was made of",
	.help = "IMAGE is an id of `fsqa image list`, or how the id or its hash begins (four "
		"characters or more). What is installed in it is in packages.txt of its folder.",
	.examples = show_examples,
	.options = list_options,
	.flags = COMMAND_JSON,
	.fn = show,
};
const struct command cmd_image_rm = {
	.name = "image rm",
	.args = "[IMAGE...]",
	.max_args = 1000,
	.summary = "remove root images",
	.help = "Removes images by id (as `fsqa image show` takes it), or all that nothing uses. "
		"One that a run uses stays, with an error. What is needed later is made again.",
	.examples = rm_examples,
	.options = rm_options,
	.fn = rm,
};
