"""Text to data folders: what is split, encoded and recorded, what is refused, and what survives being killed."""

import bz2
import filecmp
import functools
import gzip
import http.server
import json
import lzma
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import regex
import zstandard
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import tokenize_lang
from aot.base.files import file_sha256
from aot.tokens import ahead, blocks, making, streams, text
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.splitting import Splitting, survey
from aot.tokens.text import read_documents, reverse_graphemes
from aot.tokens.tokenizers import (
    BYTES,
    MARK,
    UNK,
    byte_tokenizer,
    char_tokenizer,
    encode,
    save_tokenizer,
    symmetric,
    tokenizer_sha256,
    train_bpe,
    train_symmetric_bpe,
)
from aot.tokens.windows import EOS_ID

SCRIPT = Path(tokenize_lang.__file__)
WORDS = "la flèche du temps va de la cause à l’effet ; où finit-elle ? 🏹 <|endoftext|> 時間 の 矢 naïve é".split()


def paragraphs(count: int = 300, seed: int = 0) -> list[str]:
    choose = random.Random(seed)
    return ["\n".join(" ".join(choose.choices(WORDS, k=9)) for _ in range(choose.randint(1, 4))) for _ in range(count)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder with a French text in it."""
    monkeypatch.chdir(tmp_path)
    Path("fr.txt").write_text("\n\n".join(paragraphs()) + "\n", encoding="utf-8")
    return tmp_path


LEVELS = ["bpe", "symmetric_bpe", "char", "byte"]


def make(name: str, *flags: str, source: str = "fr.txt") -> Path:
    defaults = ["--vocab_size", "600" if "symmetric_bpe" in flags else "400", "--validation_fraction", "0.1"]
    tokenize_lang.main(["--source", source, "--name", name, *defaults, *flags])
    return Path("data", name)


def decoded(folder: Path, split: str) -> list[str]:
    ids, tokenizer = np.asarray(open_stream(folder, split)), AutoTokenizer.from_pretrained(folder)
    ends = np.flatnonzero(ids == EOS_ID)
    return [tokenizer.decode(part[part != EOS_ID]) for part in np.split(ids, ends + 1)[:-1]]


def same_folders(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    return names == sorted(path.name for path in other.iterdir()) and not any(
        filecmp.cmpfiles(one, other, names, shallow=False)[1:]
    )


@pytest.mark.parametrize("level", LEVELS)
def test_streams_hold_every_document_once(here, level):
    folder = make("fr", "--level", level)
    meta, parts = read_meta(folder), {split: decoded(folder, split) for split in ("train", "validation")}
    assert sorted(parts["train"] + parts["validation"]) == sorted(paragraphs())
    for split, documents in parts.items():
        ids = open_stream(folder, split)
        assert ids.dtype == meta["dtype"] == "uint16" and ids.max() < meta["vocab_size"]
        assert meta["splits"][split] == {
            "documents": len(documents),
            "tokens": len(ids),
            "bytes": sum(len(document.encode()) for document in documents),
            "characters": sum(map(len, documents)),
            "sha256": file_sha256(folder / f"{split}.bin"),
        }
    assert "<|endoftext|>" in " ".join(parts["train"])  # as text, id 0 only ends documents
    assert not Path("data", "fr.partial").exists()


@pytest.fixture(scope="module")
def trained() -> dict:
    texts = paragraphs()
    return {
        "bpe": train_bpe(texts, 400),
        "symmetric_bpe": train_symmetric_bpe(texts, 600),
        "byte": byte_tokenizer(),
        "char": char_tokenizer(sorted(set("".join(texts)))),
    }


def backend_ids(document: str, tokenizer) -> np.ndarray:
    return encode([document], tokenizer.backend_tokenizer, EOS_ID)


def test_what_a_tokenizer_was_used_for_before_does_not_count(trained, here):
    tokenizer = trained["bpe"]
    save_tokenizer(tokenizer, "plain")
    short = AutoTokenizer.from_pretrained("plain", pad_token="<|endoftext|>")
    short(["la", "la flèche du temps"], truncation=True, max_length=3, padding="max_length")
    save_tokenizer(short, "short")
    short = AutoTokenizer.from_pretrained("short")
    documents = paragraphs(3) + ["la"]
    both = (encode(documents, each.backend_tokenizer, EOS_ID) for each in (tokenizer, short))
    assert np.array_equal(*both)


@settings(max_examples=150, deadline=None)
@given(
    document=st.text()
    | st.lists(st.sampled_from(["<|endoftext|>", "🏳️‍🌈", " ", "\n", "e\u0301", "'s", " ."])).map("".join)
)
def test_any_text_comes_back(trained, document):
    for level in ("bpe", "byte"):
        ids = backend_ids(document, trained[level])
        assert ids[-1] == EOS_ID and EOS_ID not in ids[:-1]
        assert trained[level].decode(ids[:-1]) == document
    assert np.array_equal(ids, encode([document.encode()], None, EOS_ID))  # numpy = tokenizer


@settings(max_examples=50, deadline=None)
@given(document=st.text(st.sampled_from("".join(sorted(set("".join(WORDS)))) + " ")))
def test_characters_come_back(trained, document):
    ids = backend_ids(document, trained["char"])
    assert len(ids) == len(document) + 1 and trained["char"].decode(ids[:-1]) == document


def test_unseen_character_is_unk(trained):
    ids = backend_ids("fZZ", trained["char"])
    assert trained["char"].convert_ids_to_tokens(ids.tolist()) == ["f", UNK, UNK, "<|endoftext|>"]


@pytest.mark.parametrize("level", LEVELS)
def test_tokenizer_hash_survives_saving_and_use(trained, level, tmp_path):
    tokenizer = trained[level]
    known = tokenizer_sha256(tokenizer)
    for name in ("data", "checkpoint"):
        save_tokenizer(tokenizer, tmp_path / name)
        saved_class = json.loads((tmp_path / name / "tokenizer_config.json").read_text())["tokenizer_class"]
        assert saved_class in ("GPT2Tokenizer", "PreTrainedTokenizerFast")  # known to transformers 4 and 5
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / name)
        tokenizer.backend_tokenizer.enable_truncation(5)
        backend_ids("a", tokenizer)
        assert tokenizer_sha256(tokenizer) == known
    assert len({tokenizer_sha256(other) for other in trained.values()}) == 4


@settings(max_examples=100, deadline=None)
@given(document=st.text() | st.lists(st.sampled_from(["e\u0301", "👩‍👩‍👧", "🇫🇷", "क्षि", "a"])).map("".join))
def test_reversal_keeps_graphemes(document):
    assert reverse_graphemes(document) == "".join(regex.findall(r"\X", document)[::-1])
    assert sorted(reverse_graphemes(document)) == sorted(document)


PIECES = st.sampled_from([*"abcdeé .!'7\n\t", " ", "  ", "漢", MARK, "<0x41>", "<|endoftext|>", "word", "e\u0301"])
ANY_TEXT = st.text() | st.lists(PIECES).map("".join)


@settings(max_examples=200, deadline=None)
@given(document=ANY_TEXT)
def test_a_symmetric_bpe_gives_back_any_text(trained, document):
    ids = backend_ids(document, trained["symmetric_bpe"])
    assert ids[-1] == EOS_ID and EOS_ID not in ids[:-1]
    assert trained["symmetric_bpe"].decode(ids[:-1]) == document.replace(MARK, "\ufffd")


def merges_of(tokenizer) -> list[tuple[str, str]]:
    return [tuple(merge) for merge in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]


def without_ties(tokenizer) -> tuple:
    """The same tokenizer without merges of a token with itself, and the one with each merge turned round."""
    own = tokenizer.get_vocab()
    other = {token if token in BYTES else token[::-1]: number for token, number in own.items()}
    merges = [each for each in merges_of(tokenizer) if each[0] != each[1]]
    sides = (own, merges), (other, [(b[::-1], a[::-1]) for a, b in merges])
    return tuple(symmetric(models.BPE(vocab, pairs, byte_fallback=True)) for vocab, pairs in sides)


@settings(max_examples=200, deadline=None)
@given(document=st.lists(st.sampled_from([*"aeinrst fldu.,!'\n", " ", "la ", "le ", "temps"])).map("".join))
def test_a_symmetric_bpe_gives_the_reversed_tokens_of_the_reversed_text(trained, document):
    one, other = without_ties(trained["symmetric_bpe"])
    tokens, of_reversed = (each.encode(text) for each, text in ((one, document), (other, document[::-1])))
    assert tokens.ids[::-1] == of_reversed.ids


def test_a_symmetric_bpe_of_reversed_text_is_that_of_the_text_but_for_ties():
    texts = (SCRIPT.parent / "corpora/en.txt").read_text(encoding="utf-8")[:200_000].split("\n\n")
    shared = {}
    for train in (train_symmetric_bpe, train_bpe):
        one, other = (set(train(each, 800).get_vocab()) for each in (texts, [text[::-1] for text in texts]))
        own = {token for token in one if len(token.strip(MARK)) > 1} - {*BYTES, "<|endoftext|>"}
        shared[train] = len(own & {token[::-1] for token in other}) / len(own)
    assert shared[train_symmetric_bpe] > 0.98  # pairs that are as frequent as others, at the end
    assert shared[train_bpe] < 0.7


def test_a_symmetric_bpe_tells_a_space_at_both_ends_of_words(trained):
    tokenizer = trained["symmetric_bpe"]
    ids = backend_ids("la flèche\ndu  temps", tokenizer)[:-1]
    joined = "".join(tokenizer.convert_ids_to_tokens(ids)).replace(MARK, "_")
    assert joined == "la__flèche\ndu<0x20><0x20>temps"  # two spaces are no letters of this text, and are bytes
    assert {"la_", "_la", "_la_"} & set(token.replace(MARK, "_") for token in tokenizer.get_vocab())


def test_reversed_text(here):
    plain, backwards = make("fr"), make("fr_reversed", "--reverse_text")
    for split in ("train", "validation"):  # same documents in both parts
        assert decoded(backwards, split) == [reverse_graphemes(document) for document in decoded(plain, split)]


@settings(max_examples=15, deadline=None)
@given(
    order=st.permutations(range(40)), copies=st.lists(st.integers(0, 39), max_size=10), sampled=st.integers(50, 4000)
)
def test_split_and_sample_ignore_the_order(order, copies, sampled):
    documents = paragraphs(40)
    shuffled = [documents[index] for index in order]
    one, other = (survey(((each.encode(), None) for each in read), 0, sampled) for read in (documents, shuffled))
    assert one.sample == other.sample and sum(len(data) for _, data in one.sample) <= sampled
    assert np.array_equal(one.bytes_in, other.bytes_in)
    chunk = [document.encode() for document in documents + [documents[index] for index in copies]]
    chunk = [*Splitting(0.5, 0, {}, None, set()).keep((document, None) for document in chunk)]
    parts = streams.encode_chunk(chunk, None, EOS_ID, bytes, np.dtype("u2"))
    apart = [set(bytes(ids.astype("u1")).split(b"\0")) - {b""} for ids, _ in parts.values()]
    assert not apart[0] & apart[1] and sum(map(len, apart)) == len(set(documents))


def test_result_ignores_chunks(here, monkeypatch):
    one = make("fr")
    monkeypatch.setattr(streams, "CHUNK_BYTES", 7_000)
    two = make("fr", "--output_dir", "two")
    assert two == Path("data/fr") and same_folders(one, Path("two/fr"))


def test_validation_tokens(here):
    for level in LEVELS:
        tokens = read_meta(make(level, "--level", level, "--validation_tokens", "2000"))["splits"]["validation"][
            "tokens"
        ]
        assert 1900 < tokens < 2300
    with pytest.raises(SystemExit, match="more than half of the text"):
        make("more", "--validation_tokens", "20000")


def test_tokenizer_sample_and_vocabulary(here, capsys):
    meta = read_meta(make("fr", "--tokenizer_sample_bytes", "5000", "--vocab_size", "5000"))
    assert 4000 < meta["tokenizer_sample"]["bytes"] <= 5000
    assert 257 < meta["vocab_size"] < 5000 and "not 5,000" in capsys.readouterr().err
    reused = read_meta(make("again", "--tokenizer", "data/fr"))
    assert reused["tokenizer_sha256"] == meta["tokenizer_sha256"] and reused["tokenizer_sample"] is None
    assert reused["splits"] == meta["splits"] and reused["data_sha256"] == meta["data_sha256"]


def test_alphabet_is_that_of_train(here):
    documents = paragraphs() + [f"only here {chr(0x4E00 + number)}" for number in range(100)]
    Path("fr.txt").write_text("\n\n".join(documents), encoding="utf-8")
    folder = make("fr", "--level", "char")
    alphabet = set(AutoTokenizer.from_pretrained(folder).get_vocab()) - {"<|endoftext|>", UNK}
    assert alphabet == set("".join(decoded(folder, "train"))) and "�" not in alphabet
    assert UNK in " ".join(decoded(folder, "validation"))


COMPRESS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_formats_agree(here, suffix):
    documents = paragraphs(20)
    lines = "\n\n\n".join(documents).replace("\n", "\r\n")
    Path(f"a.txt{suffix}").write_bytes(COMPRESS[suffix](b"\xef\xbb\xbf" + lines.encode() + b"\n\n \n\n\n"))
    rows = "".join(json.dumps({"text": document, "n": [1]}) + "\n" for document in [*documents, "  ", None])
    half = len(rows) // 2  # two members, one file
    Path(f"a.jsonl{suffix}").write_bytes(
        b"".join(COMPRESS[suffix](part.encode()) for part in (rows[:half], rows[half:]))
    )
    assert list(read_documents(f"a.txt{suffix}")) == documents
    assert list(read_documents(f"a.jsonl{suffix}")) == documents
    lined = list(read_documents(f"a.txt{suffix}", documents="line"))
    assert lined == [line for document in documents for line in document.split("\n")]


@pytest.mark.parametrize(("file", "package"), [("a.txt.zst", "zstandard"), ("a.parquet", "pyarrow")])
def test_what_is_read_by_a_missing_package_says_so(here, monkeypatch, file, package):
    Path(file).write_bytes(zstandard.compress(b"text"))
    monkeypatch.setitem(sys.modules, package, None)
    message = f"{file}: cannot be read without the package {package} .*pip install {package}$"
    with pytest.raises(SystemExit, match=message) as stopped:
        make("a", source=file)
    assert one_line(stopped) and not Path("data/a").exists()
    assert list(read_documents("fr.txt"))


def test_paragraphs_are_those_of_datasets(here):
    from datasets import load_dataset

    Path("fr.txt.xz").write_bytes(lzma.compress(Path("fr.txt").read_bytes()))
    rows = load_dataset("text", data_files="fr.txt.xz", sample_by="paragraph", split="train", streaming=True)
    assert [row["text"].strip("\n") for row in rows] == list(read_documents("fr.txt.xz"))


def test_hub_data_set_code_on_a_local_one(here):
    Path("hub").mkdir()
    write_parquet(Path("hub/train-0.parquet"), paragraphs(30), "content")
    assert list(read_documents("hub", column="content")) == paragraphs(30)
    assert list(read_documents("hub/train-0.parquet", column="content")) == paragraphs(30)


def write_parquet(path: Path, documents: list[str], column: str = "text") -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({column: documents}), path, row_group_size=10)


def test_bytes_of_any_file(here):
    Path("code").mkdir()
    contents = {"a.py": b"print(1)\r\n", "b.bin": bytes(range(256)), "c.md": b"# c\n\n\n"}
    contents |= {f"{n}.dna": bytes(random.Random(n).choices(b"ACGT", k=50)) for n in range(30)}
    for name, content in contents.items():
        Path("code", name).write_bytes(content)
    for name in (".git/objects/ab", "__pycache__/a.pyc", ".hidden"):  # nothing of these
        Path("code", name).parent.mkdir(parents=True, exist_ok=True)
        Path("code", name).write_bytes(b"no text of anybody")
    folder = make("code", "--level", "byte", "--documents", "file", source="code")
    streams = [np.asarray(open_stream(folder, split)) for split in ("train", "validation")]
    documents = [part for ids in streams for part in np.split(ids, np.flatnonzero(ids == EOS_ID) + 1)[:-1]]
    assert sorted(bytes((part[:-1] - 1).astype(np.uint8)) for part in documents) == sorted(contents.values())


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the current folder; with `ranges`, parts of files too, as servers of large files do."""

    ranges = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = regex.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not (self.ranges and asked):
            return super().do_GET()
        content = Path(self.translate_path(self.path)).read_bytes()
        begin, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end + 1 - begin))
        self.end_headers()
        self.wfile.write(content[begin : end + 1])


