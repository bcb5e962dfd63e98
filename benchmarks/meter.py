"""Run one command and print its wall seconds, peak memory in KiB and exit code: ``python -I -S meter.py COMMAND...``.

A process inherits the peak of the one that starts it, so this one imports next to nothing: with ``-I -S`` it stays below
any Python program that it measures.
"""

import os
import sys
import time

SILENT = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]

if __name__ == "__main__":
    start = time.perf_counter()
    process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=SILENT)
    _, status, usage = os.wait4(process, 0)
    sys.stdout.write(f"{time.perf_counter() - start} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}\n")
