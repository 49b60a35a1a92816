/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packages.h: downloaded packages, kept for the next image, and for one whose making was cut short:
 * IMAGES/.packages/ARCH/, as apt's /var/cache/apt/archives. */
#pragma once
struct err;

struct packages {
	char *dir; /* NULL: another process uses it now, so this one downloads for itself */
	int lock;
};
#define PACKAGES_NONE                                                                              \
	(struct packages)                                                                          \
	{                                                                                          \
		.lock = -1                                                                         \
	}

/* `images`: the folder of the store. */
int packages_open(const char *images, const char *arch, struct packages *ret, struct err *e);
/* Of more than a few gigabytes those kept longest go first. */
void packages_close(struct packages *p);
#define auto_packages __attribute__((cleanup(packages_close)))
