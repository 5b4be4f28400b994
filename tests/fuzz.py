"""Change one thing at a time: does each script end with the result of an undisturbed run, or one line that says why?

    python -m tests.fuzz --cases 2000
    python -m tests.fuzz --only 17              # this case alone, and what it printed

A case is a command of one of the scripts, some of which begin, some go on, and some find all done, and one change: to
a byte or a value of a file that the project wrote, to a file of the user's own, to a flag, to a variable of the
environment, or a signal at a random moment. It passes where the command ends with 0 and has made what it makes without
the change, or of the changed input whenever it is run; or ends otherwise, says so in one line and not in a traceback,
and leaves every finished thing as it was and nothing that looks finished. After a signal the same command, run again,
has to make what it makes undisturbed.

Writes results/fuzz.json: how many cases of which kind passed, and those that did not.
"""

import functools
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("HF_ENDPOINT", "http://127.0.0.1:9")  # before its import: nothing of the network is there
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from tqdm import tqdm

import aot.publish.cards  # noqa: F401  the scripts import these late, and a fork should not have to
import aot.publish.hub  # noqa: F401
import aot.show.figures  # noqa: F401
import aot.show.quick_figures  # noqa: F401
import aot.train.trainer  # noqa: F401
import run_clm_reverse
from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import file_sha256, write_json
from aot.base.folders import RESULTS
from aot.base.machine import provenance
from aot.tokens import streams
from aot.train.runs import STATE
from tests.forks import end_all, run_script, start, wait
from tests.fuzz_tasks import BEGUN, HALF, TASKS, Task, write_inputs
from tests.mutations import SIGNALS, VARIABLES, Mutation, change_file, change_flag
from tests.soak import NOT_COMPARED, content

ROOT = Path(__file__).resolve().parent.parent
BAR = re.compile(r"\d+%\||it/s|s/it|\d[kMG]?B/s")  # a line of tqdm
LIMIT = 180  # seconds of a command, which takes two; a longer one was told to do much, and is ended
ROOM = 6 * 2**30  # bytes of memory that a command may have more than it begins with


def stop_after(module, function: str, name: str, times: int) -> None:
    """Have this process end as if killed when a function of a module has written files of a name so many times."""
    write, left = getattr(module, function), [times]

    def and_end(path, *how):
        write(path, *how)
        left[0] -= Path(path).name == name
        if not left[0]:
            os._exit(9)

    setattr(module, function, and_end)


