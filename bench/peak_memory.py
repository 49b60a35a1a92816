#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Peak memory (VmHWM, which never falls) of fsqa and its worker while a command runs.

    bench/peak_memory.py FILE FSQA ARGS...

Writes to FILE one line each: name, MiB. Exit code: the command's.
"""
import subprocess
import sys
import time


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def peak_kib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            return f.read().strip()
    except OSError:
        return ""


def watch(argv):
    """Run it. Returns its exit code and {name: peak in KiB}."""
    peaks = {"fsqa": 0, "fsqa-worker": 0}
    run = subprocess.Popen(argv)
    while run.poll() is None:
        peaks["fsqa"] = max(peaks["fsqa"], peak_kib(run.pid))
        for pid in children(run.pid):
            if name_of(pid) == "fsqa-worker":
                peaks["fsqa-worker"] = max(peaks["fsqa-worker"], peak_kib(pid))
        time.sleep(0.05)
    return run.returncode, peaks


def main():
    code, peaks = watch(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="ascii") as f:
        for name, kib in peaks.items():
            f.write(f"{name} {kib // 1024}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
