/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fsqa_disk.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "guest/disks.h"
#include "guest/tell.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define complain(...) tell_complain("fsqa-disk", __VA_ARGS__)

#define ANSWER_US  60000000
#define PRESENT_US 10000000 /* for a disk that was plugged in */
#define LINK_US    3000000  /* and for udev to make its link */

enum {
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_TOLD = 125,
};

static const char usage[] =
	"usage: fsqa-disk unplug DISK [--surprise]\n"
	"       fsqa-disk plug DISK\n"
	"       fsqa-disk error DISK [--read] [--write] [--flush] [--sector FIRST[-LAST]]\n"
	"                 [--count N] [--every N]\n"
	"       fsqa-disk slow DISK [--bytes SIZE] [--requests N]\n"
	"       fsqa-disk heal DISK\n"
	"       fsqa-disk wait DISK[=BYTES]...\n"
	"\n"
	"Faults of a scratch disk (xvdb or /dev/xvdb), until it is healed, at the latest when the\n"
	"test ends that asked for it.\n"
	"  --surprise       its requests fail first, so that nothing more is written\n"
	"  --read, --write  only these requests fail; none of them: reads and writes\n"
	"  --flush          or flushes: what was written is not safe, and fsync says so\n"
	"  --sector N-M     only requests that touch these sectors of 512 bytes\n"
	"  --count N        only the next N of them\n"
	"  --every N        only one of N of them\n"
	"  --bytes SIZE     a second at most (64K, 1M)\n"
	"  --requests N     a second at most\n"
	"  --expect REGEX   kernel messages of this kind are the test's purpose (repeatable)\n"
	"wait: until the disks are there, with their names, and have so many bytes.\n";

struct disk_call {
	const char *action;
	json_t *event;
	json_t *expect;
};

static const char *serial_of(const char *disk)
{
	return strncmp(disk, "/dev/", 5) == 0 ? disk + 5 : disk;
}

/* ---- is it there ---- */

static bool link_leads_to(const char *link, const char *node)
{
	char path[PATH_MAX];
	return realpath(link, path) && strcmp(path, node) == 0;
}

/* Until it is there by its own name, which udev makes; without udev we do. */
static int wait_for_disk(const char *serial)
{
	char node[DISKS_NODE];
	struct err e = { 0 };
	auto_free char *link = xasprintf("/dev/%s", serial);
	if (disks_find(serial, clock_mono_us() + PRESENT_US, node, &e) < 0)
		return complain(EXIT_REFUSED, "%s", e.msg);
	uint64_t until = clock_mono_us() + LINK_US;
	while (!link_leads_to(link, node)) {
		if (clock_mono_us() >= until) {
			(void)unlink(link); /* stale, or not there */
			if (symlink(node, link) < 0 && errno != EEXIST)
				return complain(EXIT_REFUSED, "%s: %s", link, strerror(errno));
		}
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

/* The kernel takes in on its own time that a disk has another size. */
static int wait_for_size(const char *disk, const char *bytes)
{
	char node[DISKS_NODE];
	struct err e = { 0 };
	uint64_t want;
	uint64_t is = 0;
	uint64_t until = clock_mono_us() + PRESENT_US;
	if (parse_u64(bytes, &want, &e) < 0)
		return complain(EXIT_USAGE, "%s=%s: want a number", disk, bytes);
	if (disks_find(disk, until, node, &e) < 0)
		return complain(EXIT_REFUSED, "%s", e.msg);
	for (;;) {
		auto_close int fd = open(node, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, BLKGETSIZE64, &is) < 0)
			return complain(EXIT_REFUSED, "%s: %s", node, strerror(errno));
		if (is == want)
			return 0;
		if (clock_mono_us() >= until)
			return complain(
				EXIT_REFUSED, "%s has %" PRIu64 " bytes, not %s", disk, is, bytes);
		(void)poll(NULL, 0, 2);
	}
}

static int wait_for(const char *what)
{
	const char *serial = serial_of(what);
	const char *equals = strchr(serial, '=');
	auto_free char *disk = equals ? xstrndup(serial, (size_t)(equals - serial)) : NULL;
	return equals ? wait_for_size(disk, equals + 1) : wait_for_disk(serial);
}

/* ---- the event ---- */

static void set_number(struct disk_call *c, const char *key, uint64_t n)
{
	json_object_set_new(c->event, key, json_integer((json_int_t)n));
}

/* The host has the limits; this is only that it is a number. */
static int parse_number(const char *option, const char *text, uint64_t *ret)
{
	struct err e = { 0 };
	if (parse_u64(text, ret, &e) < 0 || *ret > INT64_MAX)
		return complain(EXIT_USAGE, "--%s %s: want a number", option, text);
	return 0;
}

static int parse_sectors(struct disk_call *c, const char *text)
{
	uint64_t from = 0;
	uint64_t to = 0;
	const char *dash = strchr(text, '-');
	auto_free char *first = xstrndup(text, dash ? (size_t)(dash - text) : strlen(text));
	int rc = parse_number("sector", first, &from);
	if (rc == 0)
		rc = parse_number("sector", dash ? dash + 1 : first, &to);
	if (rc == 0 && to < from)
		rc = complain(EXIT_USAGE, "--sector %s: the last comes before the first", text);
	if (rc == 0) {
		set_number(c, "sector", from);
		set_number(c, "sectors", to - from + 1);
	}
	return rc;
}

static int parse_option(struct disk_call *c, const struct option *o, const char *value)
{
	struct err e = { 0 };
	uint64_t n = 0;
	int rc = 0;
	switch (o->val) {
	case 'b': /* yes or no */
		json_object_set_new(c->event, o->name, json_true());
		return 0;
	case 'n':
		rc = parse_number(o->name, value, &n);
		break;
	case 's':
		if (parse_size(value, &n, &e) < 0)
			rc = complain(EXIT_USAGE, "--%s: %s", o->name, e.msg);
		break;
	case 'e':
		json_array_append_new(c->expect, json_bytes(value, strlen(value)));
		return 0;
	default:
		return parse_sectors(c, value);
	}
	if (rc == 0)
		set_number(c, o->name, n);
	return rc;
}

/* Which action takes which. */
static bool takes(const char *action, const char *option)
{
	static const char *const known[][2] = {
		{ "unplug", "surprise" },
		{ "error", "read" },
		{ "error", "write" },
		{ "error", "flush" },
		{ "error", "sector" },
		{ "error", "count" },
		{ "error", "every" },
		{ "slow", "bytes" },
		{ "slow", "requests" },
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i][0], action) == 0 && strcmp(known[i][1], option) == 0)
			return true;
	return strcmp(option, "expect") == 0;
}

