/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.h: the contract of what tests run on. A target is opened, yields a session when it is
 * up, and ends exactly once with a kind of end. qemu keeps it; ssh and ec2 will. */
#pragma once
#include "wire/session.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct err;
struct target;

struct target_disk {
	const char *serial; /* at most 20 characters */
	const char *link;   /* also seen as /dev/<link> in the guest; NULL: not */
	uint64_t size_bytes;
	uint64_t saved_bytes; /* of a clone: its size in the machine that was saved; 0: the same */
	unsigned block_bytes, physical_bytes; /* 512 or 4096; 0: 512 */
	const char *cache;                    /* "unsafe", "writeback", "none"; NULL: unsafe */
	bool no_discard;
	bool no_rotation;    /* the guest sees it as not rotational */
	uint64_t zone_bytes; /* host-managed zones of so many bytes; 0: none */
};

/* A folder of the host's, or a disk image of one, that the guest sees read-only. */
struct target_share {
	const char *path;
	const char *name;   /* as /mnt/<name> in the guest */
	const char *fstype; /* "9p": the folder itself; "erofs": the image */
};

/* All borrowed for the call. */
struct target_spec {
	const char *arch;  /* "x86_64" */
	const char *accel; /* "kvm" or "tcg", as accel_probe found */
	const char *qemu;  /* program; NULL: the machine table's */
	const char *kernel, *initramfs;
	const char *modules; /* disk image, or NULL */
	const char
		*load; /* modules of that disk for the guest to load first, "a.ko,b.ko"; or NULL */
	const char *root, *root_fstype; /* "auto": the guest finds out */
	const char *root_format;        /* "raw", "qcow2", or "9p": root is a folder; NULL: raw */
	const struct target_share *shares;
	size_t n_shares;
	bool network;         /* QEMU's own, by NAT of the host's user; else none */
	const char *append;   /* more for the kernel's command line, or NULL */
	const char *work_dir; /* the VM's own folder: disks are made here. Removed by its owner */
	const char *hostname;
	bool system_init;  /* the root's own init runs, not only the agent */
	const char *users; /* that the root is to have beside its own, "a,b"; or NULL */
	const struct target_disk *disks;
	size_t n_disks;
	bool faults; /* target_fault may be called for these */
	uint64_t memory_bytes;
	uint64_t state_bytes; /* size of the state disk (the root's writable layer) */
	unsigned cpus;
	uint64_t boot_deadline_us; /* to on_session's hello; else NEVER_UP */
	/* Where the memory of a guest that hangs is written to (absent yet); NULL: nowhere. */
	const char *core;
	uint64_t core_max_bytes; /* a larger one is given up */
	/* Snapshots (snapshot.h); both NULL: boot and be used. */
	const char *save_to; /* an empty folder: once up and settled, save it there and end */
	/* A folder that was saved to, with this very spec but for the disks' sizes. The guest may
	 * take a moment to see those. */
	const char *clone_of;
	/* One that hangs or panics is held: on_held comes in the place of its end. */
	bool hold;
	/* work_dir has the disks of a machine that reset itself: they are this one's. */
	bool again;
};

enum target_end {
	TARGET_POWEROFF,    /* the guest powered off */
	TARGET_REBOOT,      /* the guest reset itself, no panic was seen */
	TARGET_PANIC,       /* a panic splat on the console */
	TARGET_NEVER_UP,    /* no agent before the deadline */
	TARGET_DIED,        /* QEMU crashed, or cannot go on */
	TARGET_QEMU_KILLED, /* QEMU was killed from outside: by somebody, or for the host's memory
			     */
	TARGET_QEMU_ERROR,  /* QEMU ended before it ran the guest: bad option, no memory */
	TARGET_NO_ACCEL,    /* KVM gave up on the guest; the probe had not found that */
	TARGET_HOST_FULL,   /* the host had no room for the guest's disks */
	TARGET_LIED,        /* the agent broke the protocol */
	TARGET_HUNG,        /* target_hang was called */
	TARGET_KILLED,      /* target_kill was called */
	TARGET_SAVED,       /* as the spec's save_to asked for */
};
const char *target_end_name(enum target_end end); /* "panic" */

