"""Measurements in processes of their own, by turns, and the table of what came of them."""

import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from aot.base.files import replacing
from aot.base.places import ROOT
from experiments.speed import Case, Contestant, Stage, last_words

COLUMNS = "stage who {unit}_per_second seconds ours_is_faster_by lowest highest goal scored_share peak_megabytes"
COLUMNS += " bits_per_byte of_matmul_rate compile_seconds attention profile failed repeats size vocab_size context"
COLUMNS += " batch steps text_mb dtype arithmetic process_settings threads cores load_average device commit torch"
COLUMNS += " transformers"
PATIENCE = 10  # seconds in which what is told to stop has to


class Failed(Exception):
    """A process that did not measure; the message says why."""


def apart(what: str, case: Case, process_settings: bool, timeout: float) -> dict:
    """What `main` of experiments/speed.py makes of a case in a process of its own; Failed where that is nothing."""
    code = f"{'import aot.base.process; ' * process_settings}from experiments.speed import main; main()"
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        streams = {"stdin": subprocess.PIPE, "stdout": out, "stderr": err, "cwd": ROOT, "start_new_session": True}
        paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])  # with PYTHONSAFEPATH, too
        streams["env"] = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        process = subprocess.Popen([sys.executable, "-c", code, what, json.dumps(vars(case))], **streams)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"no result after {timeout:g} seconds") from error
        finally:
            stop(process)
        for stream in (out, err):
            stream.seek(0)
        if status < 0:
            raise Failed(f"ended by {signal.Signals(-status).name}{' (out of memory?)' * (status == -signal.SIGKILL)}")
        if status:
            raise Failed(last_words(err.read()))
        return json.loads(out.read().splitlines()[-1])


def stop(process: subprocess.Popen) -> None:
    """End a measurement and all that it started; by SIGTERM at first, which tells `accelerate` to end its workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)
    process.wait()
    process.stdin.close()


@dataclass
class Runs:
    """What came of one contestant: a result for each repeat, up to one that failed."""

    contestant: Contestant
    case: Case
    results: list[dict] = field(default_factory=list)
    where: dict = field(default_factory=dict)
    load: float = 0.0
    failed: str | None = None

    def repeat(self, timeout: float) -> None:
        """Measure once more, unless that failed before."""
        if self.failed is None:
            self.load = max(self.load, os.getloadavg()[0])
            try:
                self.results.append(apart("measure", self.case, self.contestant.process_settings, timeout))
            except Failed as error:
                self.failed = str(error)

    def begun(self) -> bool:
        return bool(self.results) or self.failed is not None

    def rates(self) -> list[float]:
        """Amount per second of each repeat."""
        return [result["amount"] / result["seconds"] for result in self.results]

    def row(self, stage: Stage, ours: "Runs") -> dict:
        """A row of the table: medians, and how much faster ours is."""

        def median(key, digits=3, scale=1):
            values = [result[key] for result in self.results if key in result]
            return round(statistics.median(values) / scale, digits) if values else None

        others = ours.rates() if stage.contestants else []  # texts of different sizes are no contest
        pairs = zip(others, self.rates(), strict=False)  # of the same repeat, while there are both
        ratios = [round(our / my, 3) for our, my in pairs]
        on_cpu = not torch.accelerator.is_available()
        taken = {
            f"{stage.unit}_per_second": round(statistics.median(self.rates()), 1) if self.results else None,
            "seconds": median("seconds"),
            "ours_is_faster_by": round(statistics.median(ratios), 3) if ratios else None,
            "lowest": min(ratios, default=None),
            "highest": max(ratios, default=None),
            "goal": self.contestant.goal if on_cpu else None,
            "scored_share": median("scored_share"),
            "bits_per_byte": median("bits_per_byte"),
            "peak_megabytes": median("peak_bytes", None, 1e6),
            "of_matmul_rate": median("of_matmul_rate"),
            "compile_seconds": median("compile_seconds"),
            "failed": self.failed,
            "repeats": len(self.results),
            "load_average": round(self.load, 2),
        }
        if self.case.stage == "pair":
            taken["steps"] = self.case.pair_steps
        where = {key: self.where[key] for key in ("device", "commit", "torch", "transformers", "cores") if self.where}
        return {**where, **(self.results[-1] if self.results else {}), **vars(self.case), **taken}


def write_table(path: Path, unit: str, rows: list[dict]) -> list[dict]:
    """Write the columns that any of the rows has something in, as CSV; gives what is written."""
    columns = COLUMNS.format(unit=unit).split()
    columns = [each for each in columns if any(row.get(each) is not None for row in rows)]
    rows = [{each: row.get(each) for each in columns} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return rows
