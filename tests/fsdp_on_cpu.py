"""run_clm_reverse.py with FSDP on CPUs: Accelerate has FSDP for GPUs alone and would silently run DDP in its place.

Used by test_launchers.py in place of the script. Only the choice of the backend is replaced, nothing of FSDP.
"""

import runpy
import sys
from pathlib import Path

from accelerate.state import PartialState
from accelerate.utils import DistributedType

ROOT = Path(__file__).resolve().parent.parent
initialize = PartialState.__init__


def initialize_as_if_on_gpus(self, cpu=False, **kwargs):
    initialize(self, cpu=False, **{**kwargs, "backend": None})


PartialState._prepare_backend = lambda self, *args, **kwargs: ("gloo", DistributedType.MULTI_GPU)
PartialState.__init__ = initialize_as_if_on_gpus
sys.path.insert(0, str(ROOT))
sys.argv[0] = "run_clm_reverse.py"
runpy.run_path(str(ROOT / "run_clm_reverse.py"), run_name="__main__")
