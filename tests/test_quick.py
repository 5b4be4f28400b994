"""`compute_aot.py --quick`: from any text to a profile, whole or not at all, and no flag without an effect."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import FEW, refused

import compute_aot
from aot.base.folders import alone
from aot.quick import measuring as quick
from aot.quick.arguments import WHERE
from aot.quick.learners import PROFILE
from aot.show import quick_figures
from aot.tokens.transforms import DESTROY, KEEP

ROOT = Path(__file__).parent.parent


def run(text, folder: Path, *flags: str) -> dict:
    compute_aot.main(["--quick", "--text", *map(str, np.ravel(text)), "--output_dir", str(folder), *map(str, flags)])
    return json.loads((folder / "aot.json").read_text(encoding="utf-8"))


def test_a_text_becomes_a_profile_with_figures_and_the_same_again(text, tmp_path, capsys):
    report = run(text, tmp_path / "out")
    printed = capsys.readouterr().out
    assert [row["learner"] for row in report["profile"]] == [each.name for each in PROFILE]
    best = min(report["profile"], key=lambda row: row["forward"] + row["backward"])
    assert report["learner"] == best["learner"] and report["aot"] == best["aot"] and best["learner"] in printed
    assert report["verdict"] in printed and "for this learner" in report["verdict"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "aot.json", "losses.npz", "profile.png", "amount.png", "text.html",
    }  # fmt: skip
    with np.load(tmp_path / "out/losses.npz") as losses:
        forward, backward = (losses[f"{each}_per_document"].sum(1) for each in ("forward", "backward"))
        aot = 2 * (backward - forward) / (forward + backward)
        assert aot == pytest.approx([row["aot"] for row in report["profile"]])
    before = (tmp_path / "out/aot.json").stat().st_mtime_ns
    assert run(text, tmp_path / "out") == report and capsys.readouterr().out == printed
    assert (tmp_path / "out/aot.json").stat().st_mtime_ns == before
    assert "order_seed" in refused("--quick", "--text", text, "--output_dir", tmp_path / "out", "--order_seed", 1)


def test_the_coloured_text_shows_every_character_escaped(tmp_path):
    (tmp_path / "a.txt").write_text("<b>&\n文é👍 \x01", encoding="utf-8")
    run(tmp_path / "a.txt", tmp_path / "out", *FEW)
    page = (tmp_path / "out/text.html").read_text(encoding="utf-8")
    for character in ("&lt;", "&amp;", "文", "é", "👍"):
        assert f">{character}</span>" in page


def test_the_colours_are_those_of_the_learner_that_compresses_best(text, tmp_path):
    best = run(text, tmp_path / "out", *FEW, "--per_symbol")["learner"]
    page = (tmp_path / "out/text.html").read_text(encoding="utf-8")
    shown = [float(each) for each in re.findall(r"→ ([\d.]+) bits", page)]
    with np.load(tmp_path / "out/losses.npz") as losses:
        number, last = list(losses["learners"]).index(best), losses["order"][-1]
        part = losses["forward"][number, losses["document_starts"][last] :][: len(shown)] / np.log(2)
    assert f"learner {best}" in page and shown == pytest.approx(part, abs=0.006)


def test_the_loss_of_each_symbol_is_kept_if_asked_for(text, tmp_path):
    run(text, tmp_path / "out", *FEW, "--per_symbol")
    with np.load(tmp_path / "out/losses.npz") as losses:
        for direction in ("forward", "backward"):
            sums = np.add.reduceat(losses[direction], losses["document_starts"], axis=1)
            assert sums == pytest.approx(losses[f"{direction}_per_document"])
        content = "".join(map(chr, losses["values"]))
    assert content == text.read_text(encoding="utf-8").replace("\n\n", "")


def test_the_table_of_where_has_all_changes_of_the_same_documents(text, tmp_path, capsys):
    report = run(text, tmp_path / "out", "--where", "--max_symbols", 6000)
    printed = capsys.readouterr().out
    texts = [quick.AS_IT_IS, *DESTROY, *KEEP]
    assert [row["text"] for row in report["where"] if row["learner"] == "6"] == texts
    assert (tmp_path / "out/where.png").stat().st_size and all(name in printed for name in texts)
    alone = run(text, tmp_path / "alone", "--destroy", "word_order", "--max_symbols", 6000, "--learners", *WHERE)
    (row,) = [row for row in report["where"] if (row["text"], row["learner"]) == ("word_order", "6")]
    (same,) = [row for row in alone["profile"] if row["learner"] == "6"]
    assert row["aot"] == same["aot"] and report["symbols"] == alone["symbols"]


def test_a_change_that_leaves_one_symbol_is_left_out_of_where(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("文字和意思\n\n意思和文字", encoding="utf-8")
    report = run(tmp_path / "a.txt", tmp_path / "out", "--where")
    assert "word_length: left out" in capsys.readouterr().err
    assert "word_length" not in {row["text"] for row in report["where"]} and len(report["where"]) >= 3


def test_clusters_are_files_columns_or_tables(text, tmp_path):
    documents = text.read_text(encoding="utf-8").split("\n\n")
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text("\n\n".join(documents[5 * number : 5 * number + 5]), encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    lines = (json.dumps({"text": each, "book": f"b{number // 5}"}) for number, each in enumerate(documents))
    rows.write_text("\n".join(lines), encoding="utf-8")
    table = tmp_path / "books.tsv"
    table.write_text("book_id\tfirst_doc\tn_docs\n" + "".join(f"{n}\t{5 * n}\t5\n" for n in range(4)))
    plain = run(text, tmp_path / "plain", *FEW)
    found = [
        run(files, tmp_path / "files", *FEW, "--clusters", "file"),
        run(rows, tmp_path / "rows", *FEW, "--clusters", "book"),
        run(text, tmp_path / "table", *FEW, "--clusters", table),
    ]
    for report in found:
        assert report["aot"] == pytest.approx(plain["aot"], rel=1e-9)  # the sums are in another order
        assert report["documents"] == 4 and "over clusters" in report["verdict"]
        assert report["low"] == pytest.approx(found[0]["low"]) and report["low"] != pytest.approx(plain["low"])


def test_other_clusters_are_another_request(text, tmp_path):
    table = tmp_path / "books.tsv"
    for split in (5, 15):
        table.write_text(f"book_id\tfirst_doc\tn_docs\na\t0\t{split}\nb\t{split}\t{20 - split}\n")
        if split == 5:
            run(text, tmp_path / "out", *FEW, "--clusters", table)
    flags = ["--quick", "--text", text, *FEW, "--clusters", table, "--output_dir", tmp_path / "out"]
    assert "other scores" in refused(*flags)


def test_bytes_of_any_files(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        (tmp_path / f"{number}.bin").write_bytes(rng.bytes(3000))
    files = sorted(tmp_path.glob("*.bin"))
    report = run(files, tmp_path / "out", *FEW, "--level", "byte", "--documents", "file", "--document_length", 1000)
    assert (report["unit"], report["read"], report["bytes"], report["different"]) == ("byte", 9, 9000, 256)


def test_a_data_folder_as_tokens_or_characters_and_after_its_training_split(data, tmp_path):
    of_data = ["--quick", "--data", data, *FEW]
    reports = {}
    for name, flags in {"tokens": [], "characters": ["--level", "char"], "after": ["--after", "train"]}.items():
        compute_aot.main([*map(str, [*of_data, *flags, "--output_dir", tmp_path / name])])
        reports[name] = json.loads((tmp_path / name / "aot.json").read_text(encoding="utf-8"))
    assert [reports[name]["unit"] for name in reports] == ["token", "character", "token"]
    assert len({(each["read"], each["symbols"]) for each in reports.values()}) == 1
    assert reports["after"]["forward"] < reports["tokens"]["forward"]
    # a character of this language is a token, but its neighbours in Unicode are others
    tokens, characters = (reports[each]["profile"][0]["forward"] for each in ("tokens", "characters"))
    assert tokens == pytest.approx(characters, rel=0.05)


def test_standard_input(text, tmp_path):
    command = [sys.executable, ROOT / "compute_aot.py", "--quick", "--text", "-", *FEW]
    command += ["--output_dir", tmp_path / "out"]
    done = subprocess.run(command, input=text.read_bytes(), capture_output=True, check=True)
    assert "compresses best" in done.stdout.decode()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--quick"], "--text"),
        (["--where", "--text", "TEXT"], "--quick, which needs no model"),
        (["--learners", "6", "--pair", "x", "--text", "TEXT"], "--learners"),
        (["--no_null", "--pair", "x", "--text", "TEXT"], "--null"),
        (["--quick", "--text", "TEXT", "--context", "4"], "--context"),
        (["--quick", "--text", "TEXT", "--pair", "runs/x"], "--pair"),
        (["--quick", "--text", "TEXT", "--device", "cpu"], "--device"),
        (["--quick", "--text", "TEXT", "--learners", "5"], "5"),
        (["--quick", "--text", "TEXT", "--learners", "6", "6"], "once"),
        (["--quick", "--text", "TEXT", "--max_symbols", "0"], "--max_symbols"),
        (["--quick", "--text", "TEXT", "--where", "--destroy", "word_order"], "one of"),
        (["--quick", "--text", "TEXT", "--after", "train"], "--data"),
        (["--quick", "--text", "TEXT", "--level", "byte", "--where"], "--level char"),
        (["--quick", "--data", "DATA", "--clusters", "file"], "--clusters"),
        (["--quick", "--data", "DATA", "--where"], "--level char"),
        (["--quick", "--text", "missing.txt"], "missing.txt"),
        (["--quick", "--text", "SAME"], "different symbols"),
        (["--quick", "--text", "EMPTY"], "no text"),
    ],
)
def test_what_does_not_go_together_is_one_line(flags, word, text, data, tmp_path):
    (tmp_path / "same").write_text("aaaa\n\naa")
    (tmp_path / "empty").write_text(" \n\n ")
    places = {"TEXT": text, "DATA": data, "SAME": tmp_path / "same", "EMPTY": tmp_path / "empty"}
    flags = [str(places.get(each, each)) for each in flags]
    assert word in refused(*flags, "--output_dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_figure_that_fails_leaves_no_folder(text, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("no room")

    monkeypatch.setattr(quick_figures, "write_coloured", fails)
    assert "no room" in refused("--quick", "--text", text, *FEW, "--output_dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_process_is_kept_out(text, tmp_path):
    with alone(tmp_path / "out.partial"):
        assert "another process" in refused("--quick", "--text", text, *FEW, "--output_dir", tmp_path / "out")
    run(text, tmp_path / "out", *FEW)
    assert not (tmp_path / "out.partial").exists()


def test_ctrl_c_is_one_line_and_leaves_nothing(tmp_path):
    command = [sys.executable, ROOT / "compute_aot.py", "--quick", "--text", ROOT / "corpora/de.txt"]
    terminal, its_end = pty.openpty()  # where a bar moves
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*command, "--output_dir", tmp_path / "out"], stderr=its_end, stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(its_end)
    err = b""
    try:
        while b"reading" not in err:
            err += os.read(terminal, 1000)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        with suppress(OSError):  # which is the end of a terminal
            while more := os.read(terminal, 1000):
                err += more
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(terminal)
    assert process.returncode == 130 and not out and b"Traceback" not in err
    assert err.decode().strip().splitlines()[-1].startswith("interrupted")
    assert time.monotonic() - begin < 30 and not list(tmp_path.glob("out*"))
