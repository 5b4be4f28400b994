"""What the scripts tell their process before torch starts: not against the user, and not too late."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="nothing is told elsewhere")
FIRST = dict.fromkeys(["run_clm_reverse.py", "compute_aot.py"], "process")
FIRST |= dict.fromkeys(["tokenize_lang.py", "make_synthetic.py", "generate.py", "rerank.py", "report.py"], "collector")
TELL = "import os; print(os.environ.get('GOMP_SPINCOUNT'), aot.base.process.keep_pages())"


def told(code: str, **environment: str) -> list[str]:
    """The last line that Python code prints, in words; of the settings, its environment has what is given alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_W", "GOMP", "MALLOC"))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


@LINUX
def test_threads_sleep_soon_and_pages_are_kept():
    assert told(f"import aot.base.process; {TELL}") == ["1000", "True"]


@LINUX
@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_the_user_says_how_threads_wait(name):
    value = "ACTIVE" if name.startswith("OMP") else "7"
    count = str({"GOMP_SPINCOUNT": "7"}.get(name))
    assert told(f"import aot.base.process; {TELL}", **{name: value}) == [count, "True"]


@LINUX
@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_the_user_says_how_memory_is_kept(name):
    value = "2" if name.startswith("MALLOC") else "glibc.malloc.arena_max=2"
    assert told(f"import aot.base.process; {TELL}", **{name: value}) == ["1000", "False"]


def test_it_is_too_late_when_torch_is_there():
    assert told(f"import torch, aot.base.process; {TELL}")[0] == "None"


@LINUX
def test_large_blocks_come_from_pages_that_are_kept():
    """After a first time, the kernel hands over next to no more pages."""
    use = "x = bytearray(50_000_000); del x; "
    faults = "import resource; f = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt; "
    count = f"{faults}{use}a = f(); exec({use!r} * 5); print(f() - a)"
    assert int(told(f"import aot.base.process; {count}")[0]) < 1000 < int(told(count)[0])


def test_the_collector_looks_less_often_while_the_rest_is_imported():
    told_so = "import gc, sys, {}; print(gc.get_threshold() == aot.base.collector.AS_USUAL, 'numpy' in sys.modules)"
    assert told(told_so.format("aot.base.process")) == ["False", "False"]
    assert told(told_so.format("numpy, aot.base.process")) == ["True", "True"]


def test_the_collector_leaves_what_was_imported_and_looks_as_usual():
    look = "lambda: print(gc.get_threshold() == aot.base.collector.AS_USUAL, gc.get_freeze_count() > 10_000)"
    assert told(f"import aot.base.process, aot.base.cli, gc; aot.base.cli.command({look})") == ["True", "True"]


@pytest.mark.parametrize("script", FIRST)
def test_scripts_tell_it_first(script):
    imports = [line for line in (ROOT / script).read_text(encoding="utf-8").splitlines() if " import " in f" {line}"]
    begin = [line for line in imports if line.startswith(("import ", "from "))][:3]
    assert begin[:2] == ["import sys", "from pathlib import Path"]  # which say where the others are
    assert begin[2].startswith(f"import aot.base.{FIRST[script]}  # isort: skip")
