/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/command.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "target/machine.h"
#include "target/snapshot.h"
#include "target/target.h"
#include "wire/agent.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_SERIAL    "fsqa-root"
#define MODULES_SERIAL "fsqa-modules"
#define SHARE_SERIAL   "fsqa-share-"
#define PORT_PREFIX    "port-"
#define NVME_PREFIX    "nvme-"
#define SERIAL_MAX     20 /* bytes that virtio-blk tells of a serial number */
#define CPUS_MAX       255
#define SECTOR         512
#define BLOCK          4096
#define FUNCTIONS      8   /* of one PCI slot */
#define DISKS_MAX      100 /* 200 fit, but the firmware's work grows with the square: minutes */
#define MIB            (1024 * 1024)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

char *command_disk_path(const struct target_spec *spec, const char *serial)
{
	auto_free char *name = xasprintf("%s.img", serial);
	return path_join(spec->work_dir, name);
}

static bool is_word(const char *s, size_t max, const char *allowed)
{
	size_t n = s ? strlen(s) : 0;
	return n > 0 && n <= max && strspn(s, allowed) == n;
}

/* Serials and links come to stand in file names, QEMU's options and the kernel's command line. */
static int check_disk(const struct target_spec *spec, size_t i, struct err *e)
{
	static const char *const ours[] = { ROOT_SERIAL, MODULES_SERIAL, COMMAND_STATE_SERIAL };
	const struct target_disk *d = &spec->disks[i];
	if (!is_word(d->serial, SERIAL_MAX, LETTERS DIGITS "-_"))
		return err_set(e, EINVAL,
			"disk %zu: serial \"%.40s\" is not 1 to %d of letters, digits, - and _",
			i + 1, d->serial ? d->serial : "", SERIAL_MAX);
	if (d->link && (!is_word(d->link, 64, LETTERS DIGITS "-_.") || d->link[0] == '.'))
		return err_set(e, EINVAL, "disk %s: \"%.40s\" is no name for a device", d->serial,
			d->link);
	unsigned block = d->block_bytes ? d->block_bytes : SECTOR;
	unsigned physical = d->physical_bytes ? d->physical_bytes : SECTOR;
	if ((block != SECTOR && block != BLOCK) || (physical != SECTOR && physical != BLOCK) ||
		physical < block)
		return err_set(e, EINVAL,
			"disk %s: logical blocks of %u bytes, physical of %u: 512 or 4096 each, "
			"and the physical not smaller",
			d->serial, block, physical);
	if (d->size_bytes == 0 || d->size_bytes % block || d->size_bytes > INT64_MAX)
		return err_set(e, EINVAL, "disk %s: size %" PRIu64 " is not a multiple of %u bytes",
			d->serial, d->size_bytes, block);
	if (d->zone_bytes && (d->zone_bytes < MIB || (d->zone_bytes & (d->zone_bytes - 1)) ||
				     d->size_bytes % d->zone_bytes))
		return err_set(e, EINVAL,
			"disk %s: zones of %" PRIu64 " bytes: a power of two of at least 1M is "
			"needed, and the disk's size, %" PRIu64 ", a multiple of it",
			d->serial, d->zone_bytes, d->size_bytes);
	for (size_t k = 0; k < ARRAY_LEN(ours); k++)
		if (strcmp(d->serial, ours[k]) == 0)
			return err_set(e, EINVAL, "disk %s: this serial is fsqa's own", d->serial);
	for (size_t k = 0; k < i; k++) {
		const struct target_disk *o = &spec->disks[k];
		if (strcmp(d->serial, o->serial) == 0)
			return err_set(e, EINVAL, "two disks with serial %s", d->serial);
		if (d->link && o->link && strcmp(d->link, o->link) == 0)
			return err_set(e, EINVAL, "two disks as /dev/%s", d->link);
	}
	return 0;
}

