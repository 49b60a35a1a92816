/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/accel.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include "target/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BOOT_ID             "/proc/sys/kernel/random/boot_id"
#define VERSION_WORDS       "QEMU emulator version "
#define VERSION_DEADLINE_US 20000000 /* a cold disk under load */
#define OUTPUT_MAX          65536
#define NO_VALID_S          86400 /* how long a "no" is believed: the host may have been busy */
#define MIN_MAJOR           6
#define MIN_MINOR           2

struct probe {
	const struct accel_query *query;
	const struct machine *machine;
	const char *kvm_device;
	uint64_t deadline_us;
	char *program;   /* with its folder */
	json_t *key;     /* what the memory must match: boot, QEMU's file */
	json_t *memory;  /* the key, "version", and "kvm" once that was tried */
	bool remembered; /* memory came from the file */
	bool learned;    /* memory has more than the file */
};

static void probe_clear(struct probe *p)
{
	free(p->program);
	json_decref(p->key);
	json_decref(p->memory);
}

/* A file that another package put in its place has another time or size. */
static int make_key(struct probe *p, struct err *e)
{
	auto_buf struct buf boot = { 0 };
	struct stat st;
	if (stat(p->program, &st) < 0)
		return err_sys(e, "%s", p->program);
	int rc = file_read(BOOT_ID, 64, &boot, e);
	if (rc < 0)
		return rc;
	p->key = json_pack("{s:o, s:o, s:I, s:I, s:I}", "boot_id", json_bytes(boot.s, boot.len),
		"qemu", json_bytes(p->program, strlen(p->program)), "size", (json_int_t)st.st_size,
		"mtime_s", (json_int_t)st.st_mtim.tv_sec, "mtime_ns",
		(json_int_t)st.st_mtim.tv_nsec);
	return 0;
}

/* The host's row; NULL: it has none. */
static const struct machine *host_machine(void)
{
	const struct machine *host;
	return machine_find(NULL, &host, NULL) < 0 ? NULL : host;
}

/* Each architecture's QEMU has a memory of its own. */
static char *memory_path(const struct probe *p)
{
	bool foreign = host_machine() != p->machine;
	return xasprintf("%s/accel%s%s.json", p->query->state_dir, foreign ? "-" : "",
		foreign ? p->machine->arch : "");
}

static void remember(struct probe *p)
{
	auto_free char *path = memory_path(p);
	json_t *old = NULL;
	if (json_read_object(path, &old, NULL) == 0 &&
		json_equal(json_object_get(old, "key"), p->key) &&
		json_is_string(json_object_get(old, "version"))) {
		p->memory = old;
		p->remembered = true;
		return;
	}
	json_decref(old);
	p->memory = json_pack("{s:O}", "key", p->key);
}

static void save(const struct probe *p)
{
	auto_free char *path = memory_path(p);
	auto_free char *text = json_line(p->memory);
	if (file_mkdirs(p->query->state_dir, 0755, NULL) == 0)
		/* Not remembered is only slower. */
		(void)file_replace(path, text, strlen(text), 0644, NULL);
}

static int ask_version(struct probe *p, struct err *e)
{
	auto_buf struct buf out = { 0 };
	const char *argv[] = { p->program, "--version", NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = VERSION_DEADLINE_US,
	};
	int rc = proc_check(&spec, &out, OUTPUT_MAX, e);
	if (rc < 0)
		return err_wrap(e, "ask QEMU for its version");
	const char *v = strstr(buf_str(&out), VERSION_WORDS);
	if (!v)
		return err_set(e, EIO, "%s does not tell its version: is it QEMU?", p->program);
	v += strlen(VERSION_WORDS);
	json_object_set_new(p->memory, "version", json_bytes(v, strcspn(v, "\r\n")));
	p->learned = true;
	return 0;
}

