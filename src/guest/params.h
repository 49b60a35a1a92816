/* SPDX-License-Identifier: GPL-2.0-or-later */
/* params.h: what the host tells the guest's init on the kernel's command line:
 *   fsqa.root=SERIAL:FSTYPE        the read-only root (virtio-blk serial number)
 *   fsqa.state=SERIAL              ext4 disk for all that is written; absent: memory
 *   fsqa.modules=SERIAL            image whose top is /lib/modules/<release>; absent: none
 *   fsqa.load=PATH,PATH,...        modules of that image to load first, in this order
 *   fsqa.hostname=NAME             absent: "fsqa"
 *   fsqa.links=SERIAL=NAME,...     disks that are to be seen as /dev/NAME, too
 *   fsqa.rotational=SERIAL=0,...   disks of those that are not rotational, or are (1), whatever
 *                                  their driver says
 *   fsqa.net=ADDRESS/BITS,GATEWAY,DNS   of the one network device, IPv4; absent: none
 *   fsqa.shares=SERIAL:FSTYPE=NAME,...   what is to be mounted read-only on /mnt/NAME
 *   fsqa.users=NAME,...            users that the root is to have beside its own
 *   fsqa.init=system               the root's own init takes over; absent: fsqa-guest stays it
 * Documented in docs/formats/guest.md. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define PARAMS_SERIAL 20 /* what virtio-blk keeps of a serial number */
#define PARAMS_LINKS  64
#define PARAMS_SHARES 16
#define PARAMS_USERS  16

struct params_link {
	char serial[PARAMS_SERIAL + 1];
	char name[64];   /* beneath /dev, no slash */
	char rotational; /* '0', '1', or NUL: as its driver says */
};

struct params_share {
	char serial[PARAMS_SERIAL + 1]; /* or 9p's tag */
	char fstype[16];
	char name[64]; /* beneath /mnt, no slash */
};

struct params {
	char root[PARAMS_SERIAL + 1];
	char root_fstype[16];
	char state[PARAMS_SERIAL + 1];   /* "": none */
	char modules[PARAMS_SERIAL + 1]; /* "": none */
	char load[1024];                 /* "kernel/a.ko,kernel/b.ko"; "": none */
	char hostname[65];
	struct params_link links[PARAMS_LINKS];
	size_t n_links;
	struct params_net {
		bool used;
		uint32_t address, mask, gateway, dns; /* as in_addr_t */
	} net;
	struct params_share shares[PARAMS_SHARES];
	size_t n_shares;
	char users[PARAMS_USERS][33]; /* 32 is what useradd(8) takes */
	size_t n_users;
	bool own_init; /* of the root's */
};

/* Read the words that begin with "fsqa."; the others are the kernel's own. Allocates nothing.
 * -EINVAL: unknown or malformed word (the message quotes it), no root; -E2BIG: too many links. */
int params_parse(const char *cmdline, struct params *ret, struct err *e);