static int check_share(const struct target_spec *spec, size_t i, struct err *e)
{
	const struct target_share *s = &spec->shares[i];
	if (!is_word(s->name, 63, LETTERS DIGITS "-_.") || s->name[0] == '.' || s->name[0] == '-')
		return err_set(e, EINVAL,
			"vm.share: %s: a name of letters, digits, _ . - is needed for /mnt/NAME",
			s->path);
	if (strcmp(s->fstype, "9p") != 0 && strcmp(s->fstype, "erofs") != 0)
		return err_set(e, EINVAL, "vm.share: %s: by \"%.20s\"", s->path, s->fstype);
	for (size_t k = 0; k < i; k++)
		if (strcmp(spec->shares[k].name, s->name) == 0)
			return err_set(e, EINVAL, "vm.share: %s and %s would both be /mnt/%s",
				spec->shares[k].path, s->path, s->name);
	return 0;
}

static int check(const struct target_spec *spec, struct err *e)
{
	if (!is_word(spec->hostname, 63, LETTERS DIGITS "-") || spec->hostname[0] == '-')
		return err_set(e, EINVAL, "\"%.70s\" is no host name",
			spec->hostname ? spec->hostname : "");
	if (!is_word(spec->root_fstype, 15, LETTERS DIGITS "_"))
		return err_set(e, EINVAL, "\"%.40s\" is no filesystem type for the root",
			spec->root_fstype ? spec->root_fstype : "");
	if (spec->root_format && strcmp(spec->root_format, "raw") != 0 &&
		strcmp(spec->root_format, "qcow2") != 0 && strcmp(spec->root_format, "9p") != 0)
		return err_set(e, EINVAL, "a root of format \"%.20s\"", spec->root_format);
	if (spec->load && !is_word(spec->load, 1000, LETTERS DIGITS "-_./,"))
		return err_set(e, EINVAL, "\"%.40s\" are no modules", spec->load);
	if (spec->append && strpbrk(spec->append, "\r\n"))
		return err_set(e, EINVAL, "vm.append has more than one line");
	if (spec->cpus < 1 || spec->cpus > CPUS_MAX)
		return err_set(e, EINVAL, "vm.cpus is %u, not 1 to %d", spec->cpus, CPUS_MAX);
	if (spec->memory_bytes < MIB)
		return err_set(e, EINVAL, "vm.memory is %" PRIu64 " bytes, less than 1M",
			spec->memory_bytes);
	if (spec->state_bytes < MIB || spec->state_bytes % SECTOR || spec->state_bytes > INT64_MAX)
		return err_set(e, EINVAL, "the state disk's size, %" PRIu64 " bytes, is too small",
			spec->state_bytes);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < spec->n_disks; i++)
		rc = check_disk(spec, i, e);
	for (size_t i = 0; rc == 0 && i < spec->n_shares; i++)
		rc = check_share(spec, i, e);
	return rc;
}

static bool is_tcg(const struct target_spec *spec)
{
	return strcmp(spec->accel, "tcg") == 0;
}

static int kernel_line(
	const struct machine *m, const struct target_spec *spec, struct strv *v, struct err *e)
{
	auto_buf struct buf b = { 0 };
	const char *comma = " fsqa.links=";
	buf_addf(&b, "console=%s panic=-1 quiet sysrq_always_enabled", m->console);
	/* VM.md: what an emulated processor is slow at. */
	if (is_tcg(spec))
		buf_adds(&b, " cryptomgr.notests norandmaps");
	buf_addf(&b, " fsqa.root=%s:%s fsqa.state=%s", ROOT_SERIAL, spec->root_fstype,
		COMMAND_STATE_SERIAL);
	if (spec->modules)
		buf_adds(&b, " fsqa.modules=" MODULES_SERIAL);
	if (spec->load && *spec->load)
		buf_addf(&b, " fsqa.load=%s", spec->load);
	buf_addf(&b, " fsqa.hostname=%s", spec->hostname);
	if (spec->system_init)
		buf_adds(&b, " fsqa.init=system");
	if (spec->users && *spec->users)
		buf_addf(&b, " fsqa.users=%s", spec->users);
	for (size_t i = 0; i < spec->n_disks; i++) {
		if (!spec->disks[i].link)
			continue;
		buf_addf(&b, "%s%s=%s", comma, spec->disks[i].serial, spec->disks[i].link);
		comma = ",";
	}
	comma = " fsqa.rotational=";
	for (size_t i = 0; i < spec->n_disks; i++) {
		bool by_itself = spec->disks[i].zone_bytes == 0; /* as the guest's driver says */
		if (!spec->disks[i].link || spec->disks[i].no_rotation != by_itself)
			continue;
		buf_addf(&b, "%s%s=%d", comma, spec->disks[i].serial, !by_itself);
		comma = ",";
	}
	for (size_t i = 0; i < spec->n_shares; i++)
		buf_addf(&b, "%s" SHARE_SERIAL "%zu:%s=%s", i ? "," : " fsqa.shares=", i,
			spec->shares[i].fstype, spec->shares[i].name);
	/* As -netdev user has them, and as they are without udev. */
	if (spec->network)
		buf_adds(&b, " net.ifnames=0 fsqa.net=10.0.2.15/24,10.0.2.2,10.0.2.3");
	if (spec->append && *spec->append)
		buf_addf(&b, " %s", spec->append);
	if (b.len > m->command_line_max)
		return err_set(e, E2BIG,
			"the kernel's command line has %zu bytes and takes %zu: shorten vm.append "
			"or "
			"the disks' links",
			b.len, m->command_line_max);
	strv_addl(v, "-append", buf_str(&b), NULL);
	return 0;
}