static int parse(struct disk_call *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "surprise", no_argument, NULL, 'b' },
		{ "read", no_argument, NULL, 'b' },
		{ "write", no_argument, NULL, 'b' },
		{ "flush", no_argument, NULL, 'b' },
		{ "sector", required_argument, NULL, 'r' },
		{ "count", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'n' },
		{ "bytes", required_argument, NULL, 's' },
		{ "requests", required_argument, NULL, 'n' },
		{ "expect", required_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	int i = 0;
	while ((option = getopt_long(argc, argv, "", options, &i)) != -1) {
		if (option == '?')
			return complain(EXIT_USAGE, "see fsqa-disk --help");
		if (!takes(c->action, options[i].name))
			return complain(EXIT_USAGE, "%s takes no --%s", c->action, options[i].name);
		int rc = parse_option(c, &options[i], optarg);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int ask(struct disk_call *c, const char *serial)
{
	char answer[TELL_ANSWER];
	const char *path;
	const char *test = getenv("FSQA_TEST");
	auto_close int fd = tell_connect(&path);
	if (fd < 0)
		return complain(EXIT_NOT_TOLD, "no agent at %s: %s", path, strerror(errno));
	json_object_set_new(c->event, "action", json_string(c->action));
	json_object_set_new(c->event, "disk", json_bytes(serial, strlen(serial)));
	if (test)
		json_object_set_new(c->event, "test", json_bytes(test, strlen(test)));
	json_object_set(c->event, "expect", c->expect);
	int rc = tell(fd, EVENT_DISK, json_incref(c->event), ANSWER_US, answer);
	if (rc < 0)
		return complain(EXIT_NOT_TOLD, "the host does not answer: %s", strerror(-rc));
	return answer[0] ? complain(EXIT_REFUSED, "%s", answer) : 0;
}

static int make_fault(int argc, char **argv)
{
	auto_json json_t *event = tell_event("disk");
	auto_json json_t *expect = json_array();
	struct disk_call c = { argv[1], event, expect };
	int rc = parse(&c, argc - 1, argv + 1);
	if (rc != 0)
		return rc;
	if (optind != argc - 2) /* it moves what is no option to the end */
		return complain(EXIT_USAGE, "%s: want one disk; see fsqa-disk --help", c.action);
	const char *serial = serial_of(argv[argc - 1]);
	rc = ask(&c, serial);
	bool back = strcmp(c.action, "plug") == 0 || strcmp(c.action, "heal") == 0;
	return rc == 0 && back ? wait_for_disk(serial) : rc;
}

int fsqa_disk_main(int argc, char **argv)
{
	static const char *const actions[] = { "unplug", "plug", "error", "slow", "heal" };
	const char *action = argc > 1 ? argv[1] : "";
	int rc = 0;
	if (strcmp(action, "--help") == 0 || strcmp(action, "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i], action) == 0)
			return make_fault(argc, argv);
	if (strcmp(action, "wait") != 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (int i = 2; rc == 0 && i < argc; i++)
		rc = wait_for(argv[i]);
	return rc;
}
