/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config list, config get, config check. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/manual.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/profile.h"
#include "suite/fstests_config.h"
#include <errno.h>
#include <string.h>

static bool is_number(enum setting_type type)
{
	return type == SETTING_COUNT || type == SETTING_SIZE || type == SETTING_DURATION;
}

static json_t *value_json(const struct config *c, const struct setting *s, const char *name)
{
	const char *text = config_text(c, name);
	json_t *j = json_pack("{s:s, s:s?, s:s, s:s}", "name", name, "value", text, "origin",
		config_origin(c, name), "type", config_type_name(s->type));
	/* In bytes, microseconds or units. */
	if (is_number(s->type) && text)
		json_object_set_new(j, "number", json_integer((json_int_t)config_num(c, name)));
	if (s->type != SETTING_LIST)
		return j;
	json_t *words = json_array();
	for (const char *const *w = config_list(c, name); *w; w++)
		json_array_append_new(words, json_string(*w));
	json_object_set_new(j, "words", words);
	return j;
}

/* Where `list` puts its rows: one of the two. */
struct sheet {
	struct table *table;
	json_t *array;
};

static void add_row(
	struct sheet *sheet, const struct config *c, const struct setting *s, const char *name)
{
	if (sheet->array) {
		json_array_append_new(sheet->array, value_json(c, s, name));
		return;
	}
	const char *text = config_text(c, name);
	enum cli_color color = config_is_set(c, name) ? CLI_BOLD : CLI_PLAIN;
	table_cell(sheet->table, color, "%s", name);
	table_cell(sheet->table, color, "%s", text ? text : "");
	table_cell(sheet->table, CLI_DIM, "%s", config_origin(c, name));
}

static void add_subsections(struct sheet *sheet, const struct config *c, const struct setting *s)
{
	const char *star = strchr(s->name, '*');
	auto_free char *section = xstrndup(s->name, (size_t)(star - s->name - 1));
	const char *x = NULL;
	for (size_t n = 0; (x = config_subsection(c, section, n)); n++) {
		auto_free char *name = xasprintf("%s.%s%s", section, x, star + 1);
		if (config_is_set(c, name))
			add_row(sheet, c, s, name);
	}
}

static void print_all(struct cli *cli, const struct config *c)
{
	struct sheet sheet = { 0 };
	if (cli_wants_json(cli))
		sheet.array = json_array();
	else
		sheet.table = table_new("SETTING", "VALUE", "FROM", NULL);
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++) {
		if (strchr(s[i].name, '*'))
			add_subsections(&sheet, c, &s[i]);
		else
			add_row(&sheet, c, &s[i], s[i].name);
	}
	if (sheet.array)
		cli_print_json(cli, json_pack("{s:o}", "settings", sheet.array));
	else
		table_print(cli, sheet.table);
	table_free(sheet.table);
}

/* The settings of --profile, or those outside of any. Exactly one of *ret_p, *ret_c is the
 * caller's; *ret is where to read. */
static int load(
	struct cli *cli, struct profile **ret_p, struct config **ret_c, const struct config **ret)
{
	const char *name = cli_value(cli, "profile");
	int rc = name ? cli_profile(cli, name, ret_p) : cli_config(cli, ret_c);
	if (rc == CLI_GOOD)
		*ret = name ? (*ret_p)->config : *ret_c;
	return rc;
}

static int list(struct cli *cli, int argc, char **argv)
{
	if (cli_flag(cli, "markdown")) {
		manual_settings_markdown(stdout);
		return CLI_GOOD;
	}
	struct profile *p = NULL;
	struct config *own = NULL;
	const struct config *c = NULL;
	int rc = load(cli, &p, &own, &c);
	if (rc == CLI_GOOD)
		print_all(cli, c);
	profile_free(p);
	config_free(own);
	return rc;
}

/* A setting that the table has, with its subsection named. */
static int print_one(struct cli *cli, const struct config *c, const char *name)
{
	const struct setting *s = config_setting(name);
	if (!s || strchr(name, '*')) {
		auto_free char *hint = config_hint(name);
		return cli_errorf(cli, CLI_USAGE, "unknown setting %s%s", name, hint);
	}
	const char *text = config_text(c, name);
	if (cli_wants_json(cli))
		cli_print_json(cli, value_json(c, s, strchr(s->name, '*') ? name : s->name));
	else if (text)
		puts(text);
	return CLI_GOOD;
}

static int get(struct cli *cli, int argc, char **argv)
{
	struct profile *p = NULL;
	struct config *own = NULL;
	const struct config *c = NULL;
	int rc = load(cli, &p, &own, &c);
	if (rc == CLI_GOOD)
		rc = print_one(cli, c, argv[0]);
	profile_free(p);
	config_free(own);
	return rc;
}

static json_t *profile_json(const struct profile *p)
{
	json_t *stages = json_array();
	for (size_t i = 0; i < p->n_stages; i++) {
		const struct profile_stage *s = &p->stages[i];
		json_t *requires = json_array();
		for (size_t k = 0; k < s->requires.n; k++)
			json_array_append_new(requires, json_string(s->requires.v[k]));
		json_array_append_new(stages,
			json_pack("{s:s, s:s, s:I, s:o}", "name", s->name, "path", s->path,
				"timeout_us", (json_int_t)s->timeout_us, "requires", requires));
	}
	json_t *warnings = json_array();
	for (size_t i = 0; i < p->warnings.n; i++)
		json_array_append_new(warnings, json_string(p->warnings.v[i]));
	return json_pack("{s:s, s:s, s:o, s:o}", "profile", p->name, "dir", p->dir, "stages",
		stages, "warnings", warnings);
}

