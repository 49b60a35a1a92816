/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "image/sources.h"

/* One stanza as apt-get indextargets prints it, cut to what is read. */
#define TARGET(uri, release, codename, origin, component, arch, entry)                             \
	"MetaKey: main/binary-amd64/Packages\nURI: " uri "dists/x\nCodename: " codename            \
	"\nLabel: x\nOrigin: " origin "\nSuite: stable\nArchitecture: " arch                       \
	"\nComponent: " component "\nCreated-By: Packages\nRelease: " release "\nRepo-URI: " uri   \
	"\nSourcesentry: " entry "\n\n"

static char *parsed(const char *targets)
{
	auto_strv struct strv lines = { 0 };
	sources_parse(targets, "bookworm", "amd64", &lines);
	char *all = xstrdup("");
	for (size_t i = 0; i < lines.n; i++) {
		char *more = xasprintf("%s%s\n", all, lines.v[i]);
		free(all);
		all = more;
	}
	return all;
}

static void test_debian_with_updates_and_security_is_taken(void **unused)
{
	auto_free char *lines = parsed(TARGET("http://m/debian/", "bookworm", "bookworm", "Debian",
		"main", "amd64", "/x:1") TARGET("http://m/debian/", "stable-updates",
		"bookworm-updates", "Debian", "main", "amd64", "/x:1") TARGET("http://s/",
		"bookworm-security", "bookworm-security", "Debian", "contrib", "amd64", "/x:2"));
	assert_string_equal(lines, "deb http://m/debian/ bookworm main\n"
				   "deb http://m/debian/ stable-updates main\n"
				   "deb http://s/ bookworm-security contrib\n");
}

static void test_foreign_backports_other_releases_and_arches_stay_out(void **unused)
{
	auto_free char *lines = parsed(TARGET("https://v/node/", "nodistro", "nodistro",
		". nodistro", "main", "amd64", "/x:1") TARGET("https://v/cloud/", "bookworm",
		"bookworm", "vendor", "main", "amd64", "/x:1") TARGET("http://m/debian/",
		"bookworm-backports", "bookworm-backports", "Debian", "main", "amd64", "/x:1")
			TARGET("http://m/debian/", "sid", "sid", "Debian", "main", "amd64", "/x:1")
				TARGET("http://m/debian/", "bookworm", "bookworm", "Debian", "main",
					"i386", "/x:1"));
	assert_string_equal(lines, "");
}

static void test_words_that_would_change_the_line_stay_out(void **unused)
{
	auto_free char *lines = parsed(TARGET("http://m/ [trusted=yes]", "bookworm", "bookworm",
		"Debian", "main", "amd64", "/x:1") "Origin: Debian\nArchitecture: amd64\n"
						   "Codename: bookworm\n\nrubbish");
	assert_string_equal(lines, "");
}

static void test_keys_come_from_the_entry_that_apt_names(void **unused)
{
	static const char list[] =
		"# one\ndeb [arch=amd64 signed-by=/k/a.gpg] http://m/ bookworm main\n";
	auto_free char *dir = test_folder();
	auto_free char *path = path_join(dir, "my.list");
	assert_int_equal(file_replace(path, list, strlen(list), 0644, NULL), 0);
	auto_free char *target = xasprintf(
		TARGET("http://m/", "bookworm", "bookworm", "Debian", "main", "amd64", "%s:2"),
		path);
	auto_free char *lines = parsed(target);
	assert_string_equal(lines, "deb [signed-by=/k/a.gpg] http://m/ bookworm main\n");
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void options(const char *expected, const char *text, bool deb822, unsigned number)
{
	auto_free char *o = sources_options(text, deb822, number);
	assert_string_equal(o, expected);
}

static void test_options_of_both_formats(void **unused)
{
	static const char list[] = "deb [ signed-by=/k/a.gpg trusted=yes ] http://m/ b main\n"
				   "deb http://m/ b main\ndeb [signed-by=/k/c.gpg";
	options("[signed-by=/k/a.gpg trusted=yes] ", list, false, 1);
	options("", list, false, 2);
	options("", list, false, 3);
	options("", list, false, 99);
	static const char sources[] = "# about\n\nTypes: deb\n# comment\nURIs: http://m/\n"
				      "Signed-By: /k/a.gpg\n\n\nTypes: deb\nSuites: b\n"
				      "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n"
				      "Trusted: yes\n\nTypes: deb\nSigned-By: k.gpg\n";
	options("[signed-by=/k/a.gpg] ", sources, true, 1);
	options("[trusted=yes] ", sources, true, 2);
	options("", sources, true, 3);
	options("", sources, true, 4);
}

static void test_settings_that_reach_the_mirror_are_kept(void **unused)
{
	auto_strv struct strv o = { 0 };
	sources_settings("APT::Architecture \"amd64\";\nAcquire::http::Proxy \"http://p:3128\";\n"
			 "Acquire::http::Proxy::m \"DIRECT\";\nAcquire::https::Timeout \"9\";\n"
			 "Acquire::Check-Valid-Until \"false\";\nAcquire::Check-Date \"false\";\n"
			 "Acquire::http::Proxy-Auto-Detect \"/bin/p\";",
		&o);
	assert_int_equal(o.n, 5);
	assert_string_equal(o.v[0], "Acquire::http::Proxy \"http://p:3128\";");
	assert_string_equal(o.v[4], "Acquire::http::Proxy-Auto-Detect \"/bin/p\";");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debian_with_updates_and_security_is_taken),
		cmocka_unit_test(test_foreign_backports_other_releases_and_arches_stay_out),
		cmocka_unit_test(test_words_that_would_change_the_line_stay_out),
		cmocka_unit_test(test_keys_come_from_the_entry_that_apt_names),
		cmocka_unit_test(test_options_of_both_formats),
		cmocka_unit_test(test_settings_that_reach_the_mirror_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