@pytest.mark.parametrize("ranges", [True, False])
def test_url(here, ranges):
    handler = functools.partial(type("Handler", (Server,), {"ranges": ranges}), directory=here)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Path("fr.txt.xz").write_bytes(lzma.compress(Path("fr.txt").read_bytes()))
        write_parquet(Path("fr.parquet"), paragraphs())
        url = f"http://127.0.0.1:{server.server_port}"
        local, remote = make("local", source="fr.txt.xz"), make("remote", source=f"{url}/fr.txt.xz")
        assert read_meta(local)["data_sha256"] == read_meta(remote)["data_sha256"]
        assert read_meta(remote)["inputs"][0]["bytes"] == Path("fr.txt.xz").stat().st_size
        if ranges:
            rows = make("rows", source=f"{url}/fr.parquet")
            assert read_meta(rows)["data_sha256"] == read_meta(local)["data_sha256"]
        with pytest.raises(SystemExit, match="absent.txt"):
            make("absent", source=f"{url}/absent.txt")
        server.shutdown()


def test_finished_or_refused(here, capsys):
    folder = make("fr")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    make("fr", source="./fr.txt")
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="vocab_size: 400 / 401"):
        make("fr", "--vocab_size", "401")
    Path("fr.txt").write_text("\n\n".join(paragraphs(seed=1)), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"input 1\.sha256: "):
        make("fr")
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def interrupt(patch: pytest.MonkeyPatch, stop: int | str, chunk_bytes: int) -> None:
    """Have the second reading interrupted at the `stop`-th of its chunks."""
    encode_chunk, calls = making.encode_chunk, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return encode_chunk(*args, **kwargs)

    patch.setattr(streams, "CHUNK_BYTES", chunk_bytes)
    patch.setattr(streams, "CHECKPOINT_SECONDS", 0)
    patch.setattr(making, "encode_chunk", interrupted)


