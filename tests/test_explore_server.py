"""The explorer's server: many at once, clients of Gradio, and what it says where something is wrong."""

import ast
import json
import re
import sys
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from conftest import HUB, one_line
from huggingface_hub.repocard import metadata_load
from packaging.specifiers import SpecifierSet
from pages import Elsewhere

from aot.base.files import read_json
from aot.explore import bounds, server
from experiments import explorer_load
from experiments.explorer_load import heard, join
from space import app as explorer

ROOT = Path(__file__).parent.parent


def ask(address: str, name: str, *data) -> dict:
    """The last word about one: its result, or why there is none."""
    session = f"{name}{time.monotonic_ns()}"
    assert join(address, name, [*data], session).ok
    (last,) = [each for each in heard(address, session) if each["msg"] == "process_completed"]
    return last["output"]["data"][0] if last["success"] else last["output"]


def test_many_at_once_are_told_their_place_and_too_many_to_come_later(served, monkeypatch):
    """Two at work, three waiting; what is done has its place taken by the next."""
    monkeypatch.setattr(bounds, "MOST_WAITING", 3)
    going, working = threading.Event(), []

    def work(pairs, text, reverse):
        working.append(text)
        assert going.wait(20)
        return {"text": text}

    served.work = work
    with ThreadPoolExecutor(5) as readers:
        told = []
        for number in range(5):
            assert join(served.address, "measure", [str(number), ["pairs/a"], False], f"many{number}").ok
            told.append(readers.submit(heard, served.address, f"many{number}"))
            until(lambda number=number: len(working) == min(number + 1, 2))
        for refused in (
            join(served.address, "measure", ["6", ["pairs/a"], False], "many6"),
            requests.post(f"{served.address}/gradio_api/call/measure", json={"data": ["7", ["pairs/a"], False]}),
        ):
            assert (
                refused.status_code == 503 and refused.json()["detail"] == "Many are waiting. Try again in a minute."
            )
        assert sorted(working) == ["0", "1"]
        going.set()
        told = [each.result() for each in told]
    ranks = [[message["rank"] for message in each if message["msg"] == "estimation"] for each in told]
    assert ranks[4][0] == 2 and sorted(ranks[4], reverse=True) == ranks[4]
    results = [
        each["output"]["data"][0] for messages in told for each in messages if each["msg"] == "process_completed"
    ]
    assert results == [{"text": str(number)} for number in range(5)]
    queue = served.server.get_blocks()._queue
    until(lambda: not queue.pending_event_ids_session)


