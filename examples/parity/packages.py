"""What of the original's packages this Python lacks, as one line of JSON: ``python packages.py``.

Imports the standard library alone, so that it runs in any Python.
"""

import importlib.util
import json
import sys

# Those of the original's that sampling needs; for the others `stand_ins.py` stands in.
NEEDED = ("torch", "lightning", "torchmetrics", "transformers", "omegaconf", "hydra", "einops")


def missing() -> list[str]:
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


if __name__ == "__main__":
    print(json.dumps({"missing": missing(), "version": sys.version.split()[0]}))