static void print_stages(struct cli *cli, const struct profile *p)
{
	struct table *t = table_new("STAGE", ">TIMEOUT", "REQUIRES", NULL);
	const struct setting *s = config_setting("stage.*.timeout");
	for (size_t i = 0; i < p->n_stages; i++) {
		const struct profile_stage *x = &p->stages[i];
		auto_free char *timeout = config_number_text(s, x->timeout_us);
		auto_free char *name = xasprintf("stage.%s.requires", x->name);
		const char *requires = config_text(p->config, name);
		table_cell(t, CLI_PLAIN, "%s", x->name);
		table_cell(t, CLI_PLAIN, "%s", timeout);
		table_cell(t, CLI_PLAIN, "%s", requires ? requires : "-");
	}
	table_print(cli, t);
	table_free(t);
}

/* Those that are declared; *ret_n of them. */
static int check_sections(struct cli *cli, const struct profile *p, struct table *t, size_t *ret_n)
{
	const char *name;
	*ret_n = 0;
	for (size_t i = 0; (name = config_subsection(p->config, "section", i)); i++) {
		struct err e = { 0 };
		struct fstests_section s = { 0 };
		if (fstests_section_read(p->config, name, &s, &e) < 0)
			return cli_error(cli, CLI_USAGE, &e);
		table_cell(t, CLI_BOLD, "%s", name);
		table_cell(t, CLI_PLAIN, "%s", s.mkfs ? s.mkfs : "-");
		table_cell(t, CLI_PLAIN, "%s", s.mount ? s.mount : "-");
		(*ret_n)++;
	}
	return CLI_GOOD;
}

static int check_profile(struct cli *cli, const struct profile *p, struct table *sections)
{
	size_t n = 0;
	int rc = check_sections(cli, p, sections, &n);
	if (rc != CLI_GOOD)
		return rc;
	if (cli_wants_json(cli))
		cli_print_json(cli, profile_json(p));
	if (!cli_wants_json(cli) && cli_verbosity(cli) >= 0) {
		if (p->n_stages || !n)
			print_stages(cli, p);
		if (n)
			table_print(cli, sections);
	}
	if (n)
		cli_note(cli, "Profile %s (%s): %zu stages, %zu sections of fstests, %zu warnings.",
			p->name, p->dir, p->n_stages, n, p->warnings.n);
	else
		cli_note(cli, "Profile %s (%s): %zu stages, %zu warnings.", p->name, p->dir,
			p->n_stages, p->warnings.n);
	return CLI_GOOD;
}

static int check(struct cli *cli, int argc, char **argv)
{
	struct profile *p = NULL;
	int rc = cli_profile(cli, argv[0], &p);
	if (rc != CLI_GOOD)
		return rc;
	struct table *sections = table_new("SECTION", "MKFS", "MOUNT", NULL);
	rc = check_profile(cli, p, sections);
	table_free(sections);
	profile_free(p);
	return rc;
}

static const struct command_option list_options[] = {
	{ "profile", 'p', "PROFILE", "with the settings of this profile", "profile" },
	{ "markdown", 0, NULL, "the manual of all settings, as docs/configuration.md",
		.hidden = 1 },
	{ 0 },
};
static const struct command_option get_options[] = {
	{ "profile", 'p', "PROFILE", "with the settings of this profile", "profile" },
	{ 0 },
};

static const struct command_example list_examples[] = {
	{ "fsqa config list", "what holds outside of any profile" },
	{ "fsqa config list -p btrfs/demo --json", "what holds in a profile, for programs" },
	{ 0 },
};
static const struct command_example get_examples[] = {
	{ "fsqa config get vm.memory", "prints 2G, where nothing sets it" },
	{ "fsqa config get -p btrfs/demo stage.002_btrfsprogs.timeout", "of one stage" },
	{ 0 },
};
static const struct command_example check_examples[] = {
	{ "fsqa config check btrfs/demo", "a profile by its name" },
	{ "fsqa config check ~/btrfsqa/setup", "a BTRFSQA checkout, as it is" },
	{ "fsqa config check . -c vm.memory=4G", "the folder here, with one override" },
	{ 0 },
};

extern const struct command cmd_config_list, cmd_config_get, cmd_config_check;
const struct command cmd_config_list = {
	.name = "config list",
	.args = "",
	.summary = "list all settings with value and origin",
	.help = "Prints every setting that there is, its value, and the file and line (or -c, or "
		"default) that it comes from.\n\n"
		"Settings are read from /etc/fsqa/fsqa.conf, ~/.config/fsqa/fsqa.conf, the "
		"profile's fsqa.conf and -c, in this order; the last one counts. fsqa.conf(5) "
		"tells "
		"what each means.",
	.examples = list_examples,
	.options = list_options,
	.flags = COMMAND_JSON,
	.fn = list,
};
const struct command cmd_config_get = {
	.name = "config get",
	.args = "SETTING",
	.min_args = 1,
	.max_args = 1,
	.values = "setting",
	.summary = "print the value of one setting",
	.help = "Prints the value alone, and nothing where the setting has none.",
	.examples = get_examples,
	.options = get_options,
	.flags = COMMAND_JSON,
	.fn = get,
};
const struct command cmd_config_check = {
	.name = "config check",
	.args = "[PROFILE]",
	.max_args = 1,
	.values = "profile",
	.summary = "check a profile's files and list its stages",
	.help = "Reads everything that a run would read of the profile: settings with what they "
		"include, BTRFSQA's timeout.json, the scripts. What is wrong is told with file and "
		"line, and the exit code is 2; warnings leave it 0.",
	.examples = check_examples,
	.flags = COMMAND_JSON,
	.fn = check,
};
