"""Novels and ready texts: fetched once, whole or not at all, with tables of their books that fit; damage is said."""

import bz2
import hashlib
import io
import json
import lzma
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import one_line
from test_tei import book

from aot.base.files import file_sha256, read_json
from aot.tokens.clusters import cluster_runs
from experiments import fetch_corpora, tei
from experiments.fetch_corpora import COLUMNS, PINNED, main

COMMIT = "0123abcd" * 5
BOOKS = {
    "level1/A1": "<div type='chapter'><p>Une maison.</p><p>Une porte.</p></div><div type='chapter'><p>Fin.</p></div>",
    "level0/A1": "<p>another</p>",
    "level2/A1": "<p><w>another</w></p>",
    "level0/A2": "<p>Le “moulin”.</p>",
    "level1/A3": "<div><p>Une maison.</p><p>Une porte.</p></div><div><p>Fin.</p></div>",  # A1 under another name
    "level1/B1": "<p>not asked for</p>",
}
FRENCH = "Une maison.\nUne porte.\n\nFin.\n\nLe “moulin”.\n"


@pytest.fixture(autouse=True)
def collections(tmp_path, monkeypatch):
    """Pins of two small languages; documents may be short."""
    languages = {
        "fr": {"sha256": hashlib.sha256(FRENCH.encode()).hexdigest(),
               "collections": {"ELTeC-fra": {"commit": COMMIT, "books": ["A1", "A2", "A3"]}}},
        "hu": {"sha256": None, "collections": {"ELTeC-hun": {"commit": COMMIT, "books": ["A1"]}}},
    }  # fmt: skip
    pins = read_json(PINNED) | {"languages": languages}
    (tmp_path / "corpora.json").write_text(json.dumps(pins), encoding="utf-8")
    monkeypatch.setattr(fetch_corpora, "PINNED", tmp_path / "corpora.json")
    monkeypatch.setattr(tei, "SHORTEST", 1)


