#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qcow2.py RAW QCOW2: a qcow2 image (version 3) with the content of a raw one."""
import struct
import sys

CLUSTER = 65536
raw = open(sys.argv[1], "rb").read()
raw += bytes(-len(raw) % CLUSTER)
n = len(raw) // CLUSTER
tables = -(-n // (CLUSTER // 8))  # of level 2
# Header, refcount table, refcount blocks, level 1, level 2, data.
total = 3 + tables + n
blocks = -(-(total + 8) // (CLUSTER // 2))
total += blocks
l1_at = (2 + blocks) * CLUSTER
l2_at = l1_at + CLUSTER
data_at = l2_at + tables * CLUSTER
COPIED = 1 << 63


def padded(b):
    return b + bytes(-len(b) % CLUSTER)


with open(sys.argv[2], "wb") as out:
    out.write(padded(struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, len(raw), 0, tables,
                                 l1_at, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 104)))
    out.write(padded(struct.pack(f">{blocks}Q", *((2 + i) * CLUSTER for i in range(blocks)))))
    out.write(padded(struct.pack(f">{total}H", *([1] * total))).ljust(blocks * CLUSTER, b"\0"))
    out.write(padded(struct.pack(f">{tables}Q", *(COPIED | (l2_at + i * CLUSTER) for i in range(tables)))))
    entries = [COPIED | (data_at + i * CLUSTER) if raw[i * CLUSTER:(i + 1) * CLUSTER].strip(b"\0") else 0
               for i in range(n)]
    out.write(padded(struct.pack(f">{n}Q", *entries)).ljust(tables * CLUSTER, b"\0"))
    out.write(raw)
