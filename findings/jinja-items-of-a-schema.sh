#!/bin/sh
# One would guess: in a chat template, `{{ parameter.items.type }}` prints the type of an array's
# items, as `{{ parameter.type }}` prints "array".
# What happens: a dot finds the dict's method `items` first; of that `type` is undefined: nothing
# is printed, and nothing fails. `parameter["items"]` is right. The same holds for a key of the
# name keys, values, get, copy, pop or update.
# Who is hurt: whoever writes a template that describes tools: the model never learns the types.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check jinja2==3.1.6
"$directory/venv/bin/python" - <<'PYTHON'
import sys

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

print("jinja2", jinja2.__version__)
parameter = {"type": "array", "items": {"type": "string"}}
expected = {
    "{{ parameter.type }}": "array",
    "{{ parameter.items.type }}": "",
    "{{ parameter['items'].type }}": "string",
    "{{ parameter.items is defined }}": "True",
}
same = True
for template, text in expected.items():
    seen = ImmutableSandboxedEnvironment().from_string(template).render(parameter=parameter)
    print(template, "prints", repr(seen))
    same = same and seen == text
sys.exit(not same)
PYTHON