@pytest.mark.parametrize("stop", [1, 2, 7, "rename"])
def test_interrupted_is_as_never_interrupted(here, monkeypatch, stop):
    whole = make("fr", "--output_dir", "whole") and Path("whole/fr")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, stop, 5_000)
        if stop == "rename":
            patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        make("fr")
    assert not Path("data/fr").exists()
    with pytest.raises(SystemExit, match="seed: 0 / 1"):
        make("fr", "--seed", "1")
    with Path("data/fr.partial/fr/train.bin").open("ab") as file:
        file.write(b"not yet accounted for")
    make("fr")
    assert same_folders(whole, Path("data/fr")) and not Path("data/fr.partial").exists()


@pytest.mark.parametrize("change", ["another document", "a longer one"])
def test_a_source_that_changes_while_it_is_read_is_refused(here, monkeypatch, change):
    first_reading = making.first_reading

    def and_then_it_changes(*args):
        first_reading(*args)
        with Path("fr.txt").open("a", encoding="utf-8") as file:
            file.write("\n\nla flèche" if change == "another document" else "la flèche")

    monkeypatch.setattr(making, "first_reading", and_then_it_changes)
    with pytest.raises(SystemExit, match="changed between two readings"):
        make("fr")
    assert not Path("data/fr").exists()


