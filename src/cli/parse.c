/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "cli/frame.h"
#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* Above any letter, so that getopt_long's result tells a long option from a short one. */
#define LONG_BASE 256
#define MAX_KNOWN 64

/* What getopt_long wants, made of our tables. */
struct known {
	const struct command_option *of[MAX_KNOWN];
	struct option longs[MAX_KNOWN + 1];
	struct buf shorts;
	int n;
};

static void add_known(struct known *k, const struct command_option *o)
{
	for (; o && o->name; o++) {
		assert(k->n < MAX_KNOWN);
		k->of[k->n] = o;
		k->longs[k->n] = (struct option){ o->name, o->arg ? required_argument : no_argument,
			NULL, LONG_BASE + k->n };
		k->n++;
		if (!o->letter)
			continue;
		assert(!strchr(buf_str(&k->shorts), o->letter));
		buf_addc(&k->shorts, o->letter);
		if (o->arg)
			buf_addc(&k->shorts, ':');
	}
}

static const struct command_option *by_code(const struct known *k, int code)
{
	if (code >= LONG_BASE)
		return k->of[code - LONG_BASE];
	for (int i = 0; i < k->n; i++)
		if (k->of[i]->letter == code)
			return k->of[i];
	return NULL;
}

static const struct command_option *global_option(const char *name)
{
	const struct command_option *o = global_options;
	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

static bool is_choice(const char *values)
{
	return values && strchr(values, '|');
}

static int check_value(const struct cli *cli, const struct command_option *o, const char *value)
{
	if (!o->arg || !is_choice(o->values))
		return CLI_GOOD;
	auto_strv struct strv choices = { 0 };
	strv_split(&choices, o->values, "|");
	if (strv_find(&choices, value) < choices.n)
		return CLI_GOOD;
	return cli_usage(cli, "--%s is '%s': not one of %s", o->name, value, o->values);
}

static int give(struct cli *cli, const struct command_option *o, const char *value)
{
	cli->given = xrealloc(cli->given, (cli->n_given + 1) * sizeof *cli->given);
	cli->given[cli->n_given++] = (struct cli_given){ o, value };
	return check_value(cli, o, value);
}

/* getopt_long returned '?': say what is wrong with the word it stopped at. */
static int refuse(const struct cli *cli, const struct known *k, const char *word)
{
	if (optopt >= LONG_BASE)
		return cli_usage(cli, "--%s takes no value", by_code(k, optopt)->name);
	if (optopt)
		return cli_usage(cli, "unknown option -%c", optopt);
	auto_strv struct strv names = { 0 };
	for (int i = 0; i < k->n; i++)
		if (!k->of[i]->hidden)
			strv_addf(&names, "--%s", k->of[i]->name);
	auto_free char *bare = xstrndup(word, strcspn(word, "="));
	size_t starts = 0;
	for (size_t i = 0; i < names.n; i++)
		starts += strncmp(names.v[i], bare, strlen(bare)) == 0;
	if (starts > 1)
		return cli_usage(cli, "option %s is short for several", bare);
	auto_free char *hint = nearest_hint(bare, strv_get(&names));
	return cli_usage(cli, "unknown option %s%s", bare, hint);
}

/* Read options of `argv` (argv[0] is skipped); *ret_next is the first word that is none.
 * in_order: stop there, else words are moved behind the options. */
static int read_options(struct cli *cli, const struct command_option *more, bool in_order, int argc,
	char **argv, int *ret_next)
{
	struct known k = { 0 };
	buf_adds(&k.shorts, in_order ? "+:" : ":");
	add_known(&k, global_options);
	add_known(&k, more);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	int rc = CLI_GOOD;
	while (rc == CLI_GOOD) {
		int code = getopt_long(argc, argv, buf_str(&k.shorts), k.longs, NULL);
		if (code == -1)
			break;
		if (code == '?') {
			rc = refuse(cli, &k, argv[optind - 1]);
		} else if (code == ':') {
			const struct command_option *o = by_code(&k, optopt);
			rc = cli_usage(
				cli, "--%s wants a value: --%s %s", o->name, o->name, o->arg);
		} else {
			rc = give(cli, by_code(&k, code), optarg);
		}
	}
	buf_clear(&k.shorts);
	*ret_next = optind;
	return rc;
}

static int unknown_command(const struct cli *cli, int argc, char **argv)
{
	auto_strv struct strv names = { 0 };
	auto_buf struct buf known = { 0 };
	bool group = command_is_group(argv[0]);
	size_t skip = group ? strlen(argv[0]) + 1 : 0;
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->flags & COMMAND_HIDDEN)
			continue;
		if (group && (strncmp(commands[i]->name, argv[0], skip - 1) != 0 ||
				     commands[i]->name[skip - 1] != ' '))
			continue;
		const char *name = commands[i]->name + skip;
		strv_addf(&names, "%.*s", (int)strcspn(name, " "), name);
		buf_addf(&known, "%s%s", known.len ? ", " : "", commands[i]->name + skip);
	}
	if (group && argc < 2)
		return cli_usage(cli, "'%s' wants a command: %s", argv[0], buf_str(&known));
	const char *word = group ? argv[1] : argv[0];
	auto_free char *hint = nearest_hint(word, strv_get(&names));
	return cli_usage(cli, "unknown command '%s%s%s'%s", group ? argv[0] : "", group ? " " : "",
		word, hint);
}

