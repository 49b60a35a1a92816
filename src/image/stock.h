/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stock.h: an image of the store, as image.c and root.c use it. */
#pragma once
#include "image/image.h"

/* The entry DIR/KEY, whole, held; NULL: there is none. */
struct image *stock_load(const char *dir, const char *key);
/* Free room of the folder, against what is needed to make an image. -ENOSPC with both. */
int stock_check_room(const char *dir, uint64_t bytes, struct err *e);
