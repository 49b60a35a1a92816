/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/disks.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/params.h"
#include "guest/say.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below 60: the rules that look at a disk's content come later, and find the names set. */
#define RULE_FILE "/run/udev/rules.d/50-fsqa.rules"

static bool has_serial(const char *disk, const char *serial)
{
	char path[300];
	auto_buf struct buf b = { 0 };
	if (snprintf(path, sizeof path, "/sys/block/%s/serial", disk) >= (int)sizeof path ||
		file_read(path, 4096, &b, NULL) < 0)
		return false;
	size_t n = strcspn(buf_str(&b), "\n");
	return n == strlen(serial) && memcmp(buf_str(&b), serial, n) == 0;
}

static bool find_once(const char *serial, char node[DISKS_NODE])
{
	DIR *d = opendir("/sys/block");
	struct dirent *de;
	bool found = false;
	while (d && !found && (de = readdir(d)))
		found = de->d_name[0] != '.' && has_serial(de->d_name, serial) &&
			snprintf(node, DISKS_NODE, "/dev/%s", de->d_name) < DISKS_NODE;
	if (d)
		closedir(d);
	return found;
}

int disks_find(const char *serial, uint64_t until_us, char node[DISKS_NODE], struct err *e)
{
	while (!find_once(serial, node)) {
		if (clock_mono_us() >= until_us)
			return err_set(e, ENODEV, "no disk with serial number \"%s\"", serial);
		(void)poll(NULL, 0, 2); /* drivers look for disks on their own time */
	}
	return 0;
}

const char *disks_fstype(const char *node)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t magic[4];
		size_t n;
	} known[] = {
		{ "erofs", 1024, { 0xe2, 0xe1, 0xf5, 0xe0 }, 4 },
		{ "ext4", 1024 + 56, { 0x53, 0xef }, 2 },
		{ "squashfs", 0, { 'h', 's', 'q', 's' }, 4 },
	};
	uint8_t b[2048];
	auto_close int fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, b, sizeof b, 0) != (ssize_t)sizeof b)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (memcmp(b + known[i].at, known[i].magic, known[i].n) == 0)
			return known[i].name;
	return NULL;
}

void disks_link(const struct params *p)
{
	auto_buf struct buf rule = { 0 };
	struct err e = { 0 };
	buf_adds(&rule, "# Written by fsqa-guest at boot: names that the host gave to disks.\n");
	for (size_t i = 0; i < p->n_links; i++) {
		const struct params_link *l = &p->links[i];
		char node[DISKS_NODE];
		char link[80];
		buf_addf(&rule,
			"SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", ATTR{serial}==\"%s\", "
			"SYMLINK+=\"%s\"\n",
			l->serial, l->name);
		(void)snprintf(link, sizeof link, "/dev/%s", l->name); /* fits */
		if (!find_once(l->serial, node))
			say("no disk with serial number \"%s\" for %s yet", l->serial, link);
		else if (symlink(path_base(node), link) < 0)
			say("%s: %s", link, strerror(errno));
	}
	if (file_mkdirs("/run/udev/rules.d", 0755, &e) < 0 ||
		file_replace(RULE_FILE, rule.s, rule.len, 0644, &e) < 0)
		say("%s", e.msg);
}
