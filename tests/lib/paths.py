"""Where the tests find what was built."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("BIRDCAR_BIN", ROOT / "build/asan/bin")).resolve()
FAKETIME = BIN.parent / "lib" / "libfaketime.so"