static int check_count(const struct cli *cli)
{
	const struct command *c = cli->command;
	if (cli->argc >= 0 && (unsigned)cli->argc > c->max_args)
		return cli_usage(cli, "too many arguments: '%s'", cli->argv[c->max_args]);
	if ((unsigned)cli->argc < c->min_args)
		return cli_usage(cli, "%s wants %s", c->name, c->args);
	if (cli_flag(cli, "json") && !(c->flags & COMMAND_JSON))
		return cli_usage(cli, "%s has no --json", c->name);
	return CLI_GOOD;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	cli->command_line = strv_shell((const char *const *)argv);
	int next = argc;
	int rc = read_options(cli, NULL, true, argc, argv, &next);
	if (rc != CLI_GOOD || next >= argc)
		return rc;
	argc -= next;
	argv += next;
	cli->argc = argc;
	cli->argv = argv;
	/* "fsqa --help WORDS" is answered whatever the words are. */
	if (cli_flag(cli, "help") || cli_flag(cli, "version"))
		return CLI_GOOD;
	const struct command *c = command_find(argc, argv, &cli->words);
	if (!c && command_is_group(argv[0]) && argc > 1 &&
		(strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return give(cli, global_option("help"), NULL);
	if (!c)
		return unknown_command(cli, argc, argv);
	cli->command = c;
	/* The last word of the name stands where getopt expects the program's. */
	argc -= cli->words - 1;
	argv += cli->words - 1;
	rc = read_options(cli, c->options, false, argc, argv, &next);
	if (rc != CLI_GOOD)
		return rc;
	cli->argc = argc - next;
	cli->argv = argv + next;
	if (cli_flag(cli, "help") || cli_flag(cli, "version"))
		return CLI_GOOD;
	return check_count(cli);
}

void cli_clear(struct cli *cli)
{
	for (size_t i = 0; i < cli->n_values; i++)
		free(cli->values[i]);
	free(cli->values);
	free(cli->given);
	free(cli->command_line);
	*cli = (struct cli){ 0 };
}

static bool in_table(const struct command_option *o, const char *name)
{
	while (o && o->name && strcmp(o->name, name) != 0)
		o++;
	return o && o->name;
}

/* Whether a command asks for what its table, or the frame's, has. */
static bool may_ask(const struct cli *cli, const char *name)
{
	return in_table(global_options, name) ||
	       (cli->command && in_table(cli->command->options, name));
}

bool cli_flag(const struct cli *cli, const char *name)
{
	assert(may_ask(cli, name));
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].option->name, name) == 0)
			return true;
	return false;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	assert(may_ask(cli, name));
	for (size_t i = cli->n_given; i-- > 0;)
		if (strcmp(cli->given[i].option->name, name) == 0)
			return cli->given[i].value;
	return NULL;
}

const char *const *cli_values(struct cli *cli, const char *name)
{
	assert(may_ask(cli, name));
	const char **v = xcalloc(cli->n_given + 1, sizeof *v);
	size_t n = 0;
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].option->name, name) == 0)
			v[n++] = cli->given[i].value;
	cli->values = xrealloc(cli->values, (cli->n_values + 1) * sizeof *cli->values);
	cli->values[cli->n_values++] = v;
	return v;
}
