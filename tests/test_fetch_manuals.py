"""Manuals in 13 languages: the texts are parallel, and packages are the ones that are known."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import one_line

from aot.base.files import read_json
from experiments import fetch_manuals


def page(*paragraphs: str) -> str:
    """An HTML page of the help, as LibreOffice writes it."""
    inner = "\n".join(paragraphs)
    outside = '<p id="par_id0" class="x">Contents</p>'
    return f'<html>{outside}<div id="DisplayArea">{inner}</div><div id="SearchFrame"></div>{outside}</html>'


def paragraph(number: int, text: str) -> str:
    return f'<p id="par_id{number}" class="paragraph" dir="auto">{text}</p>'


def test_paragraphs_are_text_without_marks_hidden_parts_and_what_is_around_the_page():
    keys = '<span class="switchinline"><span hidden="true" id="a" class="MAC">Command\n</span>Ctrl</span>+A'
    html = page('<h1 id="hd_id1" dir="auto"><a name="x"></a>Open &amp; save</h1>', paragraph(2, f"Press\n {keys}"))
    assert fetch_manuals.paragraphs(html) == {"hd_id1": "Open & save", "par_id2": "Press Ctrl+A"}


def test_the_same_paragraphs_stay_in_all_languages(monkeypatch):
    monkeypatch.setattr(fetch_manuals, "LEAST", 10)
    english = {("a", "1"): "Open the file", ("a", "2"): "Choose File", ("b", "1"): "Open the file", ("b", "2"): "Yes"}
    french = {("a", "1"): "Ouvrez le fichier", ("a", "2"): "Choose File", ("b", "1"): "Ouvrez", ("b", "2"): "Oui"}
    german = {("a", "1"): "Die Datei öffnen", ("a", "2"): "Datei wählen", ("b", "1"): "Öffnen", ("b", "2"): "Ja"}
    texts = {"en": english, "fr": french, "de": german}
    # (a, 2) is not translated into French, (b, 1) repeats (a, 1), and what is left of page b is short
    pages = {"en": [["Open the file"]], "fr": [["Ouvrez le fichier"]], "de": [["Die Datei öffnen"]]}
    assert fetch_manuals.parallel(texts) == pages
    del german["a", "1"]
    assert fetch_manuals.parallel(texts) == {"en": [], "fr": [], "de": []}


def make_packages(folder: Path, version: str) -> None:
    """A package for each language, with two pages that are translated and one that is not."""
    folder.mkdir(parents=True)
    for language in fetch_manuals.LANGUAGES:
        root = folder / "tree"
        text = root / f"usr/share/libreoffice/help/{language}/text/guide"
        text.mkdir(parents=True)
        (root / "DEBIAN").mkdir()
        name = fetch_manuals.package(language)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@b>\nDescription: test\n"
        (root / "DEBIAN/control").write_text(control)
        for number in (2, 1):
            words = " ".join(f"{language}{number}{word}" for word in range(60))
            (text / f"{number}.html").write_text(page(paragraph(number, words), paragraph(3, "Not translated")))
        (text / "0.html").write_text(page(paragraph(9, "same in all " * 60)))
        deb = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
        subprocess.run(["dpkg-deb", "--build", "-Znone", root, deb], check=True, capture_output=True)
        shutil.rmtree(root)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_packages_become_one_file_per_language_with_the_same_pages(tmp_path, capsys):
    make_packages(tmp_path / "packages", "1:2.0")
    flags = ["--output_dir", str(tmp_path), "--version", "1:2.0"]
    fetch_manuals.main(flags)
    assert "2 pages of 2 paragraphs in 13 languages" in capsys.readouterr().out
    for language in fetch_manuals.LANGUAGES:
        first, second = (tmp_path / f"{language}.txt").read_text(encoding="utf-8").split("\n\n")
        assert first.split()[0] == f"{language}10" and second.split()[0] == f"{language}20" and second[-1] == "\n"
    origin = (tmp_path / "ORIGIN.md").read_text(encoding="utf-8")
    assert "Mozilla Public License 2.0" in origin and origin.count("\n- ") == 26
    assert not (tmp_path / "partial").exists()
    before = (tmp_path / "fr.txt").stat().st_mtime_ns
    for same in (flags, flags[:2]):  # without a version, what is there is used
        fetch_manuals.main(same)
        assert "finished before, version 1:2.0" in capsys.readouterr().out
        assert (tmp_path / "fr.txt").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match="holds version 1:2.0, not 1:3.0; choose another --output_dir"):
        fetch_manuals.main([*flags[:2], "--version", "1:3.0"])
    (tmp_path / "fr.txt").write_text("another")
    with pytest.raises(SystemExit, match=r"fr.txt: its SHA-256 is .*; delete"):
        fetch_manuals.main(flags)


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path):
    version = read_json(fetch_manuals.PINNED)["version"].replace(":", "%3a")
    (tmp_path / "packages").mkdir()
    for language in fetch_manuals.LANGUAGES:
        (tmp_path / f"packages/{fetch_manuals.package(language)}_{version}_all.deb").write_bytes(b"another")
    with pytest.raises(SystemExit, match="SHA-256") as stopped:
        fetch_manuals.main(["--output_dir", str(tmp_path)])
    assert one_line(stopped) and not list(tmp_path.glob("*.txt"))


def test_every_package_and_text_has_a_pinned_hash():
    pinned = read_json(fetch_manuals.PINNED)
    packages = {f"{fetch_manuals.package(each)}_{pinned['version'].replace(':', '%3a')}_all.deb" for each in
                fetch_manuals.LANGUAGES}  # fmt: skip
    assert set(pinned["sha256"]) == packages | {f"{each}.txt" for each in fetch_manuals.LANGUAGES}
