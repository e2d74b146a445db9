"""Says what the user's pip is set to (files and environment), as one JSON object on stdout.

pip shows its settings as lines `section.name='value'`, the value as Python writes a string. Those
in [global] hold for this very command, too: with `user = true` it would show the user's own file
alone, with `isolated` no file of the user's, with `python` those of another Python.
"""

import ast
import json
import os
import re
import subprocess
import sys

LINE = re.compile(r"^(global|install|:env:)\.([\w-]+)=(['\"].*)$")
WEIGHT = {"global": 0, "install": 1, ":env:": 2}

shown = subprocess.run(
    [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"],
    env={
        **os.environ,
        "PIP_USER": "0",
        "PIP_ISOLATED": "0",
        "PIP_PYTHON": sys.executable,
    },
    check=False,
    stdout=subprocess.PIPE,
    text=True,
)
if shown.returncode != 0:
    sys.exit(shown.returncode)  # pip has said why
found = [match.groups() for match in map(LINE.match, shown.stdout.splitlines()) if match]
found.sort(key=lambda setting: WEIGHT[setting[0]])
print(json.dumps({name: ast.literal_eval(value) for _, name, value in found}))
