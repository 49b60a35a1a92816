/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/copies.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "run/prepare.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes `text`, which may be NULL. */
static char *hold(struct copies *c, char *text)
{
	c->texts = xrealloc(c->texts, (c->n_texts + 1) * sizeof c->texts[0]);
	return c->texts[c->n_texts++] = text;
}

static bool is_empty_folder(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *de = NULL;
	unsigned n = 0;
	while (d && n < 3 && (de = readdir(d)))
		n++;
	if (d)
		closedir(d);
	return d && n == 2; /* "." and ".." */
}

static int read_put(struct cli *cli, struct copies *c, const char *value)
{
	char *from = hold(c, xstrdup(value));
	/* The last colon that a path there follows: one here may have colons. */
	char *colon = strrchr(from, ':');
	while (colon && colon[1] != '/') {
		*colon = '\0';
		char *before = strrchr(from, ':');
		*colon = ':';
		colon = before;
	}
	if (!colon || colon == from)
		return cli_usage(cli, "--put %s: it is FROM:/ABSOLUTE/PATH", value);
	*colon = '\0';
	char *real = hold(c, realpath(from, NULL));
	if (!real)
		return cli_errorf(cli, CLI_USAGE, "--put %s: %s", from, strerror(errno));
	char *to = colon + 1;
	if (to[strlen(to) - 1] == '/')
		to = hold(c, path_join(to, path_base(real)));
	c->put[c->n_put++] = (struct prepare_copy){ real, to };
	return 0;
}

static int read_get(struct cli *cli, struct copies *c, const char *value)
{
	struct err e = { 0 };
	char *from = hold(c, xstrdup(value));
	char *colon = strchr(from, ':');
	if (from[0] != '/' || !colon || !colon[1])
		return cli_usage(cli, "--get %s: it is /ABSOLUTE/PATH:FOLDER", value);
	*colon = '\0';
	if (file_mkdirs(colon + 1, 0755, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	char *real = hold(c, realpath(colon + 1, NULL));
	if (!real || !is_empty_folder(real))
		return cli_errorf(cli, CLI_USAGE,
			"--get %s: the folder is not empty, and nothing is overwritten", colon + 1);
	c->fetch[c->n_fetch++] = (struct prepare_copy){ from, real };
	return 0;
}

int copies_read(struct cli *cli, struct copies *ret)
{
	const char *const *puts = cli_values(cli, "put");
	const char *const *fetch = cli_values(cli, "get");
	size_t n = 0;
	size_t m = 0;
	while (puts[n])
		n++;
	while (fetch[m])
		m++;
	*ret = (struct copies){ .put = xcalloc(n + 1, sizeof *ret->put),
		.fetch = xcalloc(m + 1, sizeof *ret->fetch) };
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = read_put(cli, ret, puts[i]);
	for (size_t i = 0; i < m && rc == 0; i++)
		rc = read_get(cli, ret, fetch[i]);
	return rc;
}

void copies_clear(struct copies *c)
{
	for (size_t i = 0; i < c->n_fetch; i++)
		(void)rmdir(c->fetch[i].to); /* what was fetched keeps it */
	for (size_t i = 0; i < c->n_texts; i++)
		free(c->texts[i]);
	free(c->texts);
	free(c->put);
	free(c->fetch);
	*c = (struct copies){ 0 };
}
