"""Pairs of the explorer: which are offered, which others a visitor may name, and how they are opened."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest
from conftest import one_line
from hub_server import HUB, Repo
from transformers import GPT2Config

from aot.explore import names, offered
from aot.tokens.windows import DIRECTIONS

CARD = "---\ntitle: A Space\nmodels:\n- user/name-forward\n- user/name-backward\n- other/model\n---\nText.\n"


def publish(name: str, files: dict[str, bytes] | None = None, private: bool = False, **settings) -> None:
    """Two repositories on the Hub of the tests, of models of a configuration, whose weights are no weights."""
    for direction in DIRECTIONS:
        repo = HUB.repos["models", f"{name}-{direction}"] = Repo(private, None)
        config = GPT2Config().to_dict() | settings | {"direction": direction}
        own = {"config.json": json.dumps(config).encode(), "model.safetensors": b"1234"}
        repo.commit("main", own | (files or {}), "all")


@pytest.fixture(autouse=True)
def room(monkeypatch):
    """However full the disk of the tests is."""
    monkeypatch.setattr(names, "LEAST_FREE", 0)


def test_pairs_come_from_flags_the_card_and_finished_runs(pair, second_pair, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/demo-text-seed1").symlink_to(pair)
    (tmp_path / "runs/a").symlink_to(second_pair)
    (tmp_path / "runs/unfinished/forward").mkdir(parents=True)
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/fr-books").symlink_to(pair)
    card = tmp_path / "README.md"
    card.write_text(CARD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runs = ["pairs/fr-books", "runs/demo-text-seed1", "runs/a"]
    assert names.known_pairs(["given", "user/name"], card) == ["given", "user/name", *runs]
    assert names.known_pairs([], tmp_path / "none.md") == runs


def test_two_readers_do_not_load_models_at_once(pair, second_pair, monkeypatch):
    """As `from_pretrained` patches a class while it loads, whose weights then could stay untied."""
    loading, busy = offered.load_model, Lock()

    def load_model(path):
        assert busy.acquire(blocking=False), "two at once"
        time.sleep(0.1)
        busy.release()
        return loading(path)

    monkeypatch.setattr(offered, "load_model", load_model)
    offered.OPENED.clear()
    with ThreadPoolExecutor(3) as readers:
        opened = list(readers.map(offered.open_pair, map(str, (pair, second_pair, pair))))
    assert opened[0] is opened[2] and opened[0].name == str(pair) and opened[1].name == str(second_pair)


def test_a_pair_in_memory_does_not_wait_for_one_that_is_fetched(pair, second_pair, monkeypatch):
    offered.OPENED.clear()
    opened = offered.open_pair(str(pair))
    loading, begun, going = offered.load_pair, Event(), Event()

    def load_pair(name):
        begun.set()
        assert going.wait(20)
        return loading(name)

    monkeypatch.setattr(offered, "load_pair", load_pair)
    with ThreadPoolExecutor(2) as readers:
        slow = readers.submit(offered.open_pair, str(second_pair))
        assert begun.wait(20)
        try:
            assert readers.submit(offered.open_pair, str(pair)).result(10) is opened
        finally:
            going.set()
        assert slow.result().name == str(second_pair)


def test_a_visitor_is_not_told_where_things_are_on_the_disk(monkeypatch, tmp_path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    cached = f"{names.constants.HF_HUB_CACHE}/models--a--b/config.json"
    message = f"{tmp_path}/here/pairs/a: '{cached}' and {names.ROOT}/pairs/b in {names.constants.HF_HUB_CACHE}"
    told = names.without_places(message)
    assert told == "pairs/a: 'models--a--b/config.json' and pairs/b in hub"
    monkeypatch.chdir("/")
    assert names.without_places("a/b: none") == "a/b: none"


@pytest.mark.parametrize(
    "name",
    (
        *("", " ", ".", "..", "name", "../pairs", "/etc/passwd", "/etc", "a/b/c", "a/../b", "./a", "a/b/", "a//b"),
        *("runs/here", "runs/half", "~/name", "~root/x", "https://huggingface.co/a/b", "file:///etc/passwd", "a\\b/c"),
        *("user/na..me", "user/na--me", "user/name\nx", "user/n\0me", "user/naïve", "-a/b", "a/.b", "a/" + "b" * 99),
    ),
)
def test_a_visitor_names_no_path(name, tmp_path, monkeypatch):
    """Nor does anything that is none become one: the Hub is not even asked."""
    (tmp_path / "runs/here/forward").mkdir(parents=True)
    (tmp_path / "runs/half-forward").mkdir()
    monkeypatch.chdir(tmp_path)
    HUB.requests.clear()
    with pytest.raises(ValueError, match="is no pair that this page offers") as refused:
        names.allowed(name, ["pairs/a"])
    assert "\n" not in str(refused.value) and not HUB.requests


def test_what_is_offered_may_be_a_path_and_other_names_are_of_public_pairs(monkeypatch):
    assert names.allowed(" ../pairs/a ", ["../pairs/a"]) == "../pairs/a"
    publish("ann/open")
    publish("ann/secret", private=True)
    assert names.allowed("ann/open", []) == "ann/open"
    monkeypatch.setenv("HF_TOKEN", "hf_ann")  # of the server, which is not lent to visitors
    for name in ("ann/secret", "ann/none"):
        with pytest.raises(ValueError, match=f"{name}-forward: no model there") as refused:
            names.allowed(name, ["pairs/a"])
        assert "\n" not in str(refused.value)


def test_models_that_are_too_large_are_refused_before_they_are_fetched(monkeypatch):
    monkeypatch.setitem(names.MOST_BYTES, ".safetensors", 3)
    publish("ann/heavy")
    with pytest.raises(ValueError, match="ann/heavy-forward: has 0 MB of .safetensors files, and this page takes"):
        names.allowed("ann/heavy", [])
    publish("ann/parts", {"model.safetensors.index.json": b"{}"})
    with pytest.raises(ValueError, match="weights in other files .model.safetensors.index.json., and this page takes"):
        names.allowed("ann/parts", [])
    for name, settings, told in (
        ("ann/wide", {"n_embd": 2048, "n_head": 16}, "wide-forward: has 709 million parameters, and .* 500 million"),
        ("ann/deep", {"n_layer": 10**9}, "1,000,000,000 layers, and this page takes 500"),
        ("ann/wrong", {"n_embd": 7, "n_head": 2}, "no model follows from its configuration"),
    ):
        publish(name, **settings)
        HUB.requests.clear()
        with pytest.raises(SystemExit, match=told) as refused:
            offered.open_pair(name)
        assert one_line(refused) and not HUB.sent("safetensors")


def test_pairs_that_differ_in_the_seed_alone_belong_together(pair, second_pair, able, tmp_path):
    (tmp_path / "again").symlink_to(pair)
    opened = offered.open_pairs(list(map(str, (pair, able, second_pair, f" {pair}"))))
    assert [[each.name for each in group] for group in offered.by_seed(opened)] == [
        [str(pair), str(second_pair)],
        [str(able)],
    ]
    again = offered.open_pairs([str(pair), str(tmp_path / "again")])
    assert [len(group) for group in offered.by_seed(again)] == [1, 1], "one seed is not two"


def test_as_many_pairs_stay_in_memory_as_there_is_room_for(pair, second_pair, able, monkeypatch):
    offered.OPENED.clear()
    names, size = [*map(str, (pair, second_pair, able))], offered.open_pair(str(pair)).size
    for most, together, kept in ((2, 9 * size, names[1:]), (4, 2 * size, names[1:]), (4, size - 1, names[2:])):
        monkeypatch.setattr(offered, "MOST_PAIRS", most)
        monkeypatch.setattr(offered, "MOST_TOGETHER", together)
        for name in names:
            offered.open_pair(name)
        assert list(offered.OPENED) == kept
    monkeypatch.setattr(offered, "MOST_TOGETHER", 2 * size)
    with pytest.raises(ValueError, match="is too large beside the other pairs"):
        offered.open_pairs(names)


def test_a_model_that_brings_code_is_refused_without_running_it():
    code = {"own.py": b"raise SystemExit('it ran')"}
    own = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    publish("ann/code", code, model_type="own", auto_map=own)
    with pytest.raises(SystemExit, match="ann/code-forward: no model there") as refused:
        offered.open_pair("ann/code")
    assert one_line(refused) and "it ran" not in refused.value.code


def test_a_server_whose_disk_is_nearly_full_fetches_no_other_pair(monkeypatch):
    monkeypatch.setattr(names, "LEAST_FREE", 2**62)
    publish("ann/public")
    with pytest.raises(ValueError, match="no room left for other pairs"):
        names.allowed("ann/public", ["pairs/a"])
    assert names.allowed("pairs/a", ["pairs/a"]) == "pairs/a"


def test_a_request_has_one_to_four_pairs():
    for asked, told in (([], "Choose a pair first"), (list("abcde"), "5 pairs are chosen, and this page takes 4")):
        with pytest.raises(ValueError, match=told):
            offered.open_pairs(asked)
