/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "cli/play.h"
#include "cli/results.h"
#include "cli/table.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

#define SCRIPT "script."

/* "002_btrfsprogs" of "script.002_btrfsprogs". */
static const char *short_name(const char *test)
{
	return strncmp(test, SCRIPT, strlen(SCRIPT)) == 0 ? test + strlen(SCRIPT) : test;
}

/* The last recording of the stage that `text` names, whole or by a start. */
static int find_cast(struct cli *cli, const struct run_info *r, const char *text,
	const struct run_artifact **ret)
{
	auto_strv struct strv names = { 0 };
	const struct run_artifact *best = NULL;
	const char *want = short_name(text);
	bool exact = false;
	bool several = false;
	for (size_t i = 0; i < r->n_artifacts; i++) {
		const struct run_artifact *a = &r->artifacts[i];
		const char *name = short_name(a->test);
		if (strcmp(a->kind, "cast") != 0)
			continue;
		strv_add(&names, name);
		bool same = strcmp(name, want) == 0;
		if (!same && (exact || strncmp(name, want, strlen(want)) != 0))
			continue;
		exact |= same;
		several = !exact && best && (several || strcmp(best->test, a->test) != 0);
		best = a;
	}
	if (several)
		return cli_errorf(cli, CLI_USAGE, "\"%s\" may be several stages; %s is one", text,
			short_name(best->test));
	if (!best) {
		auto_free char *hint = nearest_hint(text, strv_get(&names));
		return cli_errorf(cli, CLI_USAGE, "run %s has no recording of a stage \"%s\"%s",
			r->id, text, hint);
	}
	*ret = best;
	return CLI_GOOD;
}

/* The artifact as a file without a name. */
static int unpack(const struct run_info *r, const struct run_artifact *a, int *ret, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *path = xasprintf("%s/fsqa-play-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	auto_close int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "make %s", path);
	(void)unlink(path); /* at worst a file stays in a folder for such */
	int rc = run_artifact_write(r, a, fd, e);
	if (rc < 0)
		return err_wrap(e, "recording of %s", a->test);
	*ret = take_fd(&fd);
	return 0;
}

/* A file, or a run's stage "latest/002". CLI_GOOD and *ret_fd, the caller's. */
static int open_recording(struct cli *cli, const char *what, int *ret_fd)
{
	struct err e = { 0 };
	const char *slash = strchr(what, '/');
	int fd = open(what, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		*ret_fd = fd;
		return CLI_GOOD;
	}
	bool absent = errno == ENOENT || errno == ENOTDIR;
	(void)err_sys(&e, "%s", what);
	if (!absent || !slash || slash == what || !slash[1] || *what == '.')
		return cli_error(cli, CLI_USAGE, &e);
	auto_free char *run = xstrndup(what, (size_t)(slash - what));
	auto_run_info struct run_info *r = NULL;
	const struct run_artifact *a = NULL;
	int code = results_read(cli, run, &r);
	if (code == CLI_GOOD)
		code = find_cast(cli, r, slash + 1, &a);
	if (code != CLI_GOOD)
		return code;
	return unpack(r, a, ret_fd, &e) < 0 ? cli_error(cli, CLI_INFRA, &e) : CLI_GOOD;
}

static json_int_t in_us(double s)
{
	return s < 1e9 ? (json_int_t)(s * 1e6 + 0.5) : INT64_MAX;
}

static void list_marks(struct cli *cli, const struct play_marks *m)
{
	if (cli_wants_json(cli)) {
		json_t *list = json_array();
		for (size_t i = 0; i < m->n; i++)
			json_array_append_new(
				list, json_pack("{s:I, s:s}", "at_us", in_us(m->v[i].at_s), "label",
					      m->v[i].label));
		cli_print_json(cli,
			json_pack("{s:i, s:i, s:I, s:o}", "columns", (int)m->cols, "rows",
				(int)m->rows, "duration_us", in_us(m->duration_s), "marks", list));
		return;
	}
	auto_table struct table *t = table_new(">AT", "MARK", NULL);
	for (size_t i = 0; i < m->n; i++) {
		table_cell(t, CLI_DIM, "%.3f", m->v[i].at_s);
		table_cell(t, CLI_PLAIN, "%s", m->v[i].label);
	}
	if (m->n)
		table_print(cli, t);
	else
		cli_note(cli, "No markers.");
}

static int read_number(struct cli *cli, const char *option, double *ret)
{
	const char *text = cli_value(cli, option);
	if (text && (strchr(text, ':') || !play_seconds(text, ret)))
		return cli_usage(cli, "--%s %s: a number such as 2 or 0.5 is wanted", option, text);
	return CLI_GOOD;
}

static void warn_of_size(const struct cli *cli, const struct play_marks *m)
{
	struct winsize w = { 0 };
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col &&
		(w.ws_col < m->cols || w.ws_row < m->rows))
		cli_warn(cli, "recorded on %ux%u, this terminal is %ux%u: it may look broken",
			m->cols, m->rows, w.ws_col, w.ws_row);
}

