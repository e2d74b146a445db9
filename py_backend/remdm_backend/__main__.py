"""This module makes ``python -m remdm_backend`` the console script."""

import sys

from remdm_backend.cli import main

sys.exit(main())
