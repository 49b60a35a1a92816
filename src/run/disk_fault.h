/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_fault.h: one fault of a scratch disk as it is asked for: by fsqa-disk in the guest, as an
 * event
 *   {"event":"disk","action":"unplug|plug|error|slow|heal","disk":"xvdb","test":NAME,
 *    "expect":["regex",...],                  kernel messages that follow from it
 *    "surprise":true,                         unplug
 *    "read":true,"write":true,"flush":true,"sector":8,"sectors":1,"count":1,"every":1,   error
 *    "bytes":1048576,"requests":100}          slow, each second
 * of which all but event, action and disk may be absent, and `test` is the subtest in which it
 * runs; or by the profile, as a word with the same names: xvdb:unplug,surprise
 * xvdb:error,write,sector=8-15,count=1   xvdb:slow,bytes=1M */
#pragma once
#include "target/target.h"
#include <jansson.h>
struct buf;
struct err;

const char *disk_fault_action(enum target_fault_kind kind); /* "unplug" */
/* -EINVAL: what the event says makes no fault. The disk's name is borrowed from it. */
int disk_fault_parse(const json_t *event, struct target_fault *ret, struct err *e);
/* A profile's word: its event, a new reference. -EINVAL: it makes no fault, or one that cannot be
 * declared (plug, heal). */
int disk_fault_word(const char *word, json_t **ret, struct err *e);
/* "xvdb: reads fail at sectors 8-15, once". */
void disk_fault_text(const struct target_fault *f, struct buf *out);
