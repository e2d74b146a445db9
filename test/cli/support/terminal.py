"""Run a program on a pseudo-terminal of 80 columns: ``terminal.py COMMAND...``.

What comes on standard input is typed there, what the program shows goes to standard output, and its
exit code is this process's. The end of standard input closes the terminal, which hangs up.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios

ROWS, COLUMNS = 24, 80

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
sources = [0, terminal]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed:
            os.write(terminal, typed)
        else:
            os.close(terminal)
            break
    if terminal in ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # Linux says so when the program is gone
            shown = b""
        if not shown:
            break
        os.write(1, shown)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
