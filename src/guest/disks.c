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
#define DISKS_MAX 64

/* A disk's serial number is asked of the host each time its file is read, so only once. */
static struct disk {
	char name[32];
	char serial[PARAMS_SERIAL + 1];
} disks[DISKS_MAX];
static size_t n_disks;

static bool is_known(const char *name)
{
	for (size_t i = 0; i < n_disks; i++)
		if (strcmp(disks[i].name, name) == 0)
			return true;
	return false;
}

/* virtio-blk has it beside the disk, NVMe at its controller, padded with blanks. */
static bool read_serial(const char *name, char serial[PARAMS_SERIAL + 1])
{
	static const char *const places[] = { "serial", "device/serial" };
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char path[300];
		auto_buf struct buf b = { 0 };
		if (snprintf(path, sizeof path, "/sys/block/%s/%s", name, places[i]) >=
				(int)sizeof path ||
			file_read(path, 4096, &b, NULL) < 0)
			continue;
		size_t n = strcspn(buf_str(&b), " \n");
		if (n == 0 || n > PARAMS_SERIAL)
			continue;
		memcpy(serial, b.s, n);
		serial[n] = '\0';
		return true;
	}
	return false;
}

static void look_at(const char *name)
{
	struct disk *d = &disks[n_disks];
	if (name[0] == '.' || n_disks == DISKS_MAX || strlen(name) >= sizeof d->name ||
		is_known(name) || !read_serial(name, d->serial))
		return;
	memcpy(d->name, name, strlen(name) + 1);
	n_disks++;
}

static bool find_known(const char *serial, char node[DISKS_NODE])
{
	for (size_t i = 0; i < n_disks; i++)
		if (strcmp(disks[i].serial, serial) == 0)
			return snprintf(node, DISKS_NODE, "/dev/%s", disks[i].name) < DISKS_NODE;
	return false;
}

static bool find_once(const char *serial, char node[DISKS_NODE])
{
	if (find_known(serial, node))
		return true;
	DIR *d = opendir("/sys/block");
	struct dirent *de;
	while (d && (de = readdir(d)))
		look_at(de->d_name);
	if (d)
		closedir(d);
	return find_known(serial, node);
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

static void set_rotational(const char *node, char value)
{
	char path[100];
	auto_close int fd = -1;
	(void)snprintf(path, sizeof path, "/sys/block/%s/queue/rotational", path_base(node));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &value, 1) != 1)
		say("%s: %s", path, strerror(errno));
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
			"SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", ATTRS{serial}==\"%s\", "
			"SYMLINK+=\"%s\"",
			l->serial, l->name);
		if (l->rotational)
			buf_addf(&rule, ", ATTR{queue/rotational}=\"%c\"", l->rotational);
		buf_adds(&rule, "\n");
		(void)snprintf(link, sizeof link, "/dev/%s", l->name); /* fits */
		if (!find_once(l->serial, node))
			say("no disk with serial number \"%s\" for %s yet", l->serial, link);
		else if (symlink(path_base(node), link) < 0)
			say("%s: %s", link, strerror(errno));
		if (l->rotational && find_known(l->serial, node))
			set_rotational(node, l->rotational);
	}
	if (file_mkdirs("/run/udev/rules.d", 0755, &e) < 0 ||
		file_replace(RULE_FILE, rule.s, rule.len, 0644, &e) < 0)
		say("%s", e.msg);
}
