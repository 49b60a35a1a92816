/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protocol.h: what fsqa (the controller) and fsqa-worker say to each other over wire/frame.h,
 * on the worker's descriptor 3. The worker gets its work resolved: no configuration, no store.
 *
 *   controller                              worker
 *     |  JOB 1 {json, below} ... JOB 0 the rest of it ->
 *     |  <- RECORD seq {"type": ..., fields}   |   to be written into the journal
 *     |  ACK seq ->                            |   it and all before it are durable
 *     |  <- ARTIFACT 0 {test attempt name kind}
 *     |  <- ARTIFACT_DATA 0 bytes ...          |   paused while LINK_HIGH is queued
 *     |  <- ARTIFACT_END seq {cut}  ACK seq -> |   then the worker's copy may go
 *     |  <- STATUS 0 {phase: boot|stage|...}   |   for the display only
 *     |  STOP 0 why ->                         |   end early, with evidence
 *     |  TTY_IN 0 bytes, TTY_SIZE 0 {cols, rows} ->  <- TTY_OUT 1|2 bytes     fsqa shell
 *     |  <- TTY_TAKEN 0 {u32 bytes}            |   of TTY_IN: at most RUN_TTY_WINDOW are under way
 *     |  <- DONE 0 {error?, exit?, kept?}      |   everything is told; kept: the test at whose
 *     |                                        |   failure the machine was kept
 *     |  BYE 0 ->                              |   everything is durable: clean up and end, or
 *     |                                        |   be the kept machine's only owner from here on
 *
 * The controller's end closing means: kill the target and end; the spool stays.
 *
 * JOB: {"work_dir", "target": {arch accel kernel initramfs modules load? root root_fstype
 * root_format? root_stamp? network append
 * hostname memory_bytes state_bytes cpus boot_deadline_us qemu core core_max_bytes save_to?
 * clone_of? disks:[{serial link size_bytes saved_bytes? block_bytes physical_bytes cache discard
 * rotational zone_bytes?}], faults?: bool,
 * shares?:[{path name fstype}]},
 * "stages": [{suite? name script timeout_us requires[] logs[]}] (of a suite that lists its tests
 * {suite name tests[] tree? config? test_timeout_us timeout_factor? timeouts_us?{} timeout_us
 * own_report? loops? requires?[] logs?[] files?:[{path dest mode}] needs?:[{what hard text}]
 * provokes?[]}, as suite/suite.h has it), "files": [{path dest mode}], "faults": [{stage or test,
 * faults[] (disk_fault.h), expect[]}], "may_emulate": bool, "isolate": bool, "control": {kernel
 * initramfs modules load? release}?, "env": [], "logs_max_bytes", "logs_max_files",
 * "image_max_bytes"?, "record_limit", "hang_timeout_us", "salvage"?, "kernel_source", "shell":
 * {"argv", "cols", "rows", "put": [{from to}], "fetch": [{from to}]}?, "keep": bool, "hold": {file
 * idle_us console}?}
 *
 * Who attaches to the machine (run/attach.h) speaks the same frames, over the unix socket
 * RUN_ATTACH in the work_dir, mode 0600. One connection is one command, or one debugger:
 *
 *   client                                  worker
 *     |  ATTACH_EXEC 0 {argv[], pty, cols, rows} ->  |   TTY_IN, TTY_SIZE ->  <- TTY_OUT, TTY_TAKEN
 * as above |  <- DONE 0 {exit} or {error}            |   then it closes |  ATTACH_GDB 0 -> <- DONE
 * 0 {exit 0}          |   QEMU serves gdb at the unix socket RUN_GDB beside | |   it until the
 * client closes, or {error}
 *
 * A client that closes ends its command: HUP, then KILL. */
#pragma once

#define RUN_WORKER_FD  3
#define RUN_TTY_WINDOW (256u * 1024)
#define RUN_ATTACH     "attach"
#define RUN_GDB        "gdb"
/* In the work_dir, too: {"command": QEMU's, "kernel": the file it boots, "kernel_source"} of the
 * machine that is up, or was last, and the kernel's "build_id" where it has one. */
#define RUN_MACHINE "machine.json"

enum run_message {
	RUN_JOB = 100,
	RUN_RECORD = 101,
	RUN_ACK = 102,
	RUN_ARTIFACT = 103,
	RUN_ARTIFACT_DATA = 104,
	RUN_ARTIFACT_END = 105,
	RUN_STATUS = 106,
	RUN_STOP = 107,
	RUN_TTY_IN = 108,
	RUN_TTY_SIZE = 109,
	RUN_TTY_OUT = 110,
	RUN_DONE = 111,
	RUN_BYE = 112,
	RUN_ATTACH_EXEC = 113,
	RUN_ATTACH_GDB = 114,
	RUN_TTY_TAKEN = 115,
};
