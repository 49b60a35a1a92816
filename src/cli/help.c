/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/frame.h"
#include <stdlib.h>
#include <string.h>

#define WIDTH    80
#define MAX_LEFT 28

char *cli_usage_line(const struct command *c)
{
	return xasprintf("fsqa %s [options]%s%s", c->name, *c->args ? " " : "", c->args);
}

char *cli_option_text(const struct command_option *o)
{
	char letter[] = "-x, ";
	letter[1] = o->letter;
	return xasprintf("%s--%s%s%s", o->letter ? letter : "", o->name, o->arg ? " " : "",
		o->arg ? o->arg : "");
}

/* One paragraph folded at WIDTH, every line but the first behind `indent` blanks, the cursor
 * being at `column` to begin with. */
static void fold(FILE *out, const char *text, size_t n, int indent, int column)
{
	auto_free char *copy = xstrndup(text, n);
	auto_strv struct strv words = { 0 };
	strv_split(&words, copy, " \n");
	for (size_t i = 0; i < words.n; i++) {
		int w = (int)cli_text_width(words.v[i]);
		if (i && column + 1 + w > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (i) {
			fputc(' ', out);
			column++;
		}
		fputs(words.v[i], out);
		column += w;
	}
	fputc('\n', out);
}

static void paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		fputc('\n', out);
		fold(out, text, n, 0, 0);
		text += n;
		text += strspn(text, "\n");
	}
}

static void heading(const struct cli *cli, FILE *out, const char *text)
{
	fprintf(out, "\n%s%s%s\n", cli_color_on(cli, out, CLI_BOLD), text, cli_color_off(cli, out));
}

static void pair(FILE *out, const char *left, const char *right, int left_width)
{
	fprintf(out, "  %s", left);
	int used = (int)cli_text_width(left);
	if (used > left_width)
		fprintf(out, "\n%*s", left_width + 4, "");
	else
		fprintf(out, "%*s", left_width - used + 2, "");
	fold(out, right, strlen(right), left_width + 4, left_width + 4);
}

static int wider(int width, const char *text)
{
	int w = (int)cli_text_width(text);
	return w > width && w <= MAX_LEFT ? w : width;
}

/* `c` (or NULL): a command without --json does not show it. */
static bool shown(const struct command_option *o, const struct command *c)
{
	return !o->hidden && !(c && !(c->flags & COMMAND_JSON) && strcmp(o->name, "json") == 0);
}

static void options(const struct cli *cli, FILE *out, const char *title,
	const struct command_option *table, const struct command *c)
{
	int width = 0;
	bool any = false;
	for (const struct command_option *o = table; o && o->name; o++) {
		auto_free char *left = cli_option_text(o);
		width = wider(width, left);
		any |= shown(o, c);
	}
	if (!any)
		return;
	heading(cli, out, title);
	for (const struct command_option *o = table; o->name; o++) {
		if (!shown(o, c))
			continue;
		auto_free char *left = cli_option_text(o);
		pair(out, left, o->help, width);
	}
}

static void one(const struct cli *cli, FILE *out, const struct command *c)
{
	auto_free char *usage = cli_usage_line(c);
	fprintf(out, "%sfsqa %s%s - %s\n\nUsage: %s\n", cli_color_on(cli, out, CLI_BOLD), c->name,
		cli_color_off(cli, out), c->summary, usage);
	paragraphs(out, c->help);
	options(cli, out, "Options", c->options, c);
	options(cli, out, "Options of every command", global_options, c);
	if (c->examples)
		heading(cli, out, "Examples");
	for (const struct command_example *x = c->examples; x && x->line; x++)
		fprintf(out, "  %s\n      %s\n", x->line, x->what);
}

/* The commands of a group, or all (NULL). false: there are none. */
static bool list(const struct cli *cli, FILE *out, const char *group)
{
	int width = 0;
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & COMMAND_HIDDEN))
			width = wider(width, commands[i]->name);
	size_t n = group ? strlen(group) : 0;
	bool any = false;
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		if (c->flags & COMMAND_HIDDEN)
			continue;
		if (group && (strncmp(c->name, group, n) != 0 || c->name[n] != ' '))
			continue;
		if (!any)
			heading(cli, out, "Commands");
		any = true;
		pair(out, c->name, c->summary, width);
	}
	return any;
}

bool cli_help(const struct cli *cli, FILE *out, const char *name)
{
	for (size_t i = 0; name && commands[i]; i++) {
		if (strcmp(commands[i]->name, name) != 0)
			continue;
		one(cli, out, commands[i]);
		return true;
	}
	if (name && !command_is_group(name))
		return false;
	if (name)
		fprintf(out, "Usage: fsqa %s COMMAND [options]\n", name);
	else
		fprintf(out,
			"fsqa tests Linux filesystems: it boots a kernel in a virtual machine, runs"
			" a\nprofile's stages on scratch disks, records every terminal and "
			"reports.\n\n"
			"Usage: fsqa [options] COMMAND [options] [arguments]\n");
	list(cli, out, name);
	options(cli, out, "Options of every command", global_options, NULL);
	fprintf(out, "\n'fsqa help COMMAND' tells more of one, with examples.\n");
	return true;
}