struct target_handler {
	/* Raw bytes of the serial console. */
	void (*on_console)(void *ctx, const void *data, size_t n);
	/* The agent said hello; the session is valid until on_end. Its events go to the
	 * `session_handler` given with target_open. */
	void (*on_session)(void *ctx, struct session *s);
	/* Once, last: every process of the target is gone. `detail` is one line for people. */
	void (*on_end)(void *ctx, enum target_end end, const char *detail);
	/* Of a spec with `hold`, once: it has come to this end, but stands still as it is, for a
	 * debugger, until target_kill. The session is lost. */
	void (*on_held)(void *ctx, enum target_end end, const char *detail);
};

/* The session handler's on_lost is swallowed by the target (it decides the end); the other
 * callbacks come as session.h says. */
int target_open(uv_loop_t *loop, const struct target_spec *spec, const struct target_handler *h,
	const struct session_handler *sh, void *ctx, struct target **ret, struct err *e);
/* The exact command line, one shell-quoted line; the caller's. Its descriptors 3, 4, 5 are ours. */
char *target_command(const struct target *t);
/* The same of a target that is not opened. Errors as target_open's for a bad spec. */
int target_spec_command(const struct target_spec *spec, char **ret, struct err *e);
/* The file of the disk behind the root's writable layer, below its folder /upper: it stays in
 * work_dir when the target has ended. The caller's. */
char *target_state_disk(const struct target_spec *spec);
/* Ask for power-off; after `grace_us` kill. on_end still comes. */
void target_shutdown(struct target *t, uint64_t grace_us);
/* It does not get on: have its tasks dumped to the console by its kernel, its memory written to
 * spec's `core`, and end it: on_end (TARGET_HUNG, `why` and what could not be had) comes within
 * half a minute, with a core within six; or on_held. Its session is of no use any more. A target
 * that ends already is left to it. */
void target_hang(struct target *t, const char *why);
/* Let a debugger of its kernel connect to `fd`, a listening socket (borrowed for the call). on_done
 * comes once, unless target_gdb_end or the target's end comes first; code 0: it may connect. The
 * guest stands still while it wants that. -EAGAIN, -ENOTCONN: not now. */
int target_gdb(struct target *t, int fd, void (*on_done)(void *ctx, const struct err *why),
	void *ctx, struct err *e);
/* No debugger any more: the guest goes on. */
void target_gdb_end(struct target *t);
/* End it now. on_end still comes (TARGET_KILLED). */
void target_kill(struct target *t);
/* A fault of a scratch disk, on purpose. */
enum target_fault_kind {
	TARGET_FAULT_UNPLUG, /* it leaves its slot, whoever uses it */
	TARGET_FAULT_PLUG,   /* and is back, with what was on it */
	TARGET_FAULT_ERROR,  /* requests fail, and their data is not read or written */
	TARGET_FAULT_SLOW,
	TARGET_FAULT_HEAL, /* none of all that any more */
};
#define TARGET_FAULT_MANY 64 /* sectors, count, every: at most */

struct target_fault {
	enum target_fault_kind kind;
	const char *disk; /* its serial; borrowed for the call */
	bool surprise;    /* UNPLUG: its requests fail first, so that nothing more is written */
	/* ERROR: */
	bool reads, writes, flushes;
	uint64_t sector, n_sectors; /* that touch these, of 512 bytes; n_sectors 0: any. A flush
				     * touches none */
	unsigned count;             /* so many of them; 0: until it is healed */
	unsigned every;             /* one of so many of its reads, writes or flushes; 0: each */
	/* SLOW, at most; 0: no limit. */
	uint64_t bytes_per_s, requests_per_s;
};

/* Have it done, behind those asked for before. `on_done` comes once, before on_end, unless
 * target_free comes first: code 0, or why not: -ENODEV there is no such disk, -EINVAL it cannot be
 * done to it as it is, -ETIMEDOUT the guest does not let go of it, -ENOTCONN the target ends, -EIO
 * QEMU's word. -ENOTSUP: the target was opened without `faults`. -EAGAIN: too many are waiting. */
int target_fault(struct target *t, const struct target_fault *f,
	void (*on_done)(void *ctx, const struct err *why), void *ctx, struct err *e);
/* After on_end: release. NULL: no-op. */
void target_free(struct target *t);
