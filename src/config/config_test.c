/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/config.h"
#include "config/fixture.h"
#include <errno.h>
#include <stdbool.h>

static int load_with(const char *name, const char *override, struct config **ret, struct err *e)
{
	auto_free char *path = path_join(dir, name);
	const char *overrides[] = { override, NULL };
	return config_load(path, overrides, ret, e);
}

static struct config *load(const char *text)
{
	struct err e = { 0 };
	struct config *c = NULL;
	write_file("fsqa.conf", text);
	if (load_with("fsqa.conf", NULL, &c, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static void assert_refused(const char *text, int code, const char *want)
{
	struct err e = { 0 };
	struct config *c = NULL;
	write_file("fsqa.conf", text);
	int rc = load_with("fsqa.conf", NULL, &c, &e);
	assert_null(c);
	assert_text(e.msg, want);
	assert_int_equal(rc, code);
}

static void assert_override_refused(const char *override, const char *want)
{
	struct err e = { 0 };
	struct config *c = NULL;
	write_file("fsqa.conf", "");
	assert_int_equal(load_with("fsqa.conf", override, &c, &e), -EINVAL);
	assert_null(c);
	assert_text(e.msg, want);
}

static void assert_origin(const struct config *c, const char *name, const char *want)
{
	assert_text(config_origin(c, name), want);
}

static void assert_words(const struct config *c, const char *name, const char *want)
{
	auto_buf struct buf got = { 0 };
	for (const char *const *w = config_list(c, name); *w; w++)
		buf_addf(&got, "%s%s", got.len ? " " : "", *w);
	assert_string_equal(buf_str(&got), want);
}

/* ---- the table ---- */

static void test_the_table_is_sorted_and_complete(void **unused)
{
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++) {
		if (i)
			assert_true(strcmp(s[i - 1].name, s[i].name) < 0);
		assert_non_null(s[i].help);
		assert_true(s[i].help[strlen(s[i].help) - 1] != '.');
		bool number = s[i].type == SETTING_COUNT || s[i].type == SETTING_SIZE ||
			      s[i].type == SETTING_DURATION;
		assert_int_equal(number, s[i].max > 0);
		assert_int_equal(s[i].type == SETTING_DURATION, s[i].bare_us > 0);
		assert_int_equal(s[i].type == SETTING_CHOICE, s[i].choices != NULL);
		assert_ptr_equal(config_setting(s[i].name), &s[i]);
	}
}

static void test_every_example_is_accepted(void **unused)
{
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++) {
		if (!s[i].example)
			continue;
		struct err e = { 0 };
		struct config *c = NULL;
		auto_free char *name = xstrdup(s[i].name);
		if (strchr(name, '*'))
			*strchr(name, '*') = 'X';
		auto_free char *override = xasprintf("%s=%s", name, s[i].example);
		write_file("fsqa.conf", "");
		if (load_with("fsqa.conf", override, &c, &e) < 0)
			fail_msg("%s", e.msg);
		assert_true(config_is_set(c, name));
		config_free(c);
	}
}

static void test_without_any_file_the_defaults_hold(void **unused)
{
	struct config *c = NULL;
	assert_int_equal(config_load(NULL, NULL, &c, NULL), 0);
	assert_int_equal(config_num(c, "vm.memory"), UINT64_C(2) << 30);
	assert_int_equal(config_num(c, "stage.defaultTimeout"), UINT64_C(1800) * 1000000);
	assert_int_equal(config_num(c, "disk.count"), 6);
	assert_string_equal(config_str(c, "vm.accel"), "auto");
	assert_null(config_str(c, "vm.append"));
	assert_words(c, "image.packages", "");
	assert_false(config_is_set(c, "vm.memory"));
	assert_string_equal(config_origin(c, "vm.memory"), "default");
	config_free(c);
}

/* ---- what is read ---- */

static void test_units_cases_quotes_and_comments_are_gits(void **unused)
{
	struct config *c = load("; a comment\n[VM] MEMORY = 3G # more\n"
				"\tappend = \"a;b\" \\\n  c\n"
				"\tboottimeout=90\n[Stage \"001_X\"]\n\tTimeout = 2\n");
	assert_int_equal(config_num(c, "vm.memory"), UINT64_C(3) << 30);
	assert_string_equal(config_str(c, "vm.append"), "a;b   c");
	assert_int_equal(config_num(c, "vm.bootTimeout"), UINT64_C(90) * 1000000);
	assert_int_equal(config_num(c, "stage.001_X.timeout"), UINT64_C(120) * 1000000);
	assert_origin(c, "vm.memory", "fsqa.conf:2");
	assert_origin(c, "vm.append", "fsqa.conf:3");
	assert_origin(c, "vm.bootTimeout", "fsqa.conf:5");
	assert_origin(c, "stage.001_X.timeout", "fsqa.conf:7");
	config_free(c);
}

static void test_a_subsection_keeps_its_letter_case(void **unused)
{
	struct config *c = load("[stage \"001_b\"]\nlogs = /x\n[stage \"001_B\"]\nlogs = /y\n"
				"[STAGE \"001_b\"]\nlogs = /z\n");
	assert_words(c, "stage.001_b.logs", "/x /z");
	assert_words(c, "stage.001_B.logs", "/y");
	assert_string_equal(config_subsection(c, "stage", 0), "001_b");
	assert_string_equal(config_subsection(c, "stage", 1), "001_B");
	assert_null(config_subsection(c, "stage", 2));
	assert_false(config_is_set(c, "stage.001_c.logs"));
	config_free(c);
}

static void test_the_later_file_wins_and_c_wins_over_all(void **unused)
{
	struct config *c = NULL;
	auto_free char *system_file = path_join(dir, "system.conf");
	assert_int_equal(setenv("FSQA_CONFIG_SYSTEM", system_file, 1), 0);
	write_file("system.conf", "[vm]\nmemory=1G\ncpus=1\nhostname=a\nappend=a\n");
	write_file(".config/fsqa/fsqa.conf", "[vm]\nmemory=2G\ncpus=2\nhostname=b\n");
	write_file("fsqa.conf", "[vm]\nmemory=3G\ncpus=3\n");
	assert_int_equal(load_with("fsqa.conf", "VM.Memory=4G", &c, NULL), 0);
	assert_string_equal(config_text(c, "vm.memory"), "4G");
	assert_string_equal(config_text(c, "vm.cpus"), "3");
	assert_string_equal(config_text(c, "vm.hostname"), "b");
	assert_string_equal(config_text(c, "vm.append"), "a");
	assert_string_equal(config_origin(c, "vm.memory"), "-c");
	assert_origin(c, "vm.cpus", "fsqa.conf:3");
	assert_origin(c, "vm.hostname", ".config/fsqa/fsqa.conf:4");
	assert_origin(c, "vm.append", "system.conf:5");
	assert_true(config_is_own(c, "vm.memory"));
	assert_true(config_is_own(c, "vm.cpus"));
	assert_false(config_is_own(c, "vm.hostname"));
	config_free(c);
}

static void test_xdg_config_home_moves_the_users_file(void **unused)
{
	struct config *c = NULL;
	auto_free char *xdg = path_join(dir, "xdg");
	assert_int_equal(setenv("XDG_CONFIG_HOME", xdg, 1), 0);
	write_file("xdg/fsqa/fsqa.conf", "[vm]\ncpus=7\n");
	write_file(".config/fsqa/fsqa.conf", "[vm]\ncpus=8\n");
	assert_int_equal(config_load(NULL, NULL, &c, NULL), 0);
	assert_int_equal(config_num(c, "vm.cpus"), 7);
	config_free(c);
}

static void test_an_include_counts_where_it_stands(void **unused)
{
	write_file("base/fsqa.conf", "[vm]\ncpus = 2\nmemory = 1G\n[include]\npath = deep/x.conf\n"
				     "[vm]\nhostname = base\n");
	write_file("base/deep/x.conf", "[vm]\nappend = deep\nhostname = deep\n");
	struct config *c = load("[vm]\ncpus = 1\nmemory = 9G\n[include]\npath = base/fsqa.conf\n"
				"[vm]\nmemory = 3G\n");
	assert_int_equal(config_num(c, "vm.cpus"), 2);
	assert_string_equal(config_text(c, "vm.memory"), "3G");
	assert_string_equal(config_str(c, "vm.append"), "deep");
	assert_string_equal(config_str(c, "vm.hostname"), "base");
	assert_origin(c, "vm.cpus", "base/fsqa.conf:2");
	assert_origin(c, "vm.memory", "fsqa.conf:7");
	assert_origin(c, "vm.append", "base/deep/x.conf:2");
	assert_origin(c, "vm.hostname", "base/fsqa.conf:7");
	assert_false(config_is_own(c, "vm.cpus"));
	assert_true(config_is_own(c, "vm.memory"));
	config_free(c);
}

static void test_one_file_included_twice_has_its_lines_twice(void **unused)
{
	write_file("p.conf", "[image]\n\npackages = attr\n");
	struct config *c = load("[include]\npath = p.conf\npath = ~/p.conf\n");
	assert_words(c, "image.packages", "attr attr");
	assert_origin(c, "image.packages", "p.conf:3");
	config_free(c);
}

static void test_list_values_add_up_and_an_empty_one_clears(void **unused)
{
	write_file("base.conf", "[image]\npackages = attr acl\npackages = xfsprogs\n");
	struct config *c = load("[include]\npath = base.conf\n[image]\npackages = quota\n");
	assert_words(c, "image.packages", "attr acl xfsprogs quota");
	assert_string_equal(config_text(c, "image.packages"), "attr acl xfsprogs quota");
	config_free(c);
	c = load("[include]\npath = base.conf\n[image]\npackages =\npackages = quota\n");
	assert_words(c, "image.packages", "quota");
	config_free(c);
	c = load("[include]\npath = base.conf\n[image]\npackages =\n");
	assert_words(c, "image.packages", "");
	assert_true(config_is_set(c, "image.packages"));
	assert_null(config_text(c, "image.packages"));
	config_free(c);
}

static void test_a_path_starts_at_the_file_that_has_it(void **unused)
{
	struct config *c = NULL;
	write_file("base/fsqa.conf", "[profile]\nscripts = s\n[kernel]\nmodules = ~/m\n");
	write_file("fsqa.conf", "[include]\npath = base/fsqa.conf\n[profile]\nconfig = /abs\n");
	write_file("here/x", "");
	auto_free char *here = path_join(dir, "here");
	assert_int_equal(chdir(here), 0);
	assert_int_equal(load_with("fsqa.conf", "state.dir=st", &c, NULL), 0);
	auto_free char *scripts = path_join(dir, "base/s");
	auto_free char *modules = path_join(dir, "m");
	auto_free char *state = path_join(dir, "here/st");
	assert_string_equal(config_str(c, "profile.scripts"), scripts);
	assert_string_equal(config_str(c, "kernel.modules"), modules);
	assert_string_equal(config_text(c, "profile.config"), "/abs");
	assert_string_equal(config_str(c, "state.dir"), state);
	config_free(c);
}

static void test_paths_add_up_each_from_its_own_file(void **unused)
{
	write_file("base/fsqa.conf", "[profile]\nconfig = of base\n");
	struct config *c = load("[include]\npath = base/fsqa.conf\n[profile]\nconfig = mine\n");
	auto_free char *base = path_join(dir, "base/of base");
	auto_free char *mine = path_join(dir, "mine");
	const char *const *v = config_list(c, "profile.config");
	assert_string_equal(v[0], base);
	assert_string_equal(v[1], mine);
	assert_null(v[2]);
	config_free(c);
	c = load("[include]\npath = base/fsqa.conf\n[profile]\nconfig =\nconfig = mine\n");
	assert_string_equal(config_list(c, "profile.config")[0], mine);
	config_free(c);
}

static void test_an_empty_text_takes_back_an_earlier_one(void **unused)
{
	struct config *c = load("[vm]\nappend = x\nappend =\n");
	assert_null(config_str(c, "vm.append"));
	assert_true(config_is_set(c, "vm.append"));
	config_free(c);
}

/* ---- what is refused: the exact words ---- */

static void test_an_unknown_name_gives_line_and_nearest(void **unused)
{
	assert_refused("[vm]\n\tmemory = 4G\n\tmemroy = 4G\n", -EINVAL,
		"fsqa.conf:3: unknown setting vm.memroy (did you mean vm.memory?)");
	assert_refused(
		"[sound]\nvolume = 11\n", -EINVAL, "fsqa.conf:2: unknown setting sound.volume");
	assert_refused("memory = 3G\n", -EINVAL,
		"fsqa.conf:1: unknown setting memory (did you mean vm.memory?)");
	assert_refused("[vm \"x\"] memory = 3G\n", -EINVAL,
		"fsqa.conf:1: unknown setting vm.x.memory (did you mean vm.memory?)");
	assert_refused("[stage]\ntimeout = 3\n", -EINVAL,
		"fsqa.conf:2: unknown setting stage.timeout (did you mean stage.X.timeout?)");
	assert_refused("[stage \"001_a.b\"]\ntimout = 3\n", -EINVAL,
		"fsqa.conf:2: unknown setting stage.001_a.b.timout (did you mean "
		"stage.001_a.b.timeout?)");
	assert_refused("[stage \"*\"]\ntimeout = 3\n", -EINVAL,
		"fsqa.conf:2: unknown setting stage.*.timeout (did you mean stage.X.timeout?)");
	assert_refused("[stage \"\"]\ntimeout = 3\n", -EINVAL,
		"fsqa.conf:2: unknown setting stage..timeout (did you mean stage.X.timeout?)");
	assert_refused("[includeIf \"gitdir:/\"]\npath = x\n", -EINVAL,
		"fsqa.conf:2: unknown setting includeif.gitdir:/.path");
}

static void test_a_bad_value_gives_line_name_and_range(void **unused)
{
	assert_refused("[vm]\nmemory = 4X\n", -EINVAL,
		"fsqa.conf:2: vm.memory: unknown unit 'X' in '4X' (known: K M G T)");
	assert_refused(
		"[vm]\nmemory = 64M\n", -ERANGE, "fsqa.conf:2: vm.memory: '64M' is less than 128M");
	assert_refused(
		"[vm]\nmemory = 99T\n", -ERANGE, "fsqa.conf:2: vm.memory: '99T' is more than 16T");
	assert_refused(
		"[vm]\nmemory = -1\n", -EINVAL, "fsqa.conf:2: vm.memory: '-1' is not a number");
	assert_refused("[vm]\nmemory = 99999999999999999999\n", -ERANGE,
		"fsqa.conf:2: vm.memory: '99999999999999999999' is too large");
	assert_refused(
		"[vm]\ncpus = 2.5\n", -EINVAL, "fsqa.conf:2: vm.cpus: '2.5' is not a whole number");
	assert_refused(
		"[disk]\ncount = 61\n", -ERANGE, "fsqa.conf:2: disk.count: '61' is more than 60");
	assert_refused("[vm]\naccel = KVM\n", -EINVAL,
		"fsqa.conf:2: vm.accel: 'KVM' is not one of auto|kvm|tcg");
	assert_refused("[vm]\nmemory\n", -EINVAL, "fsqa.conf:2: vm.memory: needs a value");
	assert_refused("[stage \"001_a\"]\n\n timeout = 2 weeks\n", -EINVAL,
		"fsqa.conf:3: stage.001_a.timeout: unknown unit 'weeks' in '2 weeks' (known: ms s "
		"m "
		"h d)");
	assert_refused("[stage \"001_a\"]\ntimeout = 0\n", -ERANGE,
		"fsqa.conf:2: stage.001_a.timeout: '0' is less than 1s");
}

static void test_a_text_that_would_do_harm_is_refused(void **unused)
{
	assert_refused("[vm]\nappend = \"a\\nb\"\n", -EINVAL,
		"fsqa.conf:2: vm.append: has a control character");
	assert_refused("[vm]\nappend = \xff\n", -EINVAL, "fsqa.conf:2: vm.append: is not UTF-8");
	assert_refused("[vm]\nhostname = a,b\n", -EINVAL,
		"fsqa.conf:2: vm.hostname: 'a,b': a host name has 1 to 63 letters, digits and "
		"inner "
		"'-'");
	assert_refused("[disk]\nnames = ../%\n", -EINVAL,
		"fsqa.conf:2: disk.names: '../%': a name below /dev with one '%' for the letter, "
		"as "
		"xvd%");
	static const char package[] =
		": a package name has lower-case letters, digits, and then + - .";
	auto_free char *option = xasprintf("fsqa.conf:2: image.packages: 'attr --foo'%s", package);
	auto_free char *shell = xasprintf("fsqa.conf:2: image.packages: 'a;rm'%s", package);
	assert_refused("[image]\npackages = attr --foo\n", -EINVAL, option);
	assert_refused("[image]\npackages = \"a;rm\"\n", -EINVAL, shell);
}

static void test_bad_syntax_gives_the_line(void **unused)
{
	assert_refused("[vm\nmemory = 1G\n", -EINVAL,
		"fsqa.conf:1: syntax: missing ']' in section header");
	assert_refused(
		"[vm]\nmemory 4G\n", -EINVAL, "fsqa.conf:2: syntax: invalid configuration key");
	assert_refused(
		"[vm]\nappend = \"4G\n", -EINVAL, "fsqa.conf:2: syntax: the quote is not closed");
	assert_refused("[vm]\n\nappend = a\\qb\n", -EINVAL,
		"fsqa.conf:3: syntax: a backslash that is none of \\n \\t \\b \\\" \\\\");
	assert_refused("[vm]\nappend = \\x (in a:7, column 3)\n", -EINVAL,
		"fsqa.conf:2: syntax: a backslash that is none of \\n \\t \\b \\\" \\\\");
	assert_refused("\n[stage.001_x]\ntimeout = 1\n", -EINVAL,
		"fsqa.conf:2: syntax: unexpected character in header");
	auto_free char *binary = path_join(dir, "binary.conf");
	assert_int_equal(file_replace(binary, "[vm]\nappend = a\0b\n", 18, 0644, NULL), 0);
	assert_refused("[include]\npath = binary.conf\n", -EINVAL,
		"fsqa.conf:2: include: binary.conf:2: syntax: a NUL byte; this is no text file");
	write_file("bad.conf", "\n[vm\n");
	assert_refused("[include]\npath = bad.conf\n", -EINVAL,
		"bad.conf:2: syntax: missing ']' in section header");
	write_file("bad.conf", "[vm]\n\nappend = \\q\n");
	assert_refused("[include]\npath = bad.conf\n", -EINVAL,
		"bad.conf:3: syntax: a backslash that is none of \\n \\t \\b \\\" \\\\");
}

static void test_the_line_is_right_behind_all_that_git_allows(void **unused)
{
	assert_refused("\xef\xbb\xbf[vm]\r\n\r\n cpus = x\r\n", -EINVAL,
		"fsqa.conf:3: vm.cpus: 'x' is not a number");
	assert_refused("[vm] append = \"a \\\n b\" ; c\n cpus = x\n", -EINVAL,
		"fsqa.conf:3: vm.cpus: 'x' is not a number");
	assert_refused("[vm] append = a # \\\n cpus = x\n", -EINVAL,
		"fsqa.conf:2: vm.cpus: 'x' is not a number");
	assert_refused("[vm]\n append = \"# ; \\\" [x]\"\n cpus = 1\n cpus = x", -EINVAL,
		"fsqa.conf:4: vm.cpus: 'x' is not a number");
	assert_refused("[stage \"a\\\"]\\\\b\"] timeout = x", -EINVAL,
		"fsqa.conf:1: stage.a\"]\\b.timeout: 'x' is not a number");
}

static void test_an_include_that_cannot_be_read_is_an_error(void **unused)
{
	assert_refused("\n[include]\n\tpath = nix.conf\n", -ENOENT,
		"fsqa.conf:3: include: nix.conf: No such file or directory");
	assert_refused("[include]\npath = ../nix/nix.conf\n", -ENOENT,
		"fsqa.conf:2: include: ../nix/nix.conf: No such file or directory");
	write_file("folder/x", "");
	assert_refused("[include]\npath = folder\n", -EISDIR,
		"fsqa.conf:2: include: folder: is a folder, not a file");
	assert_refused("[include]\npath = /dev/null\n", -EINVAL,
		"fsqa.conf:2: include: /dev/null: is not a regular file");
	assert_refused("[include]\npath\n", -EINVAL, "fsqa.conf:2: include.path needs a value");
	assert_refused("[include]\npath =\n", -EINVAL, "fsqa.conf:2: include.path needs a value");
	assert_refused("[include]\npath = ~/gone.conf\n", -ENOENT,
		"fsqa.conf:2: include: gone.conf: No such file or directory");
	assert_int_equal(setenv("HOME", "/nowhere", 1), 0);
	assert_refused("[include]\npath = ~/x.conf\n", -ENOENT,
		"fsqa.conf:2: include: /nowhere/x.conf: No such file or directory");
	assert_refused("[include]\npath = fsqa.conf\n", -ELOOP,
		"fsqa.conf:2: includes itself, or more than 10 deep");
	write_file("inner.conf", "[vm]\ncpus = x\n");
	assert_refused("[include]\npath = inner.conf\n", -EINVAL,
		"inner.conf:2: vm.cpus: 'x' is not a number");
	write_file("inner.conf", "[include]\npath = gone.conf\n");
	assert_refused("[include]\npath = inner.conf\n", -ENOENT,
		"inner.conf:2: include: gone.conf: No such file or directory");
}

static void test_a_file_without_end_is_refused(void **unused)
{
	struct err e = { 0 };
	struct config *c = NULL;
	char big[4096];
	memset(big, '#', sizeof big);
	auto_buf struct buf text = { 0 };
	while (text.len <= 1u << 20)
		buf_add(&text, big, sizeof big);
	write_file("fsqa.conf", text.s);
	assert_int_equal(load_with("fsqa.conf", NULL, &c, &e), -EFBIG);
	assert_text(e.msg, "fsqa.conf: larger than 1 MiB");
	assert_int_equal(load_with("gone.conf", NULL, &c, &e), -ENOENT);
	assert_text(e.msg, "gone.conf: No such file or directory");
	assert_null(c);
}

static void test_a_bad_override_is_quoted(void **unused)
{
	assert_override_refused("vm.memroy=4G",
		"-c vm.memroy=4G: unknown setting vm.memroy (did you mean vm.memory?)");
	assert_override_refused("vm.memory=4X",
		"-c vm.memory=4X: vm.memory: unknown unit 'X' in '4X' (known: K M G T)");
	assert_override_refused("vm.memory", "-c vm.memory: not KEY=VALUE");
	assert_override_refused(
		"memory=4G", "-c memory=4G: unknown setting memory (did you mean vm.memory?)");
	assert_override_refused("=", "-c =: unknown setting ");
}

static void test_numbers_are_written_with_the_largest_whole_unit(void **unused)
{
	auto_free char *a = config_number_text(config_setting("vm.memory"), UINT64_C(3) << 29);
	auto_free char *b = config_number_text(config_setting("vm.memory"), 1000);
	auto_free char *c = config_number_text(config_setting("stage.x.timeout"), 5400000000);
	auto_free char *d = config_number_text(config_setting("stage.x.timeout"), 1500000);
	auto_free char *z = config_number_text(config_setting("store.minFree"), 0);
	assert_string_equal(a, "1536M");
	assert_string_equal(b, "1000");
	assert_string_equal(c, "90m");
	assert_string_equal(d, "1500ms");
	assert_string_equal(z, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_table_is_sorted_and_complete),
		T(test_every_example_is_accepted),
		T(test_without_any_file_the_defaults_hold),
		T(test_units_cases_quotes_and_comments_are_gits),
		T(test_a_subsection_keeps_its_letter_case),
		T(test_the_later_file_wins_and_c_wins_over_all),
		T(test_xdg_config_home_moves_the_users_file),
		T(test_an_include_counts_where_it_stands),
		T(test_one_file_included_twice_has_its_lines_twice),
		T(test_list_values_add_up_and_an_empty_one_clears),
		T(test_a_path_starts_at_the_file_that_has_it),
		T(test_paths_add_up_each_from_its_own_file),
		T(test_an_empty_text_takes_back_an_earlier_one),
		T(test_an_unknown_name_gives_line_and_nearest),
		T(test_a_bad_value_gives_line_name_and_range),
		T(test_a_text_that_would_do_harm_is_refused),
		T(test_bad_syntax_gives_the_line),
		T(test_the_line_is_right_behind_all_that_git_allows),
		T(test_an_include_that_cannot_be_read_is_an_error),
		T(test_a_file_without_end_is_refused),
		T(test_a_bad_override_is_quoted),
		T(test_numbers_are_written_with_the_largest_whole_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
