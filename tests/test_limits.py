"""How far a text is read, and what is held out of it or given to be held out."""

import base64
import functools
import http.server
import io
import json
import random
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from conftest import HUB, one_line
from hub_server import Repo
from test_tokenize_lang import LEVELS, Server, decoded, interrupt, paragraphs, same_folders

import tokenize_lang
from aot.base.files import file_sha256, read_json
from aot.publish.cards import data_card
from aot.tokens import first_reading, inputs, text
from aot.tokens.data_folder import read_meta
from aot.tokens.streams import read_clusters


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder with a text of 300 documents and one of 40, the last two of which are in both."""
    monkeypatch.chdir(tmp_path)
    documents, held_out = paragraphs(), paragraphs(38, seed=1)
    Path("fr.txt").write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    Path("own.txt").write_text("\n\n".join([*held_out, documents[7], documents[60]]) + "\n", encoding="utf-8")
    return tmp_path


def make(name: str, *flags: str, source: str = "fr.txt", fraction: str | None = "0.1") -> Path:
    defaults = ["--vocab_size", "600" if "symmetric_bpe" in flags else "400", "--validation_fraction", fraction]
    tokenize_lang.main(["--source", source, "--name", name, *(defaults if fraction else defaults[:2]), *flags])
    return Path("data", name)


def refused(match: str, *flags: str, **how) -> None:
    with pytest.raises(SystemExit, match=match) as stopped:
        make("no", *flags, **how)
    assert one_line(stopped) and not Path("data/no").exists()


def tokens(folder: Path, split: str = "train") -> int:
    return read_meta(folder)["splits"][split]["tokens"]


@pytest.mark.parametrize("level", LEVELS)
def test_the_first_documents_are_as_a_text_that_ends_there(here, level, capsys):
    Path("short.txt").write_text("\n\n".join(paragraphs()[:120]), encoding="utf-8")
    cut, short = (
        make("cut", "--level", level, "--max_documents", "120"),
        make("x", "--level", level, source="short.txt"),
    )
    assert read_meta(cut)["data_sha256"] == read_meta(short)["data_sha256"]
    read = read_meta(cut)["read"]
    assert read["documents"] == 120 and read["cut"] and read["last_source"] == "fr.txt"
    said = f"cut by --max_documents 120: 120 documents, {read['bytes']:,} bytes, were read up to one in fr.txt"
    assert said in capsys.readouterr().out


def test_a_limit_beyond_the_end_says_so(here, capsys):
    for flag in ("--max_documents", "--max_tokens"):
        folder = make(f"all{flag[6]}", flag, "1000000")
        assert f"{flag} 1,000,000: the text has no more, and all of it was read" in capsys.readouterr().out
        assert read_meta(folder)["data_sha256"] == read_meta(make("all"))["data_sha256"]
    assert make("same", "--max_documents", "300") and "the text has no more" in capsys.readouterr().out


@pytest.mark.parametrize("level", LEVELS)
def test_as_many_whole_documents_as_there_is_room_for(here, level, capsys):
    folder = make("cut", "--level", level, "--max_tokens", "3000")
    meta, train, held_out = read_meta(folder), decoded(folder, "train"), decoded(folder, "validation")
    read = paragraphs()[: meta["read"]["documents"]]
    assert meta["read"]["cut"] and 0.75 < 3000 / (tokens(folder) + meta["left_out"]["beyond"]["tokens"]) < 1
    to_train = [each for each in read if each not in held_out]
    assert train == to_train[: len(train)] and len(to_train) - len(train) == meta["left_out"]["beyond"]["documents"]
    ids = np.fromfile(folder / "train.bin", meta["dtype"])
    assert len(ids) == tokens(folder) <= 3000
    assert file_sha256(folder / "train.bin") == meta["splits"]["train"]["sha256"]
    out = capsys.readouterr().out
    assert "cut by --max_tokens 3,000: " in out and "of train, " in out and "beyond --max_tokens" in out


def test_the_next_document_is_the_first_without_room(here):
    whole = make("whole", "--tokenizer", str(make("tokens")))
    lengths = [len(each) for each in np.split(np.fromfile(whole / "train.bin", "u2"), ends_of(whole))[:-1]]
    for room in (sum(lengths[:50]) - 1, sum(lengths[:50]), sum(lengths[:50]) + 1):
        folder = make(f"room{room}", "--tokenizer", str(Path("data/tokens")), "--max_tokens", str(room))
        assert read_meta(folder)["splits"]["train"]["documents"] == (49 if room < sum(lengths[:50]) else 50)
    own = "--validation_source", "own.txt", "--max_tokens", "2"
    refused("--max_tokens 2: the first document to train on has more; give more", *own, fraction=None)


def ends_of(folder: Path) -> np.ndarray:
    return np.flatnonzero(np.fromfile(folder / "train.bin", "u2") == 0) + 1


def test_limits_are_part_of_what_is_equal_to_go_on(here, monkeypatch, capsys):
    flags = "--max_tokens", "3000", "--clusters", "file"
    shutil.copytree(here, "many", ignore=shutil.ignore_patterns("own*"))
    Path("many").mkdir(exist_ok=True)
    for number, start in enumerate(range(0, 300, 10)):
        Path("many", f"{number:02}.txt").write_text("\n\n".join(paragraphs()[start : start + 10]), encoding="utf-8")
    Path("many/fr.txt").unlink()
    whole = make("fr", *flags, "--output_dir", "whole", source="many") and Path("whole/fr")
    for stop in (1, 4):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt(patch, stop, 2_000)
            make("fr", *flags, source="many")
    with pytest.raises(SystemExit, match="max_tokens: 3000 / 3001"):
        make("fr", "--max_tokens", "3001", "--clusters", "file", source="many")
    make("fr", *flags, source="many")
    assert same_folders(whole, Path("data/fr"))
    make("fr", *flags, source="many")
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="max_tokens: 3000 / None"):
        make("fr", "--clusters", "file", source="many")


def test_clusters_and_held_out_tokens_of_what_is_read(here):
    Path("books.csv").write_text("cluster\n" + "".join(f"book {number // 10}\n" for number in range(300)))
    folder = make("books", "--clusters", "books.csv", "--validation_clusters", "3", "--max_tokens", "3000")
    assert read_meta(folder)["splits"]["validation"]["clusters"] == 3 and 2900 < tokens(folder) <= 3000
    assert read_meta(folder)["read"]["documents"] < 200
    for split, counts in read_meta(folder)["splits"].items():
        clusters = read_clusters(folder, split)
        assert len(clusters) == counts["documents"] and len(set(clusters)) == counts["clusters"]
    folder = make("more", "--validation_tokens", "1000", "--max_tokens", "3000", fraction=None)
    assert 800 < tokens(folder, "validation") < 1300 and 2900 < tokens(folder) <= 3000
    assert read_meta(folder)["read"]["documents"] < 200


def test_of_a_large_file_only_the_beginning_is_hashed(here, monkeypatch):
    monkeypatch.setattr(text, "LARGE", 10_000)
    known = read_meta(make("fr", "--max_documents", "100"))["inputs"][0]
    assert set(known) == {"name", "bytes", "sha256_of_10000_bytes"}
    assert known["sha256_of_10000_bytes"] == file_sha256("fr.txt", 10_000) != file_sha256("fr.txt")
    assert "sha256" in read_meta(make("all"))["inputs"][0]


class Counting(Server):
    """Counts what it sends until nobody listens."""

    sent = 0

    def setup(self):
        super().setup()
        write = self.wfile.write

        def counted(content: bytes) -> int:
            type(self).sent += len(content)
            return write(content)

        self.wfile.write = counted

    def handle(self):
        with suppress(BrokenPipeError, ConnectionResetError):
            super().handle()


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A folder with a compressed text of 40 MB."""
    folder = tmp_path_factory.mktemp("large")
    rest = base64.encodebytes(random.Random(0).randbytes(40_000_000)).replace(b"\n", b"\n\n")
    content = "\n\n".join([*paragraphs(), ""]).encode() + rest
    Path(folder, "large.txt.zst").write_bytes(zstandard.ZstdCompressor(level=1).compress(content))
    return folder


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("flags", [["--max_documents", "200"], ["--max_tokens", "9000"]], ids=lambda flags: flags[0])
def test_a_large_file_at_a_url_is_not_read_to_its_end(here, large, monkeypatch, flags, ranges):
    handler = type("Handler", (Counting,), {"ranges": ranges, "sent": 0})
    monkeypatch.setattr(first_reading, "PILOT_BYTES", 20_000)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=large)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder = make("large", *flags, source=f"http://127.0.0.1:{server.server_port}/large.txt.zst")
        server.shutdown()
    assert read_meta(folder)["read"]["cut"]
    assert 0 < handler.sent < 40_000_000  # in all two or three readings


