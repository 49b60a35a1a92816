/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/manual.h"
#include "base/buf.h"
#include "base/mem.h"
#include "build_config.h"
#include "cli/frame.h"
#include "config/config.h"
#include <stdlib.h>
#include <string.h>

/* What both forms of the settings' manual begin with; a paragraph each. */
static const char *const settings_intro[] = {
	"Settings are written as git-config(1) describes: sections in brackets, then KEY = VALUE "
	"lines; # and ; start a comment. Names know no letter case; a subsection's name, as in "
	"[stage \"002_btrfsprogs\"], does.",
	"They are read from /etc/fsqa/fsqa.conf (FSQA_CONFIG_SYSTEM names another file), "
	"${XDG_CONFIG_HOME:-~/.config}/fsqa/fsqa.conf, the profile's fsqa.conf and -c KEY=VALUE "
	"options, in this order: the last one counts.",
	"[include] path = FILE reads another file at that place; a relative FILE starts at the "
	"folder "
	"of the file that names it. So a profile is forked: include the other's fsqa.conf first, "
	"then override. A missing file is an error.",
	"A size is a number with K, M, G or T (powers of 1024), else bytes. A duration is a number "
	"with ms, s, m, h or d. A list is words, and paths are one a line; several lines of one "
	"key add up, and an empty value forgets those before. A relative path starts at the folder "
	"of the file that has it; ~/ is the home folder.",
	"An unknown name, a bad unit or a value out of range is an error with file and line. "
	"'fsqa config list' shows every value and where it comes from; 'fsqa config check' reads a "
	"whole profile.",
};

/* ", 128M to 16T", ": auto, kvm, tcg", or ""; the caller's. */
static char *range_text(const struct setting *s)
{
	struct buf b = { 0 };
	if (s->type == SETTING_CHOICE) {
		for (const char *p = s->choices; *p; p++)
			buf_addf(&b, "%s%.*s", p == s->choices ? ": " : "", *p == '|' ? 2 : 1,
				*p == '|' ? ", " : p);
	} else if (s->max) {
		auto_free char *low = config_number_text(s, s->min);
		auto_free char *high = config_number_text(s, s->max);
		buf_addf(&b, ", %s to %s", low, high);
	}
	return b.len ? buf_take(&b) : xstrdup("");
}

/* A bare number's unit, where that is not obvious: "; a bare number is minutes". */
static const char *bare_text(const struct setting *s)
{
	return s->type == SETTING_DURATION && s->bare_us == 1000000 ? "; a bare number is seconds"
								    : "";
}

/* ---- roff ---- */

/* Text that no roff reader takes for a request or an escape. A '-' of an option must stay one. */
static void roff(FILE *out, const char *s)
{
	bool start = true;
	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", out);
		start = *s == '\n';
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else if (*s == '\'')
			fputs("\\(aq", out);
		else if (*s == '~')
			fputs("\\(ti", out);
		else if (*s == '^')
			fputs("\\(ha", out);
		else
			fputc(*s, out);
	}
}

/* One macro line, ".B TEXT", the text quoted. */
static void macro(FILE *out, const char *name, const char *text)
{
	fprintf(out, ".%s \"", name);
	for (; *text; text++) {
		char c[2] = { *text, 0 };
		if (*text == '"')
			fputs("\\(dq", out);
		else
			roff(out, c);
	}
	fputs("\"\n", out);
}

static void head(FILE *out, const char *name, const char *section, const char *what)
{
	fprintf(out, ".\\\" Printed by fsqa from its own tables; do not edit.\n");
	fprintf(out, ".TH %s %s \"\" \"fsqa %s\" \"fsqa manual\"\n", name, section, FSQA_VERSION);
	fprintf(out, ".nh\n.ad l\n.SH NAME\n");
	roff(out, what);
	fputc('\n', out);
}

static void paragraph(FILE *out, const char *text)
{
	fputs(".PP\n", out);
	roff(out, text);
	fputc('\n', out);
}

static void paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		auto_free char *one = xstrndup(text, n);
		paragraph(out, one);
		text += n;
		text += strspn(text, "\n");
	}
}

static void options(FILE *out, const struct command_option *o)
{
	for (; o && o->name; o++) {
		if (o->hidden)
			continue;
		auto_free char *text = cli_option_text(o);
		fputs(".TP\n", out);
		macro(out, "B", text);
		roff(out, o->help);
		fputs(".\n", out);
	}
}

static void examples(FILE *out, const struct command_example *x)
{
	for (; x && x->line; x++) {
		fputs(".TP\n", out);
		macro(out, "I", x->line);
		roff(out, x->what);
		fputs(".\n", out);
	}
}

