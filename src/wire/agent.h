/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.h: what the host and the agent in a target say to each other, over wire/frame.h.
 *
 *   host                                   agent (fsqa-guest)
 *     |  <- HELLO 0 {protocol, release, build_id, config_crc,    |   once it can serve
 *     |      config_bytes, machine, pid1, boot_id}               |
 *     |  <- READY 0 {udev_us}                                    |   devices settled
 *     |  EXEC n {argv, env, cwd, user, pty, cols, rows,
 *     |          stdin, deadline_ms, grace_ms} ->                |
 *     |  STDIN n bytes -> ... EOF n ->  SIGNAL n {signal} ->  WINSIZE n {cols, rows} ->
 *     |  <- STDOUT n bytes / STDERR n bytes                      |   within the credit given
 *     |  CREDIT n {u32 le bytes} ->   <- CREDIT n                |   for stdin and put, too
 *     |  <- EXIT n {code | signal, timed_out, oom, error}        |   last frame of stream n
 *     |  PUT n {path, owners} -> ENTRY n (struct below) -> DATA n, HOLE n {u64 le bytes} ...
 *     |        EOF n ->                        <- EXIT n {code 0 | error, warning}
 *     |  GET n {path, max_bytes, max_entries, whole, halve} ->   |
 *     |        <- ENTRY n <- DATA n, HOLE n ...                 <- EXIT n {code 0 | error, skipped}
 *     |  <- EVENT n {event: start|end|disk, ...}  EVENT_ACK n -> |   from fsqa-test, stream n
 *     |  <- KMSG 0  "PRIO,SEQ,USEC,FLAGS;text\n" records         |   as /dev/kmsg gives them
 *     |  SYNC n ->  <- SYNC n                                    |   kernel log read so far is sent
 *     |  FREEZE n ->  <- SYNC n                                  |   and from here it does nothing
 *     |  WAKE 0 (struct below) ->  <- HELLO 0, READY 0 again      |   as if it had just been booted
 *     |  SHUTDOWN 0 {how: poweroff|reboot} ->                    |
 *
 * Streams that the host opens (EXEC PUT GET SYNC) have even numbers from 2, those that the agent
 * opens (EVENT) odd ones. Before it forwards an event's end, the agent sends the kernel log
 * up to that moment, so that a message is always seen between its test's start and end.
 * Of PUT an ENTRY costs AGENT_ENTRY_COST more than its length and a HOLE as much, so that small
 * ones are not too many at once; in GET they cost nothing. The first ENTRY of a PUT has an empty
 * path: what `path` itself becomes. Only a GET that says `whole` gets owners, attributes and holes.
 * PUT and GET are given up by SIGNAL. Between FREEZE and WAKE the machine may be saved, and another
 * made of it wakes in its place: stream numbers begin again, and what both must not share comes
 * with WAKE. No stream may be open at FREEZE.
 * A sender of DATA, STDIN, STDOUT, STDERR starts with AGENT_WINDOW bytes of credit a stream
 * and direction; the receiver returns credit as it consumes. */
#pragma once
#include <stdint.h>

#define AGENT_PROTOCOL   1
#define AGENT_WINDOW     (256u * 1024)
#define AGENT_STREAMS    64    /* at once, of each side */
#define AGENT_ENTRY_COST 2048  /* bytes of credit */
#define AGENT_JSON_MAX   16384 /* of any JSON that the agent sends */
#define AGENT_PORT       "fsqa.agent.0"

enum agent_type {
	AGENT_HELLO = 1,
	AGENT_READY = 2,
	AGENT_EXEC = 3,
	AGENT_STDIN = 4,
	AGENT_EOF = 5,
	AGENT_SIGNAL = 6,
	AGENT_WINSIZE = 7,
	AGENT_STDOUT = 8,
	AGENT_STDERR = 9,
	AGENT_CREDIT = 10,
	AGENT_EXIT = 11,
	AGENT_PUT = 12,
	AGENT_DATA = 13,
	AGENT_GET = 14,
	AGENT_ENTRY = 15,
	AGENT_EVENT = 16,
	AGENT_EVENT_ACK = 17,
	AGENT_KMSG = 18,
	AGENT_SYNC = 19,
	AGENT_SHUTDOWN = 20,
	AGENT_FREEZE = 21,
	AGENT_WAKE = 22,
	AGENT_HOLE = 23,
};

/* Payload of WAKE: what makes a clone a machine of its own. Strings end with NUL. */
struct agent_wake {
	uint8_t seed[64]; /* for the kernel's random numbers */
	int64_t wall_us;  /* the time now, UTC */
	char machine_id[33];
	char boot_id[37];
	char hostname[65];
} __attribute__((packed));

/* Payload of ENTRY: this header, then the path below the requested one (no leading slash, may
 * hold any byte but NUL), then for 'l' and 'e' the target, then extended attributes (wire/entry.h).
 * DATA and HOLE frames follow a file: at most `size` bytes, but for a file without a size (/proc),
 * which may have content still. */
struct agent_entry {
	uint8_t kind; /* 'f' file, 'd' folder, 'l' link, 'o' other, 'e' not readable: target says
			 why */
	uint8_t reserved[3];
	uint32_t mode; /* the lower twelve bits */
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t path_len;
	uint32_t target_len;
	uint32_t xattrs_len;
} __attribute__((packed));

/* Events of fsqa-test (JSON, one frame each):
 *   {"event":"start","test":"compression.zstd","expect":["regex",...]}
 *   {"event":"end","status":"PASS|FAIL|ERROR|SKIP","code":1,"reason":"...","duration_us":123}
 *   {"event":"collect","path":"/var/log/x"}      a log the stage declares
 *   {"event":"reboot","mark":"after-crash"}      acknowledged, and then the host has it rebooted
 *   {"event":"begins","test":"generic.001"}      of a test that its suite's program announced
 *   {"event":"disk","disk":"xvdb","action":"unplug|plug|error|slow|heal","test":"compression.zstd",
 *    "expect":["regex",...], ...}                from fsqa-disk: see run/disk_faults.h
 * A start is acknowledged once it is durable, a begin once that test's start is, an end once the
 * disks are as they were before, a disk once that is done, and a collect not by the host.
 * EVENT_ACK's payload is empty, or says why not. The connection's stream number ties an end to its
 * start; a stream that closes without an end is sent as
 * {"event":"end","status":"ERROR","died":true,"reason":"fsqa-test died"}. */
