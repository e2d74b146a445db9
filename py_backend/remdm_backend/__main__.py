"""``python -m remdm_backend``."""

import sys

from remdm_backend.cli import main

sys.exit(main())