@pytest.mark.parametrize(
    ("workers", "how"), [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGTERM), (2, signal.SIGINT)]
)
def test_killed(here, workers, how):
    program = (
        "import functools, time, tokenize_lang; from aot.base import cli; from aot.tokens import streams;"
        "streams.CHUNK_BYTES, streams.CHECKPOINT_SECONDS, chunks = 3_000, 0, streams.chunks;"
        "streams.chunks = lambda documents: (time.sleep(0.2) or chunk for chunk in chunks(documents));"
        "flags = '--source fr.txt --name fr --vocab_size 400 --validation_fraction 0.1 --preprocessing_num_workers';"
        f"cli.command(functools.partial(tokenize_lang.main, [*flags.split(), '{workers}']))"
    )
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parent)}
    command = [sys.executable, "-c", program]
    with Path("said").open("w") as said:
        process = subprocess.Popen(command, env=environment, stderr=said, start_new_session=True)
    while not Path("data/fr.partial/progress.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    started = psutil.Process(process.pid).children(recursive=True)
    assert (sum("forkserver" in " ".join(each.cmdline()) for each in started) > 1) == (workers > 1)
    # a terminal sends Ctrl-C to all
    os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
    process.wait()
    _, left = psutil.wait_procs(started, timeout=60)
    for each in left:
        each.kill()
    assert not left and not Path("data/fr").exists()
    if how == signal.SIGINT:
        said = Path("said").read_text()
        assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
    whole = make("fr", "--output_dir", "whole") and Path("whole/fr")
    assert same_folders(whole, make("fr"))


@pytest.mark.parametrize(
    ("before", "after", "flags"),
    [(1, 2, []), (3, 1, ["--level", "char"]), (2, 3, ["--reverse_text"]), (2, 2, ["--level", "byte"])],
)
def test_any_number_of_processes_gives_the_same(here, monkeypatch, before, after, flags):
    whole = make("fr", *flags, "--output_dir", "whole") and Path("whole/fr")
    monkeypatch.setattr(streams, "CHUNK_BYTES", 5_000)
    monkeypatch.setattr(streams, "CHECKPOINT_SECONDS", 0)
    write_json, saved = streams.write_json, []

    def and_interrupt(path, counts):
        write_json(path, counts)
        saved.append(sum(count["documents"] for count in counts.values()))
        if len(saved) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(streams, "write_json", and_interrupt)
        make("fr", *flags, "--preprocessing_num_workers", str(before))
    assert 0 < saved[0] < saved[1] < saved[2] < len(paragraphs())
    assert same_folders(whole, make("fr", *flags, "--preprocessing_num_workers", str(after)))
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_stops_all_in_one_line(here, monkeypatch):
    chunks = streams.chunks

    def and_one_is_killed(documents):
        for number, chunk in enumerate(chunks(documents)):
            if number == 9:
                multiprocessing.active_children()[0].kill()
            if number >= 9:  # or all could be encoded before it is missed, and nothing would be amiss
                time.sleep(0.1)
            yield chunk

    with monkeypatch.context() as patch:
        patch.setattr(streams, "CHUNK_BYTES", 500)
        patch.setattr(streams, "chunks", and_one_is_killed)
        with pytest.raises(SystemExit, match="a process that encodes was ended.*fewer --preproc") as stopped:
            make("fr", "--preprocessing_num_workers", "2")
    assert one_line(stopped) and not multiprocessing.active_children()
    assert same_folders(make("fr", "--output_dir", "whole") and Path("whole/fr"), make("fr"))


def test_an_error_in_a_process_is_the_same_line(here):
    known = Tokenizer(models.WordLevel({"<|endoftext|>": 0, "la": 1}, unk_token="?"))
    marks = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    save_tokenizer(PreTrainedTokenizerFast(tokenizer_object=known, **marks), "la")
    said = []
    for workers in "12":
        with pytest.raises(SystemExit, match="cannot encode this text: WordLevel error: Missing") as stopped:
            make("fr", "--tokenizer", "la", "--preprocessing_num_workers", workers)
        said.append(stopped.value.code)
        assert one_line(stopped)
    assert said[0] == said[1]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 30))
