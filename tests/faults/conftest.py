"""Puts tests/lib on the path, and gives each run its seed."""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from fixtures import deployment  # noqa: E402,F401


@pytest.fixture
def seed(capsys):
    """BIRDCAR_SEED=n does what the run with that number did, as far as processes do the same twice."""
    number = int(os.environ.get("BIRDCAR_SEED") or random.SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f" [BIRDCAR_SEED={number}] ", end="", flush=True)
    return number
