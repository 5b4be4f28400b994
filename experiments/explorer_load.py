"""Many visitors of the explorer at once: how long do they wait, and does the server's memory grow?

    python -m experiments.explorer_load          # or make explorer-load

Starts the explorer in a folder of its own, as a Space does. Measures the seconds until the page is there and until the
first text is measured, then sends the requests of several visitors, each of whom asks again as soon as an answer is
there, on this machine. Writes results/explorer_load.json: seconds, places in the queue, and the memory of the server's
process.
"""

import itertools
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import requests

from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import write_json
from aot.base.machine import cores, provenance
from aot.base.places import ROOT
from aot.publish.contents import explorer_files

CHARACTERS = (300, 300, 2_000, 300, 2_000, 300, 2_000, 20_000)  # of the texts, by turns
UNTIL_FLAT = 100  # requests after which the memory of the server should stay as it is


@dataclass
class LoadArguments:
    requests: int = field(default=500, metadata={"help": "How many in all."})
    users: int = field(default=8, metadata={"help": "How many visitors ask at a time."})
    space: str | None = field(default=None, metadata={"help": "Folder of a Space. Default: the one of push_pair.py."})
    output_dir: str = field(default="results", metadata={"help": "Folder for explorer_load.json."})

    def __post_init__(self):
        at_least(self, requests=1, users=1)


def made_space(folder: Path) -> Path:
    """What a push sends, in a folder; its card links to no pair on the Hub."""
    files = explorer_files("USER/NAME", []) | {"README.md": ROOT / "space/README.md"}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
    return folder


def started(space: Path) -> tuple[subprocess.Popen, str, float]:
    """The server's process, its address, and the seconds until it served the page."""
    begin = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    how = {"cwd": space, "env": environment, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-u", "app.py"], **how)
    said = process.stdout.readline()
    if not (found := re.search(r"http://[\w.:]+", said)):
        process.kill()
        raise SystemExit(f"{space}: no server started there: {said}")
    address = found[0].rstrip("/")
    requests.get(f"{address}/").raise_for_status()
    return process, address, time.monotonic() - begin


def join(address: str, name: str, data: list, session: str) -> requests.Response:
    """Ask an endpoint through the queue, as the page does."""
    number = {each["api_name"]: each["id"] for each in requests.get(f"{address}/config").json()["dependencies"]}[name]
    asked = {"data": data, "fn_index": number, "session_hash": session}
    return requests.post(f"{address}/gradio_api/queue/join", json=asked)


def heard(address: str, session: str) -> list[dict]:
    """All that the queue tells this session until it is answered."""
    with requests.get(f"{address}/gradio_api/queue/data?session_hash={session}", stream=True) as stream:
        lines = [line.removeprefix(b"data: ") for line in stream.iter_lines() if line]
    return [json.loads(line) for line in lines]


def ask(address: str, name: str, *data) -> dict:
    """One request: whether it was answered, in which time, and its worst place in the queue."""
    begin, session = time.monotonic(), f"{name}{threading.get_ident()}{time.monotonic_ns()}"
    joined = join(address, name, list(data), session)
    messages = heard(address, session) if joined.ok else []
    answered = any(message["msg"] == "process_completed" and message["success"] for message in messages)
    places = [message["rank"] + 1 for message in messages if message["msg"] == "estimation"]
    return {"name": name, "answered": answered, "seconds": time.monotonic() - begin, "place": max(places, default=0)}


def questions() -> Iterator[tuple]:
    """What visitors ask, without an end: no text twice."""
    held_out = {pair: ROOT / pair / "held_out.txt.xz" for pair in ("pairs/en-books", "pairs/fr-books")}
    texts = {pair: lzma.open(path, "rt", encoding="utf-8").read() for pair, path in held_out.items()}
    for number in itertools.count():
        pair, text = list(texts.items())[number // 2 % 2]
        length = CHARACTERS[number // 2 % len(CHARACTERS)]
        begin = 997 * number % (len(text) - length)
        part = text[begin : begin + length]
        yield ("measure", part, [pair], False) if number % 2 else ("quick", part, False)


def seconds_of(done: list[dict]) -> dict:
    """How long requests took."""
    seconds = [each["seconds"] for each in done]
    found = {"median": np.median(seconds), "0.95": np.quantile(seconds, 0.95), "worst": max(seconds)}
    return {name: round(float(value), 2) for name, value in found.items()} | {"requests": len(seconds)}


def drive(address: str, memory, users: int, number: int) -> dict:
    """So many requests by so many users; `memory` gives that of the server in MB."""
    done, sizes, asked, lock = [], [], itertools.islice(questions(), number), threading.Lock()

    def visit() -> None:
        while True:
            with lock:
                if (question := next(asked, None)) is None:
                    return
            answer = ask(address, *question) | {"characters": len(question[1])}
            with lock:
                done.append(answer)
                sizes.append(memory())

    begin = time.monotonic()
    with ThreadPoolExecutor(users) as visitors:
        for each in [visitors.submit(visit) for _ in range(users)]:
            each.result()
    flat = sizes[min(UNTIL_FLAT, len(sizes) // 2) :]
    slope = np.polyfit(np.arange(len(flat)), flat, 1)[0] * 100 if len(flat) > 1 else 0.0
    kinds = {
        f"{name}, {length:,} characters": [
            each for each in done if (each["name"], each["characters"]) == (name, length)
        ]
        for name in ("measure", "quick")
        for length in sorted(set(CHARACTERS))
    }
    return {
        "users": users,
        "requests": number,
        "answered": sum(each["answered"] for each in done),
        "seconds": round(time.monotonic() - begin, 1),
        "seconds_of_requests": {"all": seconds_of(done)} | {name: seconds_of(of) for name, of in kinds.items() if of},
        "last_place_in_the_queue": max(each["place"] for each in done),
        "memory_mb": {
            "by_request": {str(at + 1): sizes[at] for at in range(49, len(sizes), 50)},
            "highest": max(sizes),
            "after_request": len(sizes) - len(flat),
            "growth_per_100_requests_then": round(float(slope), 2),
        },
    }


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(LoadArguments, doc=__doc__, argv=argv)
    Path(args.output_dir).mkdir(parents=True, exist_ok=True)
    beside = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        process, address, page = started(Path(args.space) if args.space else made_space(Path(folder)))
        try:
            server, begin = psutil.Process(process.pid), time.monotonic()

            def memory() -> float:
                return round(server.memory_info().rss / 2**20, 1)

            before = memory()
            first = {"page": page}
            for question in itertools.islice(questions(), 2):
                if not ask(address, *question)["answered"]:
                    raise SystemExit(f"{question[0]}: was not answered; the server's message is above")
                first[question[0]] = page + time.monotonic() - begin
            ready = memory()
            found = drive(address, memory, args.users, args.requests)
        finally:
            process.kill()
            process.wait()
    found["memory_mb"] = {"page": before, "first_answers": ready} | found["memory_mb"]
    found["seconds_from_start"] = {name: round(value, 1) for name, value in first.items()}
    found |= {"cores": cores(), "load_before": beside} | provenance()
    write_json(Path(args.output_dir) / "explorer_load.json", found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    command(main)