/* Where the next PCI device goes. One a slot as long as they fit, as people expect to find them;
 * else eight functions a slot. */
struct slots {
	const struct machine *m;
	unsigned per_slot;
	unsigned next;
};

static int slots_init(
	struct slots *s, const struct machine *m, const struct target_spec *spec, struct err *e)
{
	size_t n_slots = m->last_slot - m->first_slot + 1;
	size_t n_others = 5 + spec->n_shares + (spec->modules ? 1 : 0) + (spec->network ? 1 : 0);
	if (spec->n_disks > DISKS_MAX)
		return err_set(e, E2BIG, "%zu disks, but a virtual machine takes %d at most",
			spec->n_disks, DISKS_MAX);
	*s = (struct slots){ m, spec->n_disks + n_others <= n_slots ? 1 : FUNCTIONS, 0 };
	return 0;
}

static void add_device(struct strv *v, struct slots *s, const char *device)
{
	unsigned function = s->next % s->per_slot;
	strv_add(v, "-device");
	strv_addf(v, "%s,bus=%s,addr=%x.%u%s", device, s->m->bus,
		s->m->first_slot + s->next / s->per_slot, function,
		s->per_slot > 1 && function == 0 ? ",multifunction=on" : "");
	s->next++;
}

struct disk_file {
	const char *path, *format;
	bool read_only;
};

static bool is_uncached(const struct target_disk *d)
{
	return d->cache && strcmp(d->cache, "none") == 0;
}

/* JSON, for a path may hold the commas that separate options. NULL: it is not UTF-8. */
static json_t *node_of(const struct disk_file *f, const struct target_disk *d)
{
	auto_free char *node = xasprintf(COMMAND_NODE_PREFIX "%s", d->serial);
	/* Where nothing else was asked for, nothing outlives the run that a flush would save. */
	bool flush = is_uncached(d) || (d->cache && strcmp(d->cache, "writeback") == 0);
	json_t *j = json_pack("{s:s, s:s, s:b, s:s, s:{s:b, s:b}, s:{s:s, s:s, s:s}}", "node-name",
		node, "driver", f->format, "read-only", (int)f->read_only, "discard",
		d->no_discard ? "ignore" : "unmap", "cache", "no-flush", (int)!flush, "direct",
		(int)is_uncached(d), "file", "driver", "file", "filename", f->path, "aio",
		"threads");
	/* An image may name no other file of the host's, whatever it says by now. */
	if (j && strcmp(f->format, "raw") != 0)
		json_object_set_new(j, "backing", json_null());
	return j;
}

json_t *command_disk_node(const struct target_spec *spec, const struct target_disk *d)
{
	auto_free char *path = command_disk_path(spec, d->serial);
	return node_of(&(struct disk_file){ path, "raw", false }, d);
}

