/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.h: the one network device of a guest, with the address that the host gave on the command
 * line: no DHCP client is needed, nor a program of the image's. */
#pragma once
struct err;
struct params;

/* Wait for the device (some seconds), give it address and route, write /etc/resolv.conf. -ENODEV:
 * none came. */
int net_set_up(const struct params *p, struct err *e);
