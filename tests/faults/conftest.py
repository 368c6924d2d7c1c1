"""Puts tests/lib on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from fixtures import deployment  # noqa: E402,F401