def parquet(documents: list[str]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": documents}), file, row_group_size=100, compression="none")
    return file.getvalue()


@pytest.fixture
def published():
    """A data set on the Hub with two splits, the first in two files; a document of the other is there, too."""
    documents, held_out = paragraphs(), paragraphs(39, seed=1)
    files = {f"train-{number}.parquet": parquet(documents) for number in (0, 1)}
    files["validation-0.parquet"] = parquet([*held_out, documents[3]])
    patterns = [{"split": split, "path": f"parquet/{split}-*.parquet"} for split in ("train", "validation")]
    card = f"---\nconfigs:\n- config_name: default\n  data_files: {json.dumps(patterns)}\n---\n"
    repo = HUB.repos["datasets", "ann/texts"] = Repo(False, None)
    repo.commit(
        "main", {"README.md": card.encode()} | {f"parquet/{name}": each for name, each in files.items()}, "all"
    )
    yield "ann/texts"
    del HUB.repos["datasets", "ann/texts"]


def test_a_data_set_on_the_hub_is_read_no_further_and_has_its_own_split(here, published, capsys):
    HUB.served.clear()
    flags = "--max_documents", "100", "--validation_split", "validation"
    folder = make("hub", *flags, source=published, fraction=None)
    assert HUB.served["parquet/train-0.parquet"] and not HUB.served["parquet/train-1.parquet"]
    assert decoded(folder, "validation") == [*paragraphs(39, seed=1), paragraphs()[3]]
    assert decoded(folder, "train") == [each for each in paragraphs()[:100] if each != paragraphs()[3]]
    assert "left out: 1 document of train, " in capsys.readouterr().out
    known = read_meta(folder)
    assert known["inputs"][0]["split"] == "train" and known["validation_inputs"][0]["split"] == "validation"
    other = make("file", "--validation_source", published, source="fr.txt", fraction=None)
    assert decoded(other, "validation") == decoded(folder, "validation")


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_given_to_be_held_out_is_held_out_and_nothing_else(here, level, capsys):
    folder = make("own", "--level", level, "--validation_source", "own.txt", fraction=None)
    own = [*paragraphs(38, seed=1), paragraphs()[7], paragraphs()[60]]
    assert decoded(folder, "validation") == own
    assert decoded(folder, "train") == [each for each in paragraphs() if each not in own]
    meta = read_meta(folder)
    size = sum(len(paragraphs()[number].encode()) for number in (7, 60))
    assert meta["left_out"] == {"train": {"documents": 2, "bytes": size}}
    assert f"left out: 2 documents of train, {size:,} bytes, which are held out" in capsys.readouterr().out
    if level == "char":
        only = "".join(set("".join(own)) - set("".join(decoded(folder, "train"))))
        assert not only or only not in json.dumps(read_json(folder / "tokenizer.json"), ensure_ascii=False)


def test_the_tokenizer_sees_nothing_of_it(here):
    Path("own.txt").write_text("\n\n".join(f"漢字 {number}" for number in range(50)), encoding="utf-8")
    one = make("one", "--validation_file", "own.txt", fraction=None)
    Path("own.txt").write_text("\n\n".join(f"Other {number}" for number in range(50)), encoding="utf-8")
    two = make("two", "--validation_file", "own.txt", fraction=None)
    assert read_meta(one)["tokenizer_sha256"] == read_meta(two)["tokenizer_sha256"]
    assert read_meta(one)["splits"]["train"] == read_meta(two)["splits"]["train"]


def test_the_card_says_what_was_read_and_held_out(here):
    own = make("own", "--validation_source", "own.txt", "--max_documents", "100", fraction=None)
    card = " ".join(data_card("ann/own", str(own), None, None).split())
    assert "Of that, the first 100 documents were read. Held out is a text of its own, of which no document" in card
    assert f"- own.txt, sha256 `{file_sha256('own.txt')}` The tokenizer has seen the train part alone." in card
    hashed = data_card("ann/fr", str(make("fr", "--tokenizer", "data/own")), None, None)
    assert "\n\nDocuments were split by a hash of their text. The tokenizer was there before.\n" in hashed


def test_without_copies_that_is_said(here, capsys):
    Path("own.txt").write_text("\n\n".join(paragraphs(20, seed=2)), encoding="utf-8")
    folder = make("own", "--validation_source", "own.txt", fraction=None)
    assert read_meta(folder)["left_out"] == {} and "no document to train on is held out" in capsys.readouterr().out


def test_interrupted_with_a_split_of_ones_own(here, monkeypatch):
    flags = "--validation_source", "own.txt", "--max_tokens", "4000"
    whole = make("fr", *flags, "--output_dir", "whole", fraction=None) and Path("whole/fr")
    for stop in (1, 2, 5):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt(patch, stop, 3_000)
            make("fr", *flags, fraction=None)
    shutil.copy("own.txt", "elsewhere.txt")
    text = Path("own.txt").read_text(encoding="utf-8")
    Path("own.txt").write_text(text.replace("temps", "jours"), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"validation input 1\.sha256: "):
        make("fr", *flags, fraction=None)
    Path("own.txt").write_text(text, encoding="utf-8")
    make("fr", *flags, fraction=None)
    assert same_folders(whole, Path("data/fr"))


def test_clusters_are_of_what_is_held_out(here):
    rows = [("cluster", "first_doc", "n_docs"), ("one", 0, 10), ("two", 10, 10), ("three", 20, 20)]
    Path("books.csv").write_text("".join(f"{','.join(map(str, row))}\n" for row in rows))
    folder = make("own", "--validation_source", "own.txt", "--clusters", "books.csv", fraction=None)
    assert read_meta(folder)["splits"]["validation"]["clusters"] == 3
    assert "clusters" not in read_meta(folder)["splits"]["train"] and read_clusters(str(folder), "train") is None
    assert read_clusters(str(folder), "validation") == ["one"] * 10 + ["two"] * 10 + ["three"] * 20
    few = "--validation_documents_per_cluster", "5", "--clusters", "books.csv", "--validation_source", "own.txt"
    folder = make("few", *few, fraction=None)
    assert read_clusters(str(folder), "validation") == ["one"] * 5 + ["two"] * 5 + ["three"] * 5
    assert decoded(folder, "validation")[4] == paragraphs(38, seed=1)[9]  # the last of each
    for number in range(4):
        Path(f"book{number}.txt").write_text("\n\n".join(paragraphs(5, seed=9 + number)), encoding="utf-8")
    books = "--validation_source", *(f"book{number}.txt" for number in range(4)), "--clusters", "file"
    assert read_clusters(str(make("files", *books, fraction=None)), "validation")[::5] == [*books[1:5]]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--validation_source own.txt --validation_fraction 0.1", "--validation_fraction: .*leave out one of both"),
        ("--validation_source own.txt --validation_tokens 99", "--validation_tokens: .*leave out one of both"),
        ("--validation_source own.txt --validation_clusters 2 --clusters file", "--validation_clusters: .*leave out"),
        ("--validation_split validation", "fr.txt is no data set on the Hub and has no splits; --validation_source"),
        ("--validation_source fr.txt", "fr.txt: nothing in it that is not held out"),
        ("--validation_source blank.txt", "blank.txt: no document to hold out in it"),
        ("--validation_source gone.txt", "gone.txt: no such file"),
        ("--max_documents 0", "--max_documents 0: must be at least 1"),
        ("--max_tokens 0", "--max_tokens 0: must be at least 1"),
        ("--max_documents 1", "1 documents would be validation"),
    ],
)
def test_what_does_not_go_together_is_one_line(here, flags, message):
    Path("blank.txt").write_text(" \n\n \n")
    refused(message, *flags.split(), fraction=None)


def test_a_split_without_the_hub_has_no_effect(here, capsys):
    make("own", "--validation_source", "own.txt", "--validation_split", "test", fraction=None)
    assert "--validation_split has no effect on what is not on the Hub" in capsys.readouterr().err


def test_the_first_documents_end_the_reading():
    read = []

    def documents():
        for number in range(9):
            read.append(number)
            yield b"1234", None

    beginning = inputs.Beginning(5, 12)
    assert len([*beginning.of(documents())]) == 3 and beginning.cut and read == [0, 1, 2, 3]
    beginning = inputs.Beginning(9, None)
    assert len([*beginning.of(documents())]) == 9 and not beginning.cut