static void set_blocks(json_t *j, const struct target_disk *d)
{
	if (d->block_bytes || d->physical_bytes) {
		json_object_set_new(j, "logical_block_size",
			json_integer(d->block_bytes ? d->block_bytes : SECTOR));
		json_object_set_new(j, "physical_block_size",
			json_integer(d->physical_bytes ? d->physical_bytes : SECTOR));
	}
}

json_t *command_disk_device(const struct target_disk *d, bool faults)
{
	auto_free char *node = xasprintf(COMMAND_NODE_PREFIX "%s", d->serial);
	/* An error of the host's disk is not the guest's: stop, and tell us. Where faults may be
	 * injected that would stop on them, too: then we are told before the guest is, and a
	 * full disk stops it still. */
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "driver",
		"virtio-blk-pci-non-transitional", "drive", node, "serial", d->serial, "werror",
		faults ? "enospc" : "stop", "rerror", faults ? "report" : "stop");
	set_blocks(j, d);
	if (d->no_discard)
		json_object_set_new(j, "discard", json_false());
	if (faults) {
		auto_free char *id = xasprintf(COMMAND_DEVICE_PREFIX "%s", d->serial);
		auto_free char *port = xasprintf(PORT_PREFIX "%s", d->serial);
		json_object_set_new(j, "id", json_string(id));
		json_object_set_new(j, "bus", json_string(port));
	}
	return j;
}

/* "DRIVER,KEY=VALUE,...": no value of ours has a comma. */
static char *device_text(const json_t *j)
{
	const char *key;
	json_t *v;
	struct buf b = { 0 };
	buf_adds(&b, json_str_or(j, "driver", ""));
	json_object_foreach ((json_t *)j, key, v) {
		if (strcmp(key, "driver") == 0)
			continue;
		if (json_is_integer(v))
			buf_addf(&b, ",%s=%" JSON_INTEGER_FORMAT, key, json_integer_value(v));
		else if (json_is_boolean(v))
			buf_addf(&b, ",%s=%s", key, json_is_true(v) ? "on" : "off");
		else
			buf_addf(&b, ",%s=%s", key, json_string_value(v));
	}
	return buf_take(&b);
}

static int add_node(struct strv *v, const char *serial, json_t *node, struct err *e)
{
	if (!node)
		return err_set(e, EINVAL, "disk %s: path is not UTF-8", serial);
	auto_free char *text = json_line(node);
	strv_addl(v, "-blockdev", text, NULL);
	json_decref(node);
	return 0;
}

static int add_disk(struct strv *v, struct slots *s, const struct disk_file *f,
	const struct target_disk *d, struct err *e)
{
	auto_json json_t *device = command_disk_device(d, false);
	auto_free char *text = device_text(device);
	int rc = add_node(v, d->serial, node_of(f, d), e);
	if (rc == 0)
		add_device(v, s, text);
	return rc;
}

/* QEMU's NVMe has zones of its own, whatever the host has; virtio-blk only passes on a host's. */
static void add_zoned(struct strv *v, struct slots *s, const struct target_disk *d)
{
	auto_free char *controller =
		xasprintf("nvme,id=" NVME_PREFIX "%s,serial=%s", d->serial, d->serial);
	auto_free char *node = xasprintf(COMMAND_NODE_PREFIX "%s", d->serial);
	auto_free char *id = xasprintf(COMMAND_DEVICE_PREFIX "%s", d->serial);
	auto_free char *bus = xasprintf(NVME_PREFIX "%s", d->serial);
	auto_json json_t *j =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "driver", "nvme-ns", "id", id, "drive",
			node, "bus", bus, "zoned", 1, "zoned.zone_size", (json_int_t)d->zone_bytes);
	set_blocks(j, d);
	auto_free char *text = device_text(j);
	add_device(v, s, controller);
	strv_addl(v, "-device", text, NULL);
}

/* One that can be unplugged needs a port of its own: the root bus takes no other. Windows of I/O
 * ports, which no device of ours has, are for sixteen at most. */
