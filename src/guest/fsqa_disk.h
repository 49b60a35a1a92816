/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsqa_disk.h: `fsqa-disk`, what a script in a target calls to have its scratch disks unplugged,
 * failing or slow while it runs. Documented in docs/formats/guest.md. */
#pragma once

/* -> exit code: 0 it is done; 1 the host says why not; 2 usage; 125 the host could not be told. */
int fsqa_disk_main(int argc, char **argv);
