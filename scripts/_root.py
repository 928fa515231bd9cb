"""Adds the root of the repository to the import path. Every script imports this first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
