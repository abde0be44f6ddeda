"""Run a command, its output in a file, and print its seconds, its peak memory in MB and its CPU.

A process of its own, and a small one: the kernel counts the memory of whoever starts a command
as the command's. Peak memory is that of the largest process, CPU that of all of them, in seconds.

Usage: python -I -S launch.py OUTPUT COMMAND …
"""

import os
import sys
import time

output, *command = sys.argv[1:]
begun = time.monotonic()
files = [
    (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
]
process = os.posix_spawn(command[0], command, os.environ, file_actions=files)
_, status, usage = os.wait4(process, 0)
print(time.monotonic() - begun, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)
sys.exit(os.waitstatus_to_exitcode(status))
