/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The script knows every command and option as it was built, and looks only for what changes:
 * profiles and runs. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/frame.h"
#include "cli/manual.h"
#include "config/config.h"
#include <string.h>

static const char values_function[] =
	"_fsqa_values() {\n"
	"\tlocal cur=$2 runs=${FSQA_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/fsqa}/runs\n"
	"\tcase $1 in\n"
	"\tfile) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"\tdir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"\tprofile) mapfile -t COMPREPLY < <(compgen -W \"$(fsqa profiles --names 2>/dev/null)\" "
	"-- \"$cur\"; compgen -d -- \"$cur\") ;;\n"
	"\trun) mapfile -t COMPREPLY < <(compgen -W \"latest $(cd \"$runs\" 2>/dev/null && "
	"echo *)\" -- \"$cur\") ;;\n"
	"\t*) mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\") ;;\n"
	"\tesac\n"
	"}\n";

static const char words_function[] =
	"_fsqa() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd='' i w\n"
	"\tCOMPREPLY=()\n"
	"\t# Bash splits --color=al into three words.\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=''\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n";

static bool shown(const struct command *c)
{
	return !(c->flags & COMMAND_HIDDEN);
}

/* What _fsqa_values is asked for; the caller's. */
static char *values(const char *kind)
{
	struct buf b = { 0 };
	size_t n = 0;
	const struct setting *s = config_settings(&n);
	if (kind && strcmp(kind, "setting") == 0) {
		for (size_t i = 0; i < n; i++)
			if (!strchr(s[i].name, '*'))
				buf_addf(&b, "%s%s", b.len ? " " : "", s[i].name);
	} else if (kind && strcmp(kind, "command") == 0) {
		for (size_t i = 0; commands[i]; i++)
			if (shown(commands[i]))
				buf_addf(&b, "%s%s", b.len ? " " : "", commands[i]->name);
	} else {
		for (; kind && *kind; kind++)
			buf_addc(&b, *kind == '|' ? ' ' : *kind);
	}
	return b.len ? buf_take(&b) : xstrdup("");
}

/* "-c|--config" */
static void option_pattern(FILE *out, const struct command_option *o)
{
	if (o->letter)
		fprintf(out, "-%c | ", o->letter);
	fprintf(out, "--%s", o->name);
}

static void option_values(FILE *out, const struct command_option *o)
{
	for (; o && o->name; o++) {
		if (!o->arg)
			continue;
		auto_free char *words = values(o->values);
		fputs("\t\t", out);
		option_pattern(out, o);
		fprintf(out, ") _fsqa_values '%s' \"$cur\"; return ;;\n", words);
	}
}

/* But --json, which only some commands understand. */
static void option_names(FILE *out, const struct command_option *o)
{
	for (; o && o->name; o++)
		if (!o->hidden && strcmp(o->name, "json") != 0)
			fprintf(out, " --%s", o->name);
}

/* The first words of commands, or the second ones of a group. */
static char *words_of(const char *group)
{
	auto_strv struct strv all = { 0 };
	for (size_t i = 0; commands[i]; i++) {
		const char *space = strchr(commands[i]->name, ' ');
		size_t n = strcspn(commands[i]->name, " ");
		if (!shown(commands[i]))
			continue;
		if (!group)
			strv_addf(&all, "%.*s", (int)n, commands[i]->name);
		else if (space && strlen(group) == n && strncmp(group, commands[i]->name, n) == 0)
			strv_add(&all, space + 1);
	}
	struct buf b = { 0 };
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			buf_addf(&b, "%s%s", b.len ? " " : "", all.v[i]);
	return b.len ? buf_take(&b) : xstrdup("");
}

/* Each group once: at the first command that it has; the caller's, or NULL. */
static char *group_at(size_t i)
{
	const char *space = strchr(commands[i]->name, ' ');
	if (!space)
		return NULL;
	char *group = xstrndup(commands[i]->name, (size_t)(space - commands[i]->name));
	for (size_t k = 0; k < i; k++) {
		if (strncmp(commands[k]->name, commands[i]->name, strlen(group) + 1) != 0)
			continue;
		mem_freep(&group);
		return NULL;
	}
	return group;
}

static void find_command(FILE *out)
{
	fputs(words_function, out);
	fputs("\t\t", out);
	for (const struct command_option *o = global_options; o->name; o++) {
		if (!o->arg)
			continue;
		fputs(o == global_options ? "" : " | ", out);
		option_pattern(out, o);
	}
	fputs(") ((i++)) ;;\n\t\t-*) ;;\n", out);
	for (size_t i = 0; commands[i]; i++) {
		auto_free char *group = group_at(i);
		if (group)
			fprintf(out,
				"\t\t%s) cmd=$w; ((i + 1 < COMP_CWORD)) && "
				"cmd+=\" ${COMP_WORDS[i + 1]}\"; break ;;\n",
				group);
	}
	fputs("\t\t*) cmd=$w; break ;;\n\t\tesac\n\tdone\n", out);
}

void manual_completion_bash(FILE *out)
{
	fputs("# bash completion of fsqa; printed by 'fsqa completion bash'.\n", out);
	fputs(values_function, out);
	find_command(out);
	fputs("\tcase $cmd in\n", out);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(out, "\t'%s')\n\t\tcase $prev in\n", commands[i]->name);
		option_values(out, commands[i]->options);
		fputs("\t\t*) ;;\n\t\tesac ;;\n", out);
	}
	fputs("\tesac\n\tcase $prev in\n", out);
	option_values(out, global_options);
	fputs("\tesac\n\tlocal options='", out);
	option_names(out, global_options);
	auto_free char *first = words_of(NULL);
	fprintf(out, "' words=''\n\tcase $cmd in\n\t'') words='%s' ;;\n", first);
	for (size_t i = 0; commands[i]; i++) {
		auto_free char *group = group_at(i);
		auto_free char *second = group ? words_of(group) : NULL;
		auto_free char *words = values(commands[i]->values);
		if (group)
			fprintf(out, "\t'%s') words='%s' ;;\n", group, second);
		fprintf(out, "\t'%s') words='%s'; options+='", commands[i]->name, words);
		option_names(out, commands[i]->options);
		fprintf(out, "%s' ;;\n", commands[i]->flags & COMMAND_JSON ? " --json" : "");
	}
	fputs("\tesac\n\t[[ $cur == -* ]] && words=$options\n"
	      "\t_fsqa_values \"$words\" \"$cur\"\n}\ncomplete -F _fsqa fsqa\n",
		out);
}