static void add_port(struct strv *v, struct slots *s, const struct target_disk *d, size_t i)
{
	auto_free char *port = xasprintf("pcie-root-port,id=" PORT_PREFIX "%s,chassis=%zu,"
					 "io-reserve=0",
		d->serial, i + 1);
	auto_json json_t *device = command_disk_device(d, true);
	auto_free char *text = device_text(device);
	add_device(v, s, port);
	strv_addl(v, "-device", text, NULL);
}

static int add_scratch(
	struct strv *v, struct slots *s, const struct target_spec *spec, size_t i, struct err *e)
{
	const struct target_disk *d = &spec->disks[i];
	int rc = add_node(v, d->serial, command_disk_node(spec, d), e);
	if (rc < 0)
		return rc;
	if (d->zone_bytes) {
		add_zoned(v, s, d);
	} else if (spec->faults) {
		add_port(v, s, d, i);
	} else {
		auto_json json_t *device = command_disk_device(d, false);
		auto_free char *text = device_text(device);
		add_device(v, s, text);
	}
	return 0;
}

/* A folder by 9p: what the host's user may read, and never to be written. */
static void add_folder(struct strv *v, struct slots *s, const char *path, const char *tag)
{
	auto_buf struct buf b = { 0 };
	for (; *path; path++) /* a comma is doubled in QEMU's options */
		buf_addf(&b, "%s%c", *path == ',' ? "," : "", *path);
	strv_add(v, "-fsdev");
	strv_addf(v, "local,id=%s,path=%s,security_model=none,readonly=on,multidevs=remap", tag,
		buf_str(&b));
	auto_free char *device =
		xasprintf("virtio-9p-pci-non-transitional,fsdev=%s,mount_tag=%s", tag, tag);
	add_device(v, s, device);
}

static int add_shares(
	struct strv *v, struct slots *s, const struct target_spec *spec, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < spec->n_shares; i++) {
		const struct target_share *x = &spec->shares[i];
		auto_free char *serial = xasprintf(SHARE_SERIAL "%zu", i);
		if (strcmp(x->fstype, "9p") == 0)
			add_folder(v, s, x->path, serial);
		else
			rc = add_disk(v, s, &(struct disk_file){ x->path, "raw", true },
				&(struct target_disk){ .serial = serial }, e);
	}
	return rc;
}

static int add_disks(struct strv *v, struct slots *s, const struct target_spec *spec, struct err *e)
{
	auto_free char *state = command_disk_path(spec, COMMAND_STATE_SERIAL);
	const struct {
		struct disk_file file;
		struct target_disk disk;
	} ours[] = {
		{ { spec->root, spec->root_format ? spec->root_format : "raw", true },
			{ .serial = ROOT_SERIAL } },
		{ { spec->modules, "raw", true }, { .serial = MODULES_SERIAL } },
		{ { state, "raw", false }, { .serial = COMMAND_STATE_SERIAL } },
	};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ours); i++)
		if (ours[i].file.path && strcmp(ours[i].file.format, "9p") == 0)
			add_folder(v, s, ours[i].file.path, ours[i].disk.serial);
		else if (ours[i].file.path)
			rc = add_disk(v, s, &ours[i].file, &ours[i].disk, e);
	for (size_t i = 0; rc == 0 && i < spec->n_disks; i++)
		rc = add_scratch(v, s, spec, i, e);
	return rc;
}

static void add_socket(struct strv *v, const char *id, int fd)
{
	strv_add(v, "-chardev");
	strv_addf(v, "socket,id=%s,fd=%d", id, fd);
}