void manual_commands_man(FILE *out)
{
	head(out, "FSQA", "1", "fsqa - quality assurance for Linux filesystems");
	macro(out, "SH", "SYNOPSIS");
	macro(out, "B", "fsqa [options] COMMAND [options] [arguments]");
	macro(out, "SH", "DESCRIPTION");
	paragraph(out, "fsqa boots a kernel in a virtual machine, runs a profile's stages on "
		       "scratch disks, "
		       "records every terminal, judges each test and reports.");
	macro(out, "SH", "OPTIONS");
	paragraph(out, "These stand before or behind the command.");
	options(out, global_options);
	macro(out, "SH", "COMMANDS");
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		if (c->flags & COMMAND_HIDDEN)
			continue;
		auto_free char *usage = cli_usage_line(c);
		macro(out, "SS", usage);
		auto_free char *summary = xasprintf("%s.", c->summary);
		summary[0] = (char)(summary[0] & ~0x20); /* a letter: its capital */
		paragraph(out, summary);
		paragraphs(out, c->help);
		options(out, c->options);
		examples(out, c->examples);
	}
	macro(out, "SH", "EXIT STATUS");
	static const char *const codes[][2] = {
		{ "0", "all went well" },
		{ "1", "tests failed" },
		{ "2", "wrong usage or configuration" },
		{ "3", "the infrastructure failed: no verdict" },
		{ "130", "interrupted by Ctrl-C" },
	};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		fprintf(out, ".TP\n.B %s\n%s.\n", codes[i][0], codes[i][1]);
	macro(out, "SH", "ENVIRONMENT");
	static const char *const variables[][2] = {
		{ "FSQA_STATE", "folder of runs, kernels and images, unless --state says another" },
		{ "FSQA_PROFILES", "folders to look for profiles in, with ':' between" },
		{ "FSQA_CONFIG_SYSTEM", "instead of /etc/fsqa/fsqa.conf; empty: none" },
		{ "NO_COLOR", "set to anything: no colour" },
	};
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		fprintf(out, ".TP\n.B %s\n", variables[i][0]);
		roff(out, variables[i][1]);
		fputs(".\n", out);
	}
	macro(out, "SH", "SEE ALSO");
	fputs(".BR fsqa.conf (5),\n.BR git-config (1),\n.BR qemu-system-x86_64 (1)\n", out);
}

/* The manual writes X for a subsection, not the table's star; the caller's. */
static char *shown_name(const struct setting *s)
{
	char *name = xstrdup(s->name);
	char *star = strchr(name, '*');
	if (star)
		*star = 'X';
	return name;
}

void manual_settings_man(FILE *out)
{
	head(out, "FSQA.CONF", "5", "fsqa.conf - settings of fsqa");
	macro(out, "SH", "DESCRIPTION");
	for (size_t i = 0; i < ARRAY_LEN(settings_intro); i++)
		paragraph(out, settings_intro[i]);
	macro(out, "SH", "SETTINGS");
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	for (size_t i = 0; i < n; i++) {
		auto_free char *name = shown_name(&s[i]);
		auto_free char *range = range_text(&s[i]);
		auto_free char *what = xasprintf("%s%s%s%s%s", config_type_name(s[i].type), range,
			bare_text(&s[i]), s[i].def ? ", default " : "", s[i].def ? s[i].def : "");
		fputs(".TP\n", out);
		macro(out, "B", name);
		roff(out, s[i].help);
		fputs(".\n(", out);
		roff(out, what);
		fputs(")\n", out);
		if (!s[i].example)
			continue;
		auto_free char *example = xasprintf("Example: %s", s[i].example);
		fputs(".br\n", out);
		roff(out, example);
		fputc('\n', out);
	}
	macro(out, "SH", "SEE ALSO");
	fputs(".BR fsqa (1),\n.BR git-config (1)\n", out);
}

/* ---- markdown ---- */

/* Text of a table's cell: what Markdown or HTML would read is taken as it stands. */
static void cell(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("|*_<>[]\\`", *s))
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void row(FILE *out, const struct setting *s)
{
	auto_free char *name = shown_name(s);
	auto_free char *range = range_text(s);
	fprintf(out, "| `%s` | %s%s%s | ", name, config_type_name(s->type), range, bare_text(s));
	if (s->def)
		fprintf(out, "`%s`", s->def);
	fputs(" | ", out);
	cell(out, s->help);
	if (s->example)
		fprintf(out, "; for example `%s`", s->example);
	fputs(" |\n", out);
}

void manual_settings_markdown(FILE *out)
{
	fputs("<!-- Printed by 'fsqa config list --markdown' from src/config/settings.c;\n"
	      "     do not edit: 'ninja -C build manual' writes it again. -->\n\n"
	      "# Settings\n",
		out);
	for (size_t i = 0; i < ARRAY_LEN(settings_intro); i++) {
		fputc('\n', out);
		for (const char *p = settings_intro[i]; *p; p++) {
			if (strchr("*_<>[]|`", *p))
				fputc('\\', out);
			fputc(*p, out);
		}
		fputc('\n', out);
	}
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	const char *section = "";
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(s[i].name, ".");
		if (strlen(section) < len || strncmp(section, s[i].name, len + 1) != 0) {
			section = s[i].name;
			fprintf(out, "\n## %.*s\n\n| setting | value | default | meaning |\n",
				(int)len, section);
			fputs("|---|---|---|---|\n", out);
		}
		row(out, &s[i]);
	}
}
