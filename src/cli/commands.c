/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"
#include <string.h>

extern const struct command cmd_compare, cmd_completion, cmd_config_check, cmd_config_get,
	cmd_config_list, cmd_decode, cmd_doctor, cmd_exec, cmd_export, cmd_gc, cmd_gdb, cmd_help,
	cmd_image_build, cmd_image_list, cmd_image_rm, cmd_image_show, cmd_isolate,
	cmd_kernel_build, cmd_kernel_list, cmd_kernel_path, cmd_kernel_rm, cmd_kernel_show,
	cmd_kill, cmd_list, cmd_logs, cmd_man, cmd_play, cmd_profiles, cmd_ps, cmd_rebuild_index,
	cmd_report, cmd_repro, cmd_run, cmd_runs, cmd_shell, cmd_show, cmd_ssh, cmd_version;

const struct command *const commands[] = {
	&cmd_run,
	&cmd_list,
	&cmd_shell,
	&cmd_exec,
	&cmd_gdb,
	&cmd_ssh,
	&cmd_ps,
	&cmd_kill,
	&cmd_runs,
	&cmd_show,
	&cmd_compare,
	&cmd_repro,
	&cmd_isolate,
	&cmd_logs,
	&cmd_decode,
	&cmd_play,
	&cmd_report,
	&cmd_export,
	&cmd_rebuild_index,
	&cmd_image_build,
	&cmd_image_list,
	&cmd_image_show,
	&cmd_image_rm,
	&cmd_kernel_build,
	&cmd_kernel_list,
	&cmd_kernel_show,
	&cmd_kernel_path,
	&cmd_kernel_rm,
	&cmd_gc,
	&cmd_doctor,
	&cmd_profiles,
	&cmd_config_list,
	&cmd_config_get,
	&cmd_config_check,
	&cmd_completion,
	&cmd_help,
	&cmd_version,
	&cmd_man,
	NULL,
};

const struct command_option global_options[] = {
	{ "config", 'c', "KEY=VALUE", "override one setting, e.g. -c vm.memory=4G", "setting", 1 },
	{ "state", 0, "DIR", "keep runs, kernels and images in DIR", "dir" },
	{ "directory", 'C', "DIR", "work as if started in DIR", "dir" },
	{ "json", 0, NULL, "print one JSON document for programs" },
	{ "verbose", 'v', NULL, "say more; twice: everything", NULL, 1 },
	{ "quiet", 'q', NULL, "say only what went wrong" },
	{ "color", 0, "WHEN", "colour the output: auto, always or never", "auto|always|never" },
	{ "help", 'h', NULL, "print help" },
	{ "version", 0, NULL, "print the version" },
	{ 0 },
};

/* 1 or 2: the words of `name` that argv starts with; 0: it does not. */
static int match(const char *name, int argc, char *const *argv)
{
	const char *space = strchr(name, ' ');
	if (!space)
		return argc >= 1 && strcmp(argv[0], name) == 0 ? 1 : 0;
	size_t n = (size_t)(space - name);
	if (argc < 2 || strlen(argv[0]) != n || strncmp(argv[0], name, n) != 0)
		return 0;
	return strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_find(int argc, char *const *argv, int *ret_words)
{
	for (size_t i = 0; commands[i]; i++) {
		int words = match(commands[i]->name, argc, argv);
		if (words == 0)
			continue;
		*ret_words = words;
		return commands[i];
	}
	return NULL;
}

int command_is_group(const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; commands[i]; i++)
		if (strncmp(commands[i]->name, word, n) == 0 && commands[i]->name[n] == ' ')
			return 1;
	return 0;
}
