#!/bin/sh
# One would guess: snapshot_download(local_files_only=True) fails where the cache holds only some
# files of the repository.
# What happens: one file that hf_hub_download cached before is enough: the folder with that one file
# is returned, also where the patterns name a file that is missing.
# Who is hurt: whoever looks by it whether a model is there (an offline machine, a container): the
# tokenizer's config was read once, and the weights are reported as present.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check huggingface_hub==2.4.0
cat >"$directory/check.py" <<'PYTHON'
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILE = b"{}"


class Hub(BaseHTTPRequestHandler):
    """A hub on this machine whose one repository has config.json and, not asked for, weights."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"config"')
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(FILE)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["HF_HOME"] = sys.argv[1]
os.environ["HF_HUB_DISABLE_XET"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
import huggingface_hub

huggingface_hub.hf_hub_download("someone/model", "config.json")
server.shutdown()
print("huggingface_hub", huggingface_hub.__version__)
seen = []
for patterns in (None, "*.safetensors"):
    folder = huggingface_hub.snapshot_download(
        "someone/model", local_files_only=True, allow_patterns=patterns
    )
    seen.append(os.listdir(folder))
    print("local snapshot, patterns", patterns, "holds", seen[-1])
sys.exit(seen != [["config.json"], ["config.json"]])
PYTHON
"$directory/venv/bin/python" "$directory/check.py" "$directory/cache"
