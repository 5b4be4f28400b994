"""Where this project is."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
# Scripts, templates and what else stands beside aot/: in a checkout, there; where this was installed, inside of it.
ROOT = CHECKOUT if (CHECKOUT / "compute_aot.py").is_file() else PACKAGE / "root"
