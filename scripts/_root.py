"""Imported first by every script: `python scripts/x.py` puts only `scripts/` on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