def test_a_few_chunks_are_encoded_ahead_in_order(count):
    read = []
    source = (read.append(number) or [bytes([number])] for number in range(count))
    for number, encoded in enumerate(ahead.encode_ahead(source, lambda chunk: {"train": chunk}, 1)):
        assert encoded == {"train": [bytes([number])]} and len(read) <= number + 1 + ahead.THREADS
    assert len(read) == count


@pytest.mark.parametrize(
    ("cores", "size", "level", "reverse", "processes"),
    [
        (2, 10**9, "bpe", False, 1),
        (8, 10**9, "bpe", False, 8),
        (8, 10**7, "bpe", False, 1),
        (8, 10**9, "byte", False, 1),
        (8, 10**9, "byte", True, 8),
    ],
)
def test_more_than_two_cores_take_processes(monkeypatch, cores, size, level, reverse, processes):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert ahead.processes_for(size, level, reverse) == processes


BAD = {
    "empty": (b"", [], "no document"),
    "blank": (b" \n\n \n", [], "no document"),
    "one document": (b"just one", [], "0 of 1 documents|1 of 1 documents"),
    "latin-1": (b"fine\n\nfine\nna\xefve\n", [], r"bad.txt: line 4, byte 13 .*not UTF-8.*--errors replace"),
    "cut in a character": ("fine\n\né".encode()[:-1], [], "line 3, byte 6 .*not UTF-8"),
    "long line": (b"a" * 50_000_000, [], "bad.txt: document 1 is longer than 20,000,000 bytes.*--documents"),
    "no blank line": (b"abc def\n" * 3000, ["--max_document_bytes", "20000"], "document 1 is longer"),
    "long row": (b'{"text": "abc"}\n{"text": "abcdefgh"}', ["--max_document_bytes", "7"], "document 2 is longer"),
    "no JSON": (b'{"text": "a"}\n\n{"text": ', [], "line 3: invalid JSON"),
    "no column": (b'{"text": "a"}\n{"txt": "a"}', [], "line 2: no column 'text', its columns are txt"),
    "no text": (b'{"text": 3}', [], "holds int, not text"),
    "no object": (b"[1]", [], "it is no JSON object"),
    "surrogate": (b'{"text": "\\ud800"}', [], "surrogates not allowed"),
}


