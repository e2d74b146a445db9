#!/bin/sh
# One would guess: `kill -INT` raises KeyboardInterrupt in a Python program, as Ctrl-C does.
# What happens: a shell script starts a program with `&` so that it ignores SIGINT, and Python then
# leaves it ignored: nothing is raised, and `except KeyboardInterrupt` and `finally` never run.
# SIGTERM ends the program, without cleaning up. Started by Python's subprocess it is interrupted.
# Who is hurt: whoever starts a server or a training run in the background of a script, and stops it
# with SIGINT for a clean end.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cat >"$directory/program.py" <<'PYTHON'
import sys
import time

print("ready", flush=True)
try:
    time.sleep(3)
    print("slept to the end", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
PYTHON
cat >"$directory/start.py" <<'PYTHON'
import signal
import subprocess
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)
command = [sys.executable, sys.argv[1]]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
    program.stdout.readline()
    program.send_signal(signal.SIGINT)
    print(program.stdout.read().strip())
PYTHON
python3 --version
python3 "$directory/program.py" >"$directory/said" &
program=$!
until grep -q ready "$directory/said"; do sleep 0.1; done
kill -INT "$program"
wait "$program"
background=$(tail -n 1 "$directory/said")
child=$(python3 "$directory/start.py" "$directory/program.py")
echo "SIGINT to a background job of sh: $background"
echo "SIGINT to a child of Python:      $child"
test "$background" = "slept to the end"
test "$child" = "interrupted"