static int check_version(const struct probe *p, const char *version, struct err *e)
{
	int major = 0, minor = 0;
	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		return err_set(e, EIO, "%s: no version in \"%.60s\"", p->program, version);
	if (major < MIN_MAJOR || (major == MIN_MAJOR && minor < MIN_MINOR))
		return err_set(e, ENOTSUP,
			"%s is version %d.%d, at least %d.%d is needed: upgrade %s, or set vm.qemu",
			p->program, major, minor, MIN_MAJOR, MIN_MINOR, p->machine->package);
	return 0;
}

static int make_payload(const struct machine_probe *m, struct err *e)
{
	auto_free uint8_t *image = xcalloc(1, m->size);
	memcpy(image, m->payload, m->payload_len);
	memcpy(image + m->size - sizeof m->tail, m->tail, sizeof m->tail);
	auto_close int fd = memfd_create("probe", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	int rc = fd_write_all(fd, image, m->size, e);
	return rc < 0 ? rc : take_fd(&fd);
}

/* The last line of what QEMU said, or how it ended. */
static char *complaint(const struct buf *out, const struct proc_end *end)
{
	size_t n = out->len;
	while (n && strchr("\r\n ", out->s[n - 1]))
		n--;
	size_t start = n;
	while (start && out->s[start - 1] != '\n')
		start--;
	return n > start ? xstrndup(out->s + start, n - start) : proc_end_text(end);
}

/* *ret_why: empty where a guest ran, else why none did; the caller's. */
static int boot_payload(const struct probe *p, char **ret_why, struct err *e)
{
	const struct machine_probe *m = &p->machine->probe;
	auto_buf struct buf out = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_close int fd = make_payload(m, e);
	struct proc_end end = { 0 };
	if (fd < 0)
		return fd;
	strv_addl(&argv, p->program, "-accel", "kvm", "-cpu", p->machine->cpu_kvm, "-m", "64",
		"-display", "none", "-nodefaults", "-no-user-config", "-no-reboot", NULL);
	for (size_t i = 0; m->args[i]; i++)
		strv_add(&argv, m->args[i]);
	const struct proc_fd hand_down = { fd, MACHINE_PROBE_FD };
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.fds = &hand_down,
		.n_fds = 1,
		.deadline_us = p->deadline_us,
		.term_grace_us = 200000,
	};
	int rc = proc_run(&spec, &out, OUTPUT_MAX, &end, e);
	if (rc < 0 && rc != -EFBIG)
		return err_wrap(e, "probe KVM");
	auto_free char *said = complaint(&out, &end);
	if (rc == 0 && !end.timed_out && end.how == PROC_EXITED && end.value == m->exit_code)
		*ret_why = xstrdup("");
	else if (rc == 0 && end.timed_out)
		*ret_why = xasprintf("%s opens, but a guest did not run within %.0f s",
			p->kvm_device, (double)p->deadline_us / 1e6);
	else
		*ret_why =
			xasprintf("%s opens, but QEMU cannot use it: %.90s", p->kvm_device, said);
	return 0;
}

