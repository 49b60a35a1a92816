/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "cli/frame.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

bool cli_wants_json(const struct cli *cli)
{
	return cli_flag(cli, "json");
}

int cli_verbosity(const struct cli *cli)
{
	int n = 0;
	for (size_t i = 0; i < cli->n_given; i++)
		n += strcmp(cli->given[i].option->name, "verbose") == 0;
	return cli_flag(cli, "quiet") ? -1 : n;
}

const char *cli_command_line(const struct cli *cli)
{
	return cli->command_line;
}

bool cli_has_color(const struct cli *cli, FILE *stream)
{
	const char *when = cli_value(cli, "color");
	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	/* https://no-color.org: set and not empty. */
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	if ((no && *no) || !term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(stream));
}

const char *cli_color_on(const struct cli *cli, FILE *stream, enum cli_color color)
{
	static const char *const codes[] = {
		[CLI_PLAIN] = "",
		[CLI_BOLD] = "\033[1m",
		[CLI_DIM] = "\033[2m",
		[CLI_RED] = "\033[31m",
		[CLI_GREEN] = "\033[32m",
		[CLI_YELLOW] = "\033[33m",
		[CLI_BLUE] = "\033[34m",
	};
	return cli_has_color(cli, stream) ? codes[color] : "";
}

const char *cli_color_off(const struct cli *cli, FILE *stream)
{
	return cli_has_color(cli, stream) ? "\033[0m" : "";
}

size_t cli_text_width(const char *s)
{
	size_t width = 0;
	mbstate_t state = { 0 };
	while (*s) {
		wchar_t c = 0;
		size_t n = mbrtowc(&c, s, strlen(s), &state);
		if (n == (size_t)-1 || n == (size_t)-2) {
			/* In the C locale, or cut: a column a byte. */
			state = (mbstate_t){ 0 };
			width++;
			s++;
			continue;
		}
		int w = wcwidth(c);
		width += w > 0 ? (size_t)w : 0;
		s += n;
	}
	return width;
}

/* "fsqa: KIND: TEXT\n" in one write, so that lines of several processes do not mix. */
static void say(const struct cli *cli, enum cli_color color, const char *kind, const char *text)
{
	auto_buf struct buf b = { 0 };
	buf_addf(&b, "fsqa: %s%s%s: ", cli_color_on(cli, stderr, color), kind,
		cli_color_off(cli, stderr));
	/* What is said may quote a file: no control characters of its to the terminal. */
	for (; *text; text++)
		buf_addc(&b, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	buf_addc(&b, '\n');
	fflush(stdout);
	fputs(buf_str(&b), stderr);
	fflush(stderr);
}

static void vsay(
	const struct cli *cli, enum cli_color color, const char *kind, const char *fmt, va_list ap)
{
	char text[1024];
	(void)vsnprintf(text, sizeof text, fmt, ap); /* a cut message is still one */
	say(cli, color, kind, text);
}

int cli_error(const struct cli *cli, int code, const struct err *e)
{
	say(cli, CLI_RED, "error", e->msg);
	return code;
}

int cli_errorf(const struct cli *cli, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsay(cli, CLI_RED, "error", fmt, ap);
	va_end(ap);
	return code;
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsay(cli, CLI_RED, "error", fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try 'fsqa %s%s'.\n", cli->command ? cli->command->name : "help",
		cli->command ? " --help" : "");
	return CLI_USAGE;
}

void cli_warn(const struct cli *cli, const char *fmt, ...)
{
	if (cli_verbosity(cli) < 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsay(cli, CLI_YELLOW, "warning", fmt, ap);
	va_end(ap);
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
	if (cli_verbosity(cli) < 0 || cli_wants_json(cli))
		return;
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void cli_print_json(const struct cli *cli, json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2));
	puts(text ? text : "null");
	free(text);
	json_decref(j);
}
