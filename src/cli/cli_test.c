/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/test.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/frame.h"
#include <locale.h>

static char *dir;
static struct cli cli;

static int set_up(void **unused)
{
	auto_free char *made = test_folder();
	dir = realpath(made, NULL);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(setenv("HOME", dir, 1), 0);
	assert_int_equal(setenv("FSQA_CONFIG_SYSTEM", "", 1), 0);
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	assert_int_equal(unsetenv("FSQA_STATE"), 0);
	return 0;
}

static int tear_down(void **unused)
{
	cli_clear(&cli);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	free(dir);
	return 0;
}

/* Words behind "fsqa", in storage of the test's own: parsing reorders it. */
static int parse(char *a, char *b, char *c, char *d)
{
	static char program[] = "fsqa";
	static char *argv[6];
	char *words[] = { program, a, b, c, d, NULL };
	int argc = 0;
	while (argc < 5 && words[argc])
		argc++;
	memcpy(argv, words, sizeof words);
	cli_clear(&cli);
	return cli_parse(&cli, argc, argv);
}

static void assert_state_dir(const char *want)
{
	auto_free char *got = NULL;
	assert_int_equal(cli_state_dir(&cli, NULL, &got), CLI_GOOD);
	assert_string_equal(got, want);
}

static void test_the_nearest_word_says_where_state_lies(void **unused)
{
	char version[] = "version";
	char state[] = "--state=here";
	char config[] = "-c";
	char setting[] = "state.dir=conf";
	auto_free char *home = path_join(dir, ".local/state/fsqa");
	auto_free char *here = path_join(dir, "here");
	auto_free char *conf = path_join(dir, "conf");
	assert_int_equal(parse(version, NULL, NULL, NULL), CLI_GOOD);
	assert_state_dir(home);
	assert_int_equal(setenv("XDG_STATE_HOME", "/xdg", 1), 0);
	assert_state_dir("/xdg/fsqa");
	assert_int_equal(parse(version, config, setting, NULL), CLI_GOOD);
	assert_state_dir(conf);
	assert_int_equal(setenv("FSQA_STATE", "/env/", 1), 0);
	assert_state_dir("/env/");
	assert_int_equal(parse(version, config, setting, state), CLI_GOOD);
	assert_state_dir(here);
}

static void test_without_home_there_is_no_place_for_state(void **unused)
{
	char version[] = "version";
	char empty[] = "--state=";
	char *got = NULL;
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(parse(version, NULL, NULL, NULL), CLI_GOOD);
	assert_int_equal(cli_state_dir(&cli, NULL, &got), CLI_USAGE);
	assert_int_equal(parse(version, empty, NULL, NULL), CLI_GOOD);
	assert_int_equal(cli_state_dir(&cli, NULL, &got), CLI_USAGE);
	assert_null(got);
}

static void test_options_count_before_and_behind_the_command(void **unused)
{
	char before[] = "-cvm.cpus=1";
	char version[] = "version";
	char verbose[] = "-vv";
	char behind[] = "--config=vm.cpus=2";
	assert_int_equal(parse(before, version, verbose, behind), CLI_GOOD);
	assert_string_equal(cli.command->name, "version");
	const char *const *values = cli_values(&cli, "config");
	assert_string_equal(values[0], "vm.cpus=1");
	assert_string_equal(values[1], "vm.cpus=2");
	assert_null(values[2]);
	assert_string_equal(cli_value(&cli, "config"), "vm.cpus=2");
	assert_int_equal(cli_verbosity(&cli), 2);
	assert_false(cli_wants_json(&cli));
	assert_null(cli_values(&cli, "state")[0]);
	assert_string_equal(
		cli_command_line(&cli), "fsqa -cvm.cpus=1 version -vv --config=vm.cpus=2");
}

static void test_every_command_has_what_help_and_manual_print(void **unused)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		assert_non_null(c->fn);
		assert_non_null(c->args);
		assert_non_null(c->summary);
		assert_non_null(c->help);
		assert_true(c->summary[strlen(c->summary) - 1] != '.');
		assert_true(c->min_args <= c->max_args);
		assert_true((c->max_args > 0) == (*c->args != '\0'));
		for (const struct command_option *o = c->options; o && o->name; o++) {
			assert_non_null(o->help);
			for (const struct command_option *g = global_options; g->name; g++) {
				assert_string_not_equal(o->name, g->name);
				assert_true(!o->letter || o->letter != g->letter);
			}
		}
		for (const struct command_example *x = c->examples; x && x->line; x++)
			assert_non_null(x->what);
	}
}

static void test_text_is_as_wide_as_a_terminal_shows_it(void **unused)
{
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(cli_text_width(""), 0);
	assert_int_equal(cli_text_width("abc"), 3);
	assert_int_equal(cli_text_width("\xc3\xa4"), 1);     /* a umlaut */
	assert_int_equal(cli_text_width("\xe6\xbc\xa2"), 2); /* a wide letter */
	assert_int_equal(cli_text_width("e\xcc\x81"), 1);    /* combining accent */
	assert_int_equal(cli_text_width("\xff\xe6"), 2);     /* no UTF-8, and a cut one */
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_nearest_word_says_where_state_lies),
		T(test_without_home_there_is_no_place_for_state),
		T(test_options_count_before_and_behind_the_command),
		T(test_every_command_has_what_help_and_manual_print),
		T(test_text_is_as_wide_as_a_terminal_shows_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