/* Why there is no use in trying, now and without memory, for people mend these. */
static char *kvm_closed(const struct probe *p)
{
	const struct machine *host = host_machine();
	if (!host || !machine_runs(host, p->machine))
		return xasprintf(
			"a guest of another architecture, %s, is emulated", p->machine->arch);
	auto_close int fd = open(p->kvm_device, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return NULL;
	if (errno == ENOENT)
		return xasprintf("no %s: the processor, the firmware's settings or the host's "
				 "kernel have no virtualization",
			p->kvm_device);
	if (errno == EACCES)
		return xasprintf("%s: Permission denied: add yourself to group kvm: sudo usermod "
				 "-aG kvm USER",
			p->kvm_device);
	return xasprintf("%s: %s", p->kvm_device, strerror(errno));
}

static void learn(struct probe *p, const char *why)
{
	json_object_set_new(p->memory, "kvm", json_bytes(why, strlen(why)));
	json_object_set_new(p->memory, "kvm_time", json_integer(clock_wall_us() / 1000000));
	p->learned = true;
}

/* As boot_payload, from memory where it has the answer. */
static int kvm_trouble(struct probe *p, char **ret_why, struct err *e)
{
	*ret_why = kvm_closed(p);
	if (*ret_why)
		return 0;
	const char *known = json_string_value(json_object_get(p->memory, "kvm"));
	int64_t now_s = clock_wall_us() / 1000000;
	int64_t age_s = now_s - json_i64_or(p->memory, "kvm_time", 0);
	if (known && (!*known || (age_s >= 0 && age_s < NO_VALID_S))) {
		*ret_why = xstrdup(known);
		return 0;
	}
	int rc = boot_payload(p, ret_why, e);
	if (rc < 0)
		return rc;
	learn(p, *ret_why);
	return 0;
}

static int decide(struct probe *p, const char *want, struct accel *ret, struct err *e)
{
	auto_free char *why = NULL;
	int rc = 0;
	if (strcmp(want, "tcg") == 0)
		why = xstrdup("tcg was asked for");
	else
		rc = kvm_trouble(p, &why, e);
	if (rc < 0)
		return rc;
	if (*why && strcmp(want, "kvm") == 0)
		return err_set(
			e, ENOTSUP, "vm.accel = kvm, but %s; auto or tcg works without", why);
	(void)snprintf(ret->name, sizeof ret->name, "%s", *why ? "tcg" : "kvm"); /* fits */
	/* For people, so a long one may be cut. */
	(void)snprintf(ret->reason, sizeof ret->reason, "%s", why);
	return 0;
}

static int probe_qemu(struct probe *p, struct err *e)
{
	const struct accel_query *q = p->query;
	int rc = machine_find(q->arch, &p->machine, e);
	if (rc < 0)
		return rc;
	const char *name = q->qemu ? q->qemu : p->machine->program;
	rc = proc_find(name, &p->program);
	if (rc == -ENOENT)
		return err_set(e, ENOENT, "%s is not installed: sudo apt-get install %s", name,
			p->machine->package);
	if (rc < 0)
		return err_code(e, rc, "%s", name);
	rc = make_key(p, e);
	if (rc < 0)
		return rc;
	remember(p);
	if (!p->remembered)
		rc = ask_version(p, e);
	return rc < 0 ? rc : check_version(p, json_str_or(p->memory, "version", ""), e);
}

static int probe_run(struct probe *p, struct accel *ret, struct err *e)
{
	struct accel found = { 0 };
	const char *want = p->query->want;
	if (strcmp(want, "auto") != 0 && strcmp(want, "kvm") != 0 && strcmp(want, "tcg") != 0)
		return err_set(e, EINVAL, "vm.accel = %s: it is auto, kvm or tcg", want);
	int rc = probe_qemu(p, e);
	if (rc < 0)
		return rc;
	/* For people, so a long one may be cut. */
	(void)snprintf(
		found.version, sizeof found.version, "%s", json_str_or(p->memory, "version", ""));
	rc = decide(p, want, &found, e);
	if (p->learned)
		save(p);
	if (rc < 0)
		return rc;
	found.cached = !p->learned;
	*ret = found;
	return 0;
}

int accel_probe(const struct accel_query *q, struct accel *ret, struct err *e)
{
	struct probe p = { .query = q };
	p.kvm_device = q->kvm_device ? q->kvm_device : "/dev/kvm";
	p.deadline_us = q->deadline_us ? q->deadline_us : ACCEL_DEADLINE_US;
	int rc = probe_run(&p, ret, e);
	probe_clear(&p);
	return rc;
}

void accel_broke(const struct accel_query *q, const char *why)
{
	struct probe p = { .query = q };
	if (probe_qemu(&p, NULL) == 0) {
		learn(&p, why);
		save(&p);
	}
	probe_clear(&p);
}