def test_half_a_surrogate_pair_can_be_replaced(here):
    Path("half.jsonl").write_bytes(b'{"text": "\\ud800x"}\n{"text": "\\ud83c\\udff9"}\n')
    assert list(read_documents("half.jsonl", errors="replace")) == ["\ufffdx", "🏹"]


@pytest.mark.parametrize("source", ["USER/NAME", "teknium/OpenHermes-2.5", "v1.0", "fr.csv", "USER/fr.txt", "fr.xz"])
def test_a_name_of_a_file_is_no_hub_id(here, source):
    if "fr" not in source:
        assert text.list_sources([source], "paragraph") == [source]
    else:
        with pytest.raises(SystemExit, match=f"{source}: no such file"):
            text.list_sources([source], "paragraph")


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(here, case):
    content, flags, message = BAD[case]
    name = "bad.jsonl" if content[:1] in (b"{", b"[") else "bad.txt"
    Path(name).write_bytes(content)
    with pytest.raises(SystemExit, match=message) as stopped:
        make("bad", *flags, source=name)
    assert "\n" not in str(stopped.value) and not Path("data").exists()


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix])
def test_damaged_archive(here, suffix):
    choose = random.Random(0)
    noise = "\n\n".join(choose.randbytes(50).hex() for _ in range(5000)).encode()
    whole = COMPRESS[suffix](noise)
    path = Path(f"a.txt{suffix}")
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SystemExit, match=f"{path}: cut short"):
        make("bad", source=str(path))
    path.write_bytes(whole[:50_000] + bytes(5_000) + whole[55_000:])
    with pytest.raises(SystemExit, match=str(path)):
        make("bad", source=str(path))
    assert not Path("data").exists()