def until(true) -> None:
    """Wait for what comes."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_what_a_visitor_can_mend_is_told_whole(served, error, capfd):
    said = f'Pairs "a" & <b>b</b>: no model in {ROOT}/runs ' + "x" * 300

    def work(*_):
        raise error(said)

    served.work = work
    told = ask(served.address, "measure", "text", ["pairs/a"], False)
    assert told["error"] == said.replace(f"{ROOT}/", "") and told["duration"] is None
    assert "Traceback" not in capfd.readouterr().err


def test_what_a_visitor_cannot_mend_is_told_in_a_line_and_to_the_log(served, capfd):
    served.work = lambda *_: {}["/home/ann/secret"]
    told = ask(served.address, "measure", "text", ["pairs/a"], False)
    assert told["error"] == server.FAILED
    log = capfd.readouterr().err
    assert "KeyError: '/home/ann/secret'" in log and "Traceback" in log


def test_wrong_flags_are_told_in_a_line(served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    port = urlsplit(served.address).port
    app = server.build(tmp_path, [], [])
    for flags, said in {
        (None, port): f"--port {port}: is taken; choose another one with --port",
        ("no.such.host.invalid", None): "--host no.such.host.invalid: this machine cannot listen there",
    }.items():
        with pytest.raises(SystemExit, match=said) as stopped:
            server.start(app, *flags)
        assert one_line(stopped)
    with pytest.raises(SystemExit, match="no model there") as stopped:
        explorer.main(["--pair", "no/such-pair"])
    assert one_line(stopped)


@pytest.fixture(scope="module")
def client(address):
    """The client of Gradio, as others would use it."""
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False)


def test_a_text_is_measured_through_the_clients_of_gradio(client, address):
    found = client.predict("0110:0110\n\n1010:1011", ["runs/able-seed42"], api_name="/measure")
    assert found["kind"] == "pair" and found["results"][0]["name"] == "runs/able-seed42"
    assert found["results"][0]["report"]["documents"] == 2
    begun = requests.post(f"{address}/gradio_api/call/measure", json={"data": ["01", ["runs/able-seed42"], True]})
    told = requests.get(f"{address}/gradio_api/call/measure/{begun.json()['event_id']}").text
    event, data = told.strip().split("\n")[-2:]
    assert event == "event: complete" and json.loads(data.removeprefix("data: "))[0]["documents"] == ["10"]
    assert client.predict("01 10", False, api_name="/quick")["kind"] == "quick"
    written = client.predict(["runs/able-seed42"], "011", 3, 1, 0, 2, 0, api_name="/write")
    assert len(written["results"][0]["forward"]) == 2


def test_the_pairs_that_ship_come_first(address):
    pairs = requests.get(f"{address}/pairs.json").json()
    assert pairs["pairs"][:2] == ["pairs/en-books", "pairs/fr-books"] and pairs["first"] == ["pairs/en-books"]
    assert {*pairs["pairs"][2:]} == {"runs/able-seed42", "runs/tiny-seed1", "runs/tiny-seed42"}
    assert pairs["limits"] == {"characters": 20_000, "tokens": 4_000, "pairs": 4}


def test_a_name_of_a_pair_is_no_path_and_no_address(address):
    """What it is asked for, nobody is asked for: neither the disk, nor another port, nor the Hub."""
    other, before = Elsewhere(), len(HUB.requests)
    host = other.address.removeprefix("http://")
    names = ["/etc", "../x", "runs/../../etc", "pairs/../runs/able-seed42", "./runs/able-seed42", "runs"]
    names += ["aot/base"]
    names += ["file:///etc/passwd", f"{other.address}/x", f"{host}/x", f"//{host}/x", "~root/x", "a/b/c", "x\x00/y"]
    for name in names:
        told = ask(address, "measure", "01", [name], False)["error"]
        assert "is no pair that this page offers; of other pairs, give USER/NAME on the Hub" in told
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}  # which Gradio itself refuses, without a word
    for name in (file, {"url": other.address}, None, 1):
        told = ask(address, "measure", "01", [name], False)["error"]
        assert told in ("pairs: Input should be a valid string.", None)
        told = ask(address, "measure", name, ["runs/able-seed42"], False)["error"]
        assert told in ("text: Input should be a valid string.", None)
    other.shutdown()
    other.server_close()
    assert not other.asked and len(HUB.requests) == before


def test_what_a_visitor_gives_of_another_kind_is_told_in_a_line(address):
    assert "There is no text yet" in ask(address, "measure", " \n\n ", ["runs/able-seed42"], False)["error"]
    assert "Choose a pair first" in ask(address, "measure", "01", [], False)["error"]
    names = requests.get(f"{address}/pairs.json").json()["pairs"]
    assert "takes 4 at once" in ask(address, "measure", "01", names, False)["error"]
    settings = ["many", 1, 0, 3, 0]
    told = ask(address, "write", ["runs/able-seed42"], "011", *settings)["error"]
    assert told.startswith("new: Input should be a valid integer")


def test_the_space_names_what_it_imports_in_the_versions_of_the_project():
    def by_name(lines):
        return {re.match(r"[\w-]+", line)[0]: line for line in lines}

    lines = (ROOT / "space/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "--extra-index-url https://download.pytorch.org/whl/cpu", "torch without what GPUs need"
    own = by_name(lines[1:])
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    project = by_name([*package["dependencies"], *package["optional-dependencies"]["explorer"]])
    assert own.items() <= project.items()
    version = metadata_load(ROOT / "space/README.md")["sdk_version"]
    assert version in SpecifierSet(project["gradio"].removeprefix("gradio"))

    # what is imported at once, and so on from the modules of our own; the rooms of what measures when they are needed
    imported, waiting = set(), ["space.app", *(f"aot.explore.{path.stem}" for path in ROOT.glob("aot/explore/*.py"))]
    while waiting:
        file = ROOT / f"{waiting.pop().replace('.', '/')}.py"
        for node in ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else []:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name.startswith("aot") and name not in imported]
            imported |= set(names)
    imported = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    imported -= {"aot", "safetensors", "fastapi", "starlette", "pydantic"}  # which come with transformers and Gradio
    named = {{"pyyaml": "yaml"}.get(name, name.replace("-", "_")) for name in own}
    assert {"torch", "numba", "gradio"} < imported
    assert imported - {"gradio"} <= named, "a Space brings Gradio itself"


def test_a_load_run_counts_answers_and_waiting(address):
    found = explorer_load.drive(address, lambda: 100.0, 3, 8)
    assert found["answered"] == found["requests"] == found["seconds_of_requests"]["all"]["requests"] == 8
    assert 1 <= found["last_place_in_the_queue"] <= 3
    assert found["memory_mb"]["highest"] == 100 and found["memory_mb"]["growth_per_100_requests_then"] == 0


@pytest.mark.slow
def test_a_load_run_starts_a_space_of_its_own(tmp_path):
    explorer_load.main(["--requests", "4", "--users", "2", "--output_dir", str(tmp_path)])
    found = read_json(tmp_path / "explorer_load.json")
    assert found["answered"] == 4 and {"commit", "versions", "cores"} <= found.keys()
    assert 0 < found["seconds_from_start"]["page"] < found["seconds_from_start"]["measure"]
    assert found["memory_mb"]["highest"] >= found["memory_mb"]["page"] > 50


def test_the_kept_load_run_had_all_answers_in_memory_that_does_not_grow():
    """Which docs/publish.md says of it."""
    found = read_json(ROOT / "results/explorer_load.json")
    page = (ROOT / "docs/publish.md").read_text(encoding="utf-8")
    assert found["answered"] == found["requests"] == 500 and found["users"] == 8
    memory = found["memory_mb"]
    assert abs(memory["growth_per_100_requests_then"]) < 10 and memory["highest"] < 2048
    first = found["seconds_from_start"]
    said = f"the page is there after {first['page']:.0f} seconds, and the first text is measured after "
    said += f"{first['measure']:.0f}. Of 500 requests by eight visitors at once half were answered within "
    said += f"{found['seconds_of_requests']['all']['median']:.1f} seconds"
    assert said in " ".join(page.split())
