/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/profile.h"

static int profiles(struct cli *cli, int argc, char **argv)
{
	auto_strv struct strv names = { 0 };
	profile_names(&names);
	for (size_t i = 0; cli_flag(cli, "names") && i < names.n; i++)
		puts(names.v[i]);
	if (cli_flag(cli, "names"))
		return CLI_GOOD;
	json_t *array = json_array();
	struct table *t = table_new("PROFILE", ">STAGES", "FSTESTS", "DESCRIPTION", NULL);
	for (size_t i = 0; i < names.n; i++) {
		struct profile *p = NULL;
		struct err e = { 0 };
		int rc = profile_load(names.v[i], cli_values(cli, "config"), &p, &e);
		const char *text = rc < 0 ? e.msg : config_str(p->config, "profile.description");
		size_t stages = rc < 0 ? 0 : p->n_stages;
		const char *tree = rc < 0 ? NULL : config_str(p->config, "fstests.tree");
		const char *fstyp = tree && *tree ? config_str(p->config, "fstests.fstyp") : NULL;
		json_array_append_new(array,
			json_pack("{s:s, s:s?, s:I, s:s?, s:s?}", "name", names.v[i], "description",
				rc < 0 ? NULL : text, "stages", (json_int_t)stages, "fstests",
				fstyp, "error", rc < 0 ? text : NULL));
		table_cell(t, CLI_BOLD, "%s", names.v[i]);
		table_cell(t, CLI_PLAIN, "%zu", stages);
		table_cell(t, CLI_PLAIN, "%s", fstyp ? fstyp : "-");
		table_cell(t, rc < 0 ? CLI_RED : CLI_PLAIN, "%s", text ? text : "");
		profile_free(p);
	}
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:O}", "profiles", array));
	else
		table_print(cli, t);
	json_decref(array);
	table_free(t);
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "names", 0, NULL, "only the names, one a line", .hidden = 1 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa profiles", "names for fsqa run, fsqa shell and fsqa config check" },
	{ "FSQA_PROFILES=~/my-profiles fsqa profiles", "those of another folder" },
	{ 0 },
};

extern const struct command cmd_profiles;
const struct command cmd_profiles = {
	.name = "profiles",
	.args = "",
	.summary = "list the profiles that are known by name",
	.help = "Profiles are looked for in ./profiles and among those that come with fsqa; "
		"FSQA_PROFILES, a list of folders with ':' between, replaces both. A profile that "
		"cannot be read is listed with the reason. Any other folder is given by its path, "
		"with "
		"a slash in it. STAGES counts its scripts, FSTESTS is the filesystem that it runs "
		"fstests on.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = profiles,
};