def begin(task: Task, world: Path, change: Mutation | None = None, stop: tuple | None = None) -> int:
    """Start a command in a folder, with what was changed; gives its process id. It prints to out and err beside it."""
    change = change or Mutation("", "")
    argv = [*task.argv.split(), *change.flags]

    def child() -> int:
        for number, name in enumerate(("out", "err"), start=1):
            os.dup2(os.open(world.with_name(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which ends a job in another way
        os.environ.update(change.environment)
        if change.fresh:
            os.execv(sys.executable, [sys.executable, task.script.__file__, *argv])
        begins_with = 1024 * int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1])
        resource.setrlimit(resource.RLIMIT_AS, (begins_with + ROOM,) * 2)
        if stop:
            stop_after(*stop)
        ready.touch()
        return run_script(task.script, argv)

    ready = world.with_name("ready")
    for name in ("out", "err"):
        world.with_name(name).write_bytes(b"")
    ready.unlink(missing_ok=True)
    pid = start(world, child)
    end = time.monotonic() + LIMIT
    while not (ready.exists() or change.fresh or time.monotonic() > end):  # or a signal reaches what is no script yet
        time.sleep(0.001)
    return pid


def run(task: Task, world: Path, change: Mutation | None = None, stop: tuple | None = None) -> int | None:
    """The exit status of a command, None where it takes too long."""
    pid = begin(task, world, change, stop)
    try:
        return wait(pid, LIMIT)
    finally:
        end_all(pid)


def said(world: Path) -> tuple[str, str]:
    """What the last command in a folder has printed, and what to stderr, without progress bars."""
    out, err = (world.with_name(name).read_bytes().decode(errors="replace") for name in ("out", "err"))
    return out, "\n".join(line for line in re.split("[\r\n]", err) if line.strip() and not BAR.search(line))


def build(world: Path) -> None:
    """All that the tasks begin with: texts, and what the scripts made of them, finished and not."""
    world.mkdir(parents=True)
    write_inputs(world)
    for name in (*BEGUN, *HALF):
        if run(TASKS[name], world, stop=HALF.get(name)) != (9 if name in HALF else 0):
            raise SystemExit(f"{name}: {said(world)[1]}")


def look(world: Path) -> dict[str, object]:
    """What is in each file of a folder, but for times, locks and the like."""
    found = {}
    for path in sorted(world.rglob("*")):
        if path.is_file() and path.name not in NOT_COMPARED and not path.name.endswith(".lock"):
            try:
                found[str(path.relative_to(world))] = known = content(path)
                if path.name == STATE:  # ∂ is there where the other direction was done before
                    known["log_history"] = [{**entry, "eval_aot": None} for entry in known["log_history"]]
            except (Exception, SystemExit):  # one that was damaged
                found[str(path.relative_to(world))] = file_sha256(path)
    return found


def made(before: dict, after: dict, but: str | None = None) -> dict[str, object]:
    """What is new, other or gone, but for a path and what is in it."""
    differ = {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}
    return {name: differ[name] for name in differ if but is None or name != but and not name.startswith(f"{but}/")}


def without_checkpoints(found: dict) -> dict:
    """Without those, of which a run that is told to stop makes one more."""
    return {name: of for name, of in found.items() if "/checkpoint-" not in name}


def within(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}/") for folder in folders)


def half_made(task: Task, before: dict, after: dict, whole: dict) -> list[str]:
    """What a command that failed has changed of what was there, or has left that looks finished and is not."""
    trains = task.script is run_clm_reverse
    found = []
    for name, now in made(before, after).items():
        own, folder = within(name, task.makes), str(Path(name).parent)
        about = name.removesuffix(".request.json")  # texts that are not there yet
        if ".partial" in name or about not in (name, *after) or own and whole.get(name, now) == now and name in whole:
            continue  # unfinished and looking so, or as it should be
        if trains and own and f"{folder}/{RESULTS}" not in after and any("/checkpoint-" in each for each in after):
            continue  # a run that has begun to train
        found.append(f"{'changed' if name in before else 'left'} {name}")
    return found


def draw(task: Task, choose: random.Random) -> Mutation:
    """What will be other than it should be; that of a file is still to be done."""
    kinds = {"flag": 3 if task.kinds else 0, "file": 4 if task.reads else 0, "input": 2 if task.inputs else 0}
    kinds |= {"variable": 1, "signal": 1.5}
    kind = choose.choices([*kinds], [*kinds.values()])[0]
    if kind == "flag":
        flags = change_flag(task.kinds, choose)
        return Mutation(kind, " ".join(flags), flags=flags)
    if kind == "variable":
        name = choose.choice([*VARIABLES])
        value = choose.choice(VARIABLES[name])
        return Mutation(kind, f"{name}={value}", environment={name: value}, fresh=choose.random() < 0.2)
    if kind == "signal":
        number = choose.choice(SIGNALS)
        return Mutation(kind, number.name, number=number, at=choose.random())
    return Mutation(kind, "")


def apply(task: Task, change: Mutation, world: Path, choose: random.Random) -> None:
    """Change the file that a mutation is about, if any."""
    if change.kind in ("file", "input"):
        patterns = task.reads if change.kind == "file" else task.inputs
        files = sorted({path for pattern in patterns for path in world.glob(pattern) if path.is_file()})
        change.path = str(choose.choice(files).relative_to(world))
        change.what = f"{change.path}: {change_file(world, change.path, choose)}"


class Fuzzer:
    """The folder that tasks begin with, and what each makes of it undisturbed."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed = folder, seed
        self.begins = folder / "begins" / "world"
        build(self.begins)
        self.before = look(self.begins)

    def copy(self, name: str) -> Path:
        world = self.folder / name / "world"
        shutil.rmtree(world.parent, ignore_errors=True)
        shutil.copytree(self.begins, world)
        return world

    @functools.cache  # noqa: B019  for as long as there is a fuzzer
    def undisturbed(self, name: str) -> tuple[dict, str, float]:
        """What a task makes, prints, and how many seconds it takes."""
        world, begun = self.copy(f"whole-{os.getpid()}"), time.monotonic()
        if run(TASKS[name], world) != 0:
            raise SystemExit(f"{name}: failed, and nothing was changed: {said(world)}")
        return made(self.before, look(world)), said(world)[0], time.monotonic() - begun

    def case(self, number: int) -> dict:
        """One case: what it was, how it ended, and what is wrong with that, if anything."""
        choose = random.Random(f"{self.seed} {number}")
        name = choose.choice([*TASKS])
        task, state = TASKS[name], choose.getstate()
        whole, printed, seconds = self.undisturbed(name)
        world = self.copy(f"case-{os.getpid()}")
        change = draw(task, choose)
        apply(task, change, world, choose)
        before = look(world)
        status = interrupted(task, world, change, seconds) if change.number else run(task, world, change)
        out, err = said(world)
        after, last = look(world), err.splitlines()[-1] if err else ""
        wrong = wrong_end(change, status, err, last)
        if status != 0:
            wrong += half_made(task, before, after, whole)[:3]
        elif not change.number:
            if change.kind in ("flag", "input"):  # another thing was asked for: is it the same each time?
                whole, printed = self.again(task, change, state)
            wrong += another(task, change, made(before, after, change.path), whole, (out, printed))
        if change.number:
            wrong += goes_on(task, world, before, whole)
        known = {"case": number, "task": name, "kind": change.kind, "what": change.what, "status": status}
        return known | {"said": last, "unforeseen": "AOT_TRACEBACK" in last, "wrong": wrong}

    def again(self, task: Task, change: Mutation, state) -> tuple[dict, str]:
        """What the same command with the same change makes and prints elsewhere."""
        world, choose = self.copy(f"again-{os.getpid()}"), random.Random()
        choose.setstate(state)
        apply(task, draw(task, choose), world, choose)
        before = look(world)
        status = run(task, world, change)
        return (made(before, look(world), change.path) if status == 0 else {"status": status}), said(world)[0]


def another(task: Task, change: Mutation, found: dict, whole: dict, printed: tuple[str, str]) -> list[str]:
    """In what a result differs from what should have been made."""
    differ = [name for name in made(found, whole) if not within(name, (change.path or "-",))]
    wrong = [f"another result: {', '.join(differ[:4])}"] if differ else []
    timed = task.script is run_clm_reverse or change.kind == "variable"  # prints times, or in another width
    return wrong + ["prints another result"] * (not timed and printed[0] != printed[1])


def interrupted(task: Task, world: Path, change: Mutation, seconds: float) -> int | None:
    """The exit status of a command that gets a signal, 0 where that comes too late."""
    pid = begin(task, world)
    try:
        status = wait(pid, change.at * seconds)
        if status is None:
            os.killpg(pid, change.number)
            status = wait(pid, LIMIT)
        return status
    finally:
        end_all(pid)


def wrong_end(change: Mutation, status: int | None, err: str, last: str) -> list[str]:
    """What is wrong with how a command ended; that Python lost an interrupt, as it may while it collects, it says."""
    lost = "Exception ignored" in err and change.number
    wrong = ["a traceback"] if "panicked" in err or "Traceback" in err and not lost else []
    if change.number:
        return wrong + [f"ended with {status}"] * (status not in (0, -change.number, 128 + change.number))
    if status is None:
        return wrong + [f"takes more than {LIMIT} seconds"] * (change.kind != "flag")  # which may ask for much
    if status < 0:
        wrong.append(f"ended by signal {-status}")
    if status and not 0 < len(last) <= 420:
        wrong.append(f"a message of {len(last)} characters" if last else "no line that says why")
    return wrong


def goes_on(task: Task, world: Path, before: dict, whole: dict) -> list[str]:
    """What is wrong with what a command makes that was interrupted, and is run again."""
    if run(task, world) != 0:
        return [f"does not go on: {said(world)[1].splitlines()[-1:]}"]
    differ = made(without_checkpoints(whole), without_checkpoints(made(before, look(world))))
    return [f"goes on to another result: {', '.join([*differ][:4])}"] if differ else []


def some(fuzzer: Fuzzer, numbers: list[int], path: Path) -> int:
    """Cases one after the other, a line each in a file; told to stop, it ends the command that runs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        for number in numbers:
            file.write(json.dumps(fuzzer.case(number)) + "\n")
            file.flush()
    return 0


@dataclass
class FuzzArguments:
    cases: int = field(default=2000, metadata={"help": "How many."})
    only: int | None = field(default=None, metadata={"help": "This one alone."})
    seed: int = field(default=0, metadata={"help": "Of all that is drawn."})
    jobs: int = field(default=2, metadata={"help": "Cases at once."})
    output: str = field(default="results/fuzz.json", metadata={"help": "Where the result goes."})

    def __post_init__(self):
        at_least(self, cases=1, only=0, jobs=1)


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(FuzzArguments, doc=__doc__, argv=argv)
    torch.set_num_threads(1)
    streams.CHUNK_BYTES, streams.CHECKPOINT_SECONDS = 1_000, 0.0  # in forks, so that there is something to go on with
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        fuzzer = Fuzzer(Path(temporary), args.seed)
        if args.only is not None:
            return print(json.dumps(fuzzer.case(args.only), indent=2, ensure_ascii=False))
        files = [Path(temporary, f"{job}.jsonl") for job in range(args.jobs)]
        pids = []
        for job, path in enumerate(files):
            path.touch()
            pids.append(start(ROOT, functools.partial(some, fuzzer, [*range(job, args.cases, args.jobs)], path)))
        try:
            with tqdm(total=args.cases, desc="cases") as bar:
                while pids:
                    pids = [pid for pid in pids if wait(pid, 0.5) is None]
                    bar.update(sum(path.read_bytes().count(b"\n") for path in files) - bar.n)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
                wait(pid, 10)
                end_all(pid)
        cases = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    failed = sorted((each for each in cases if each["wrong"]), key=lambda each: each["case"])
    ended = Counter("done" if each["status"] == 0 else "refused or stopped" for each in cases)
    summary = {
        "cases": len(cases),
        "passed": len(cases) - len(failed),
        "by_kind": dict(sorted(Counter(each["kind"] for each in cases).items())),
        "by_task": dict(sorted(Counter(each["task"] for each in cases).items())),
        "ended": dict(ended),
        "longer_than_three_minutes": sum(each["status"] is None for each in cases),
        "caught_at_the_edge": [each for each in cases if each["unforeseen"]],
        "failed": failed,
        "seed": args.seed,
        "seconds": round(time.monotonic() - begun),
        **provenance(),
    }
    write_json(args.output, summary)
    for each in failed:
        print(f"{each['case']}: {each['task']}, {each['what']}: {'; '.join(each['wrong'])}")
    print(f"{summary['passed']} of {len(cases)} cases passed; {args.output}")
    sys.exit(bool(failed) or len(cases) < args.cases)


if __name__ == "__main__":
    command(main)