static void add_machine(struct strv *v, const struct machine *m, const struct target_spec *spec)
{
	bool tcg = is_tcg(spec);
	strv_add(v, spec->qemu ? spec->qemu : m->program);
	strv_add(v, "-name");
	strv_addf(v, "fsqa-%s", spec->hostname);
	/* -S: no event is missed, and the disks are ready, before the guest's first instruction. */
	strv_addl(
		v, "-nodefaults", "-no-user-config", "-display", "none", "-S", "-no-reboot", NULL);
	/* The guest's panic is told, and its kernel goes on to print and reset. */
	strv_addl(v, "-action", spec->hold ? "panic=none,shutdown=pause" : "panic=none", NULL);
	strv_addl(v, "-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", NULL);
	/* The firmware need not look for something to boot on each disk. */
	strv_addl(v, "-boot", "strict=on", NULL);
	bool in_file = spec->save_to || spec->clone_of;
	strv_add(v, "-machine");
	strv_addf(v, "%s%s", m->type, in_file ? ",memory-backend=ram" : "");
	strv_addl(v, "-accel", tcg ? "tcg,thread=multi" : "kvm", NULL);
	strv_addl(v, "-cpu", tcg ? m->cpu_tcg : m->cpu_kvm, "-smp", NULL);
	strv_addf(v, "%u", spec->cpus);
	strv_add(v, "-m");
	strv_addf(v, "%" PRIu64 "M", spec->memory_bytes / MIB);
	strv_addl(v, "-kernel", spec->kernel, NULL);
	if (spec->initramfs)
		strv_addl(v, "-initrd", spec->initramfs, NULL);
}

/* Memory in a file: written through while it is saved, copy-on-write in a clone. */
static int add_memory(struct strv *v, const struct target_spec *spec, struct err *e)
{
	const char *dir = spec->save_to ? spec->save_to : spec->clone_of;
	if (!dir)
		return 0;
	auto_free char *path = path_join(dir, SNAPSHOT_RAM);
	auto_json json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:I}", "qom-type",
		"memory-backend-file", "id", "ram", "mem-path", path, "share",
		spec->save_to != NULL, "size", (json_int_t)(spec->memory_bytes / MIB * MIB));
	if (!j)
		return err_set(e, EINVAL, "%s is not UTF-8", dir);
	auto_free char *text = json_line(j);
	strv_addl(v, "-object", text, NULL);
	if (spec->clone_of)
		strv_addl(v, "-incoming", "defer", NULL);
	return 0;
}

int command_make(
	const struct machine *m, const struct target_spec *spec, struct strv *ret, struct err *e)
{
	auto_strv struct strv v = { 0 };
	struct slots slots;
	int rc = check(spec, e);
	if (rc < 0)
		return rc;
	rc = slots_init(&slots, m, spec, e);
	if (rc < 0)
		return rc;
	add_machine(&v, m, spec);
	rc = add_memory(&v, spec, e);
	if (rc == 0)
		rc = kernel_line(m, spec, &v, e);
	if (rc < 0)
		return rc;
	add_socket(&v, "qmp", COMMAND_FD_QMP);
	strv_addl(&v, "-mon", "chardev=qmp,mode=control", NULL);
	add_socket(&v, "console", COMMAND_FD_CONSOLE);
	strv_addl(&v, "-serial", "chardev:console", NULL);
	add_socket(&v, "agent", COMMAND_FD_AGENT);
	/* Ports that are not there cost too: by default 31, of two queues each. */
	add_device(&v, &slots, "virtio-serial-pci-non-transitional,max_ports=2");
	strv_addl(&v, "-device", "virtserialport,chardev=agent,name=" AGENT_PORT, NULL);
	add_device(&v, &slots, "virtio-rng-pci-non-transitional");
	add_device(&v, &slots, "pvpanic-pci");
	/* The guest's kernel says where it lies, for who opens its core. */
	strv_addl(&v, "-device", "vmcoreinfo", NULL);
	rc = add_disks(&v, &slots, spec, e);
	if (rc == 0)
		rc = add_shares(&v, &slots, spec, e);
	if (rc < 0)
		return rc;
	if (spec->network) {
		strv_addl(&v, "-netdev", "user,id=net,ipv6=off", NULL);
		add_device(&v, &slots, "virtio-net-pci-non-transitional,netdev=net,romfile=");
	}
	*ret = v;
	v = (struct strv){ 0 };
	return 0;
}

int target_spec_command(const struct target_spec *spec, char **ret, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	const struct machine *m;
	int rc = machine_find(spec->arch, &m, e);
	if (rc == 0)
		rc = command_make(m, spec, &argv, e);
	if (rc == 0)
		*ret = strv_shell(strv_get(&argv));
	return rc;
}

char *target_state_disk(const struct target_spec *spec)
{
	return command_disk_path(spec, COMMAND_STATE_SERIAL);
}