def pack(path, books=BOOKS):
    """An archive as GitHub makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, body in {"README": "", **books}.items():
            content = book(body)
            member = tarfile.TarInfo(f"ELTeC-{COMMIT}/{name}.xml")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and notes what it was asked for; breaks off after so many bytes, once, where it is told to."""

    asked, breaks = [], []

    def copyfile(self, source, outputfile):
        self.asked.append(self.path)
        outputfile.write(source.read(*self.breaks))
        if self.breaks:
            self.close_connection = self.breaks.pop()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """Flags with which the archives of both languages are fetched from here."""
    for collection in ("ELTeC-fra", "ELTeC-hun"):
        pack(tmp_path / f"www/{collection}/archive/{COMMIT}.tar.gz")
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "www")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ["--base_url", f"http://127.0.0.1:{server.server_port}", "--output_dir", str(tmp_path / "out")]
        server.shutdown()
        thread.join()


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def refused(flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        main(flags)
    assert one_line(stopped)


def test_archives_become_texts_with_tables_once(server, tmp_path, capsys):
    main(server)
    out, said = tmp_path / "out", capsys.readouterr().out
    assert (out / "fr.txt").read_text(encoding="utf-8") == FRENCH
    table = [line.split("\t") for line in (out / "fr.books.tsv").read_text(encoding="utf-8").splitlines()]
    described = ["Roe, Jane (1820-1890)", "The Mill", "1861"]
    assert table == [COLUMNS, ["A1", *described, "0", "2", "ELTeC-fra"], ["A2", *described, "2", "1", "ELTeC-fra"]]
    assert cluster_runs(str(out / "fr.books.tsv")) == [("A1", 2), ("A2", 1)]
    assert "A3: 2 documents left out, of the same words as one before" in said and "fr: 2 books, 3 documents" in said
    assert files(out) == ["ORIGIN.md", "fr.books.tsv", "fr.txt", "hu.books.tsv", "hu.txt", "packages"]
    origin = (out / "ORIGIN.md").read_text(encoding="utf-8")
    assert f"ELTeC-hun {COMMIT}" in origin and "public domain" in origin and "CC BY 4.0" in origin
    assert f"- hu.txt {file_sha256(out / 'hu.txt')}\n" in origin
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    main(server)
    assert capsys.readouterr().out.count("finished before") == 2 and len(Handler.asked) == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_languages_come_one_after_the_other_and_one_that_is_gone_comes_again(server, tmp_path):
    main([*server, "--languages", "hu"])
    out = tmp_path / "out"
    assert files(out) == ["ORIGIN.md", "hu.books.tsv", "hu.txt", "packages"]
    main([*server, "--languages", "fr"])
    both = (out / "ORIGIN.md").read_text(encoding="utf-8")
    assert "## fr" in both and "## hu" in both
    (out / "fr.txt").unlink()
    main(server)
    assert (out / "fr.txt").read_text(encoding="utf-8") == FRENCH
    assert (out / "ORIGIN.md").read_text(encoding="utf-8") == both and len(Handler.asked) == 2


def test_a_text_that_was_changed_is_refused(server, tmp_path):
    main(server)
    (tmp_path / "out/fr.txt").write_text("another", encoding="utf-8")
    refused(server, r"fr\.txt: its SHA-256 is .*, not .* as when it was written; delete it")


def test_a_download_that_breaks_leaves_nothing_and_begins_again(server, tmp_path):
    Handler.breaks.append(100)
    refused(server, r"ELTeC-fra/archive/.*: cannot be downloaded \(.*Run the same command again")
    assert not files(tmp_path / "out/packages")
    main(server)
    assert (tmp_path / "out/fr.txt").read_text(encoding="utf-8") == FRENCH


def test_an_archive_that_is_nowhere_is_said_and_languages_before_it_stay(server, tmp_path):
    (tmp_path / f"www/ELTeC-hun/archive/{COMMIT}.tar.gz").unlink()
    refused(server, r"ELTeC-hun/archive/.*: cannot be downloaded \(404 .*or put it at .*ELTeC-hun-0123")
    assert files(tmp_path / "out") == ["ORIGIN.md", "fr.books.tsv", "fr.txt", "packages"]


@pytest.mark.parametrize(
    ("books", "damage", "message"),
    [
        (BOOKS, lambda content: content[:-200], "damaged .*; delete it and run"),
        (BOOKS, lambda content: b"<html>Sign in</html>", "damaged .*; delete it and run"),
        (BOOKS | {"level1/A1": "<p>"}, None, "A1.xml cannot be read as XML"),
        ({name: BOOKS[name] for name in ("level1/A1", "level1/A3")}, None, "has no A2 at level1, level0 or level2"),
        (BOOKS | {"level1/A1": "<p>another</p>"}, None, "its SHA-256 would be .*, not .*is damaged or another one"),
    ],
)
def test_damaged_and_other_archives_are_refused(books, damage, message, tmp_path):
    archive = pack(tmp_path / f"out/packages/ELTeC-fra-{COMMIT}.tar.gz", books)
    if damage:
        archive.write_bytes(damage(archive.read_bytes()))
    refused(["--languages", "fr", "--output_dir", str(tmp_path / "out")], message)
    assert files(tmp_path / "out") == ["packages"]


@pytest.fixture
def mirror(tmp_path):
    """A folder with ready texts in three forms, and the flags to take them."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    content = b"Yksi.\n\nKaksi.\nKolme.\n"
    (folder / "fi.txt.xz").write_bytes(lzma.compress(content))
    (folder / "hu.txt.bz2").write_bytes(bz2.compress(content))
    (folder / "own.txt").write_bytes(content)
    for name in ("fi", "hu", "own"):
        table = ["\t".join(COLUMNS), "\t".join(["K1", "Kivi", "“Yksi", "", "0", "2", "here"])]
        (folder / f"{name}.books.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    known = (f"{file_sha256(path)}  {path.name}\n" for path in folder.glob("*.txt.*"))
    (folder / "SHA256SUMS").write_text("".join(known))
    return folder, ["--mirror", str(folder), "--output_dir", str(tmp_path / "out")]


def test_ready_texts_are_taken_with_their_licences(mirror, tmp_path, capsys):
    folder, flags = mirror
    main(flags)
    out = tmp_path / "out"
    for name in ("fi", "hu", "own"):
        assert (out / f"{name}.txt").read_text(encoding="utf-8") == "Yksi.\n\nKaksi.\nKolme.\n"
        assert (out / f"{name}.books.tsv").read_bytes() == (folder / f"{name}.books.tsv").read_bytes()
    origin = (out / "ORIGIN.md").read_text(encoding="utf-8")
    assert "Project Gutenberg" in origin and f"ELTeC-hun {COMMIT}. Taken ready." in origin
    assert "unknown origin: use, do not redistribute" in origin
    main([*flags, "--languages", "fi"])
    assert "fi: finished before" in capsys.readouterr().out
    refused(["--output_dir", str(out), "--languages", "hu"], "has another hu .*choose another --output_dir")


def test_ready_texts_that_are_damaged_or_gone_are_refused(mirror, tmp_path):
    folder, flags = mirror
    refused([*flags, "--languages", "sv"], r"mirror: has no sv\.txt, .*together with sv\.books\.tsv")
    (folder / "hu.txt.bz2").write_bytes(b"another")
    refused([*flags, "--languages", "hu"], r"hu\.txt\.bz2: its SHA-256 is .* as in .*SHA256SUMS; copy it anew")
    (folder / "SHA256SUMS").unlink()
    refused([*flags, "--languages", "hu"], r"hu\.txt\.bz2: is no \.bz2 file")
    (folder / "own.txt").write_text("Yksi.\n")
    refused([*flags, "--languages", "own"], "has 1 document, but own.books.tsv counts 2")
    assert not (tmp_path / "out").exists()
    refused(["--mirror", str(tmp_path / "nowhere")], "--mirror .*nowhere: no such folder, or no NAME.books.tsv in it")


def test_a_language_without_an_archive_is_refused_before_anything_is_fetched(server, tmp_path):
    refused([*server, "--languages", "hu", "fi"], "--languages fi: must be of fr hu; others are taken ready")
    assert not Handler.asked and not (tmp_path / "out").exists()


def test_all_texts_are_pinned_and_books_are_named_once():
    pinned = read_json(PINNED)
    assert list(pinned["languages"]) == "fr en de es pt it pl hu cs sv ro sl sr".split()
    for language in pinned["languages"].values():
        assert len(language["sha256"]) == 64
        books = [name for each in language["collections"].values() for name in each["books"]]
        assert all(len(each["commit"]) == 40 for each in language["collections"].values())
        assert len(books) == len(set(books)) > 50