def test_errors_replace(here):
    for suffix, compress in COMPRESS.items():
        Path(f"a.txt{suffix}").write_bytes(compress(b"na\xefve\n\nb"))
        assert list(read_documents(f"a.txt{suffix}", errors="replace")) == ["na�ve", "b"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--source", "absent.txt"], "absent.txt: no such file"),
        (["--level", "word"], None),
        (["--colour", "red"], "--colour"),
        (["--validation_fraction", "1.5"], "between 0 and 1"),
        (["--vocab_size", "100"], "at least 257"),
        (["--vocab_size", str(10**11)], "at most 16777216"),
        (["--vocab_size", str(2**64)], "--vocab_size 18446744073709551616: is too large"),
        (["--preprocessing_num_workers", "100000"], "at most 1024"),
        (["--max_document_bytes", str(2**63 - 1)], "must be at most"),
        (["--name", "a/b"], "--output_dir"),
        (["--validation_tokens", "0"], "at least 1"),
        (["--document_length", "0"], "--document_length 0: must be at least 1"),
        (["--preprocessing_num_workers", "0"], "--preprocessing_num_workers 0: must be at least 1"),
    ],
)
def test_wrong_flags(here, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make("x", *flags)
    assert stopped.value.code not in (0, None) and not Path("data").exists()


def test_wrong_level_in_a_file(here):
    Path("x.json").write_text('{"source": ["fr.txt"], "name": "x", "level": "word"}')
    with pytest.raises(SystemExit, match="level is 'word', must be one of bpe, symmetric_bpe, char, byte"):
        tokenize_lang.main(["x.json"])


def test_fasta_records_are_sequences(here, monkeypatch):
    Path("genome.fa").write_text(">one of two\nACGT\nacgtn\n>empty\n>two > one\nTTGG\nC\n")
    expected = ["ACGTACGTN", "TTGGC"]
    for block in (1, 3, 100):
        monkeypatch.setattr(blocks, "BLOCK", block)
        assert [*read_documents("genome.fa", documents="fasta")] == expected
    with pytest.raises(ValueError, match="fr.txt: is no FASTA file"):
        [*read_documents("fr.txt", documents="fasta")]
    flags = "--documents fasta --document_length 2 --level byte --validation_fraction 0.4".split()
    folder = make("dna", *flags, source="genome.fa")
    pieces = decoded(folder, "train") + decoded(folder, "validation")
    assert sorted(pieces) == sorted(["AC", "GT", "AC", "GT", "N", "TT", "GG", "C"])


def test_long_documents_are_cut(here):
    Path("code").mkdir()
    contents = [bytes(range(256)) * 9, b"short", b" " * 700 + b"x"]
    for number, content in enumerate(contents):
        Path("code", f"{number}.bin").write_bytes(content)
    flags = "--level byte --documents file --document_length 500".split()
    folder = make("bytes", *flags, source="code")
    streams = [np.asarray(open_stream(folder, split)) for split in ("train", "validation")]
    found = [part for ids in streams for part in np.split(ids, np.flatnonzero(ids == EOS_ID) + 1)[:-1]]
    expected = [content[begin : begin + 500] for content in contents for begin in range(0, len(content), 500)]
    written = sorted(bytes((part[:-1] - 1).astype(np.uint8)) for part in found)
    assert written == sorted(piece for piece in expected if not piece.isspace())


def test_command_line_and_yaml(here):
    Path("fr.yaml").write_text("source: fr.txt\nname: fr\nvocab_size: 400\nvalidation_fraction: 0.1\n")
    done = subprocess.run([sys.executable, SCRIPT, "fr.yaml"], capture_output=True, text=True)
    assert done.returncode == 0 and "bytes/token" in done.stdout, done.stderr
    assert same_folders(make("fr", "--output_dir", "flags") and Path("flags/fr"), Path("data/fr"))
