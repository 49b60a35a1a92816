/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/entries.h"
#include "base/err.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/cli.h"
#include <stdbool.h>
#include <string.h>

int entries_pick(struct cli *cli, const struct entries_kind *kind, const json_t *all,
	const char *id, json_t **ret)
{
	size_t i;
	json_t *x;
	size_t n = strlen(id);
	json_t *found = json_find(all, "key", id);
	bool twice = false;
	json_array_foreach (all, i, x) {
		const char *key = json_str_or(x, "key", "");
		const char *hash = strrchr(key, '-');
		bool match = strncmp(key, id, n) == 0 || (hash && !strncmp(hash + 1, id, n));
		if (n < 4 || !match || (found && strcmp(json_str_or(found, "key", ""), id) == 0))
			continue;
		twice = twice || found;
		found = x;
	}
	if (twice)
		return cli_errorf(cli, CLI_USAGE, "%s: more than one %s begins so", id, kind->name);
	if (!found)
		return cli_errorf(cli, CLI_USAGE, "%s: no such %s; fsqa %s list has all", id,
			kind->name, kind->name);
	*ret = found;
	return CLI_GOOD;
}

int entries_remove_one(
	struct cli *cli, const struct entries_kind *kind, const char *state_dir, const char *key)
{
	struct err e = { 0 };
	char size[PARSE_SIZE_TEXT];
	uint64_t bytes;
	if (kind->remove(state_dir, key, &bytes, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	cli_note(cli, "Removed %s: %s", key, parse_size_text(bytes, size));
	return CLI_GOOD;
}

int entries_remove(struct cli *cli, const struct entries_kind *kind, const char *state_dir,
	const json_t *all, char **ids)
{
	int worst = CLI_GOOD;
	json_t *x;
	for (size_t i = 0; ids[i]; i++)
		if (entries_pick(cli, kind, all, ids[i], &x) != CLI_GOOD)
			return CLI_USAGE;
	for (size_t i = 0; ids[i]; i++) {
		int rc = entries_pick(cli, kind, all, ids[i], &x);
		if (rc == CLI_GOOD)
			rc = entries_remove_one(cli, kind, state_dir, json_str_or(x, "key", ""));
		worst = rc > worst ? rc : worst;
	}
	return worst;
}