static int show(struct cli *cli, int fd, struct play_spec *spec, const struct play_marks *m)
{
	struct err e = { 0 };
	warn_of_size(cli, m);
	spec->in = isatty(STDIN_FILENO) ? STDIN_FILENO : -1;
	spec->out = STDOUT_FILENO;
	spec->raw = cli_flag(cli, "raw");
	if (!isatty(STDOUT_FILENO))
		spec->speed = 0;
	int rc = play_show(fd, spec, &e);
	if (rc < 0 && rc != -EPIPE) /* the reader had enough: no error */
		return cli_error(cli, rc == -EINVAL || rc == -EFBIG ? CLI_USAGE : CLI_INFRA, &e);
	if (rc == SIGINT)
		return CLI_INTERRUPTED;
	if (rc > 0)
		raise(rc); /* its own way is back: end as it says */
	return CLI_GOOD;
}

static int play(struct cli *cli, int argc, char **argv)
{
	struct play_spec spec = { .speed = 1 };
	int code = read_number(cli, "speed", &spec.speed);
	if (code == CLI_GOOD)
		code = read_number(cli, "idle-limit", &spec.idle_limit_s);
	if (code != CLI_GOOD)
		return code;
	auto_close int fd = -1;
	code = open_recording(cli, argv[0], &fd);
	if (code != CLI_GOOD)
		return code;
	struct err e = { 0 };
	auto_play_marks struct play_marks m = { 0 };
	if (play_read_marks(fd, &m, &e) < 0) {
		err_wrap(&e, "%s", argv[0]);
		return cli_error(cli, CLI_USAGE, &e);
	}
	if (cli_flag(cli, "list-marks") || cli_wants_json(cli)) {
		list_marks(cli, &m);
		return CLI_GOOD;
	}
	const char *at = cli_value(cli, "at");
	if (at && play_find(&m, at, &spec.from_s, &e) < 0)
		return cli_usage(cli, "--at: %s; --list-marks shows what there is", e.msg);
	return show(cli, fd, &spec, &m);
}

static const struct command_option options[] = {
	{ "speed", 's', "N", "N times as fast; 0: at once" },
	{ "at", 'a', "MARK|SECONDS", "begin there; what came before is shown at once" },
	{ "idle-limit", 'i', "SECONDS", "wait no longer than this where nothing happens" },
	{ "list-marks", 'l', NULL, "list the markers instead" },
	{ "raw", 0, NULL, "every byte as it is, also to a terminal" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa play latest/003", "the terminal of the last run's stage 003_..." },
	{ "fsqa play latest/003 --at quota -i 1", "from a test in it, without long waits" },
	{ "fsqa play latest/boot --speed 0", "the guest's console, at once" },
	{ "fsqa play 002_btrfsprogs.cast --list-marks", "what there is to jump to in a file" },
	{ 0 },
};

extern const struct command cmd_play;
const struct command cmd_play = {
	.name = "play",
	.args = "FILE|RUN/STAGE",
	.min_args = 1,
	.max_args = 1,
	.values = "file",
	.summary = "replay a recorded terminal",
	.help = "Shows a recording (asciicast v2) in its own time. RUN is a run's id, the start of "
		"one, or \"latest\"; STAGE a stage's name or the start of one, or \"boot\" for the "
		"guest's console.\n\n"
		"Keys: space stops and goes on, \".\" shows one event more, \"n\" goes on to the "
		"next marker, \"q\" ends. Where standard output is no terminal everything is "
		"printed at once.\n\n"
		"To a terminal colours and cursor movements are kept and other control sequences "
		"left out, for they are a guest's; --raw prints them too.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = play,
};
