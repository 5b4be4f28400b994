"""Novels in TEI become documents of paragraphs: nothing of the novel is lost, and nothing else comes in."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import tei
from experiments.tei import novel, pieces

HEADER = """<teiHeader><fileDesc>
  <titleStmt><title>The Mill : ELTeC edition</title><author>Roe, Jane (1820-1890)</author></titleStmt>
  <sourceDesc><bibl type="printSource"><date>1977</date></bibl>
    <bibl type="firstEdition">London, <date>1861.</date></bibl></sourceDesc>
</fileDesc></teiHeader>"""


def book(body: str, header: str = HEADER, outside: str = "") -> bytes:
    """A TEI file, with a prologue that defines an entity, and `outside` in front and behind."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <?xml-model href="eltec-1.rng" type="application/xml"?>
    <!DOCTYPE TEI [<!ENTITY house "the house">]>
    <TEI xmlns="http://www.tei-c.org/ns/1.0" xml:id="X1" xml:lang="en">{header}
    <text><front>{outside}</front><body>{body}</body><back>{outside}</back></text></TEI>""".encode()


@pytest.fixture(autouse=True)
def short_documents(monkeypatch):
    monkeypatch.setattr(tei, "SHORTEST", 1)


def test_chapters_are_documents_and_paragraphs_are_lines_without_what_is_no_part_of_the_novel():
    body = """
      <div type="titlepage"><p>THE MILL</p></div>
      <div type="group"><head>PART ONE</head>
        <div type="chapter"><head>I <hi>The house</hi></head><pb n="1"/>
          <p>She saw
             &house; &amp; the <hi>mill</hi>.<ref target="#n1">[1]</ref><note>A mill.</note></p>
          <!-- checked --><milestone unit="rule"/>
          <p>A bro<pb n="2"/>ken word.</p></div>
        <p>Between the chapters.</p>
        <div type="chapter"><p>Next.</p><trailer>THE END</trailer></div>
      </div>
      <div type="notes"><p>A mill.</p></div>"""
    described, documents, left_out = novel(book(body, outside="<div><p>Printed in London</p></div>"))
    assert described == ("Roe, Jane (1820-1890)", "The Mill", "1861")
    expected = [["She saw the house & the mill.", "A broken word."], ["Between the chapters."], ["Next."]]
    assert documents == expected
    assert left_out == sum(map(len, ["THE MILL", "PART ONE", "I The house", "[1]", "A mill.", "THE END", "A mill."]))


def test_verses_and_quotations_are_lines_unless_they_stand_in_a_sentence():
    body = """<div type="chapter">
      <quote><foreign>Tu quoque</foreign>, he said.</quote>
      <p><l>One verse,</l><l>two verses.</l></p>
      <p>He sang <quote>Rule<l>the waves</l></quote> and left.</p>
      <lg><l>Alone</l></lg><label>A notice</label> <p>With a <label>label</label>.</p></div>"""
    assert novel(book(body))[1] == [
        ["Tu quoque, he said.", "One verse,", "two verses.", "He sang Rule the waves and left.", "Alone", "A notice",
         "With a label."]
    ]  # fmt: skip


def test_a_body_without_divisions_and_other_levels_of_mark_up_are_read():
    plain = HEADER.replace("teiHeader", "teiHeader n='eltec-0'", 1)
    assert novel(book("<head>I</head><p>All of it.</p>", plain))[1] == [["All of it."]]
    words = '<p><s xml:id="s1"><w pos="DET">All</w> <w>of</w> <w>it</w><pc>.</pc></s></p>'  # level 2
    assert novel(book(f"<div>{words}</div>"))[1] == [["All of it."]]


def test_letters_are_composed_and_letters_of_windows_come_back_and_marks_without_width_go():
    assert tei.words("cafe\u0301\n sÿ\u00adm\u200b \x97 \x9cuvre\u00a0\ufeff!") == "café sÿm — œuvre !"


@pytest.mark.parametrize(
    ("author", "title", "dates", "described"),
    [
        ("<persName><surname>Roe</surname><forename>J.</forename></persName><idno>6</idno>", "Moulin (édition ELTeC)",
         '<bibl type="printSource"><date>1868</date></bibl>', ("Roe, J.", "Moulin", "1868")),
        ("Roe", "Mill: a tale : ELTec edition : ELTeC edition",
         '<bibl type="firstEdition">In: Weekly, 1857</bibl>', ("Roe", "Mill: a tale", "1857")),
        ("Roe", "Mill", '<bibl type="printSource"><date>1977</date></bibl>', ("Roe", "Mill", "")),
    ],
)  # fmt: skip
def test_headers_are_read_as_they_come(author, title, dates, described):
    header = f"""<teiHeader><titleStmt><title>{title}</title><author>{author}</author></titleStmt>
    <sourceDesc>{dates}</sourceDesc></teiHeader>"""
    assert novel(book("<p>Text.</p>", header))[0] == described


def test_short_documents_go_with_what_follows_and_at_the_end_with_what_comes_before(monkeypatch):
    monkeypatch.setattr(tei, "SHORTEST", 8)
    body = "".join(f"<div><p>{text}</p></div>" for text in ("Motto", "Chapter one", "Chapter two", "End"))
    assert novel(book(body))[1] == [["Motto", "Chapter one"], ["Chapter two", "End"]]
    assert novel(book("<div><p>All</p></div>"))[1] == [["All"]]


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 30_000), min_size=1, max_size=60))
def test_long_chapters_are_cut_between_lines_into_pieces_of_much_the_same_length(lengths):
    document = ["x" * length for length in lengths]
    cut = pieces(document)
    assert sum(cut, []) == document and all(cut)
    total = tei.length(document)
    if total <= tei.LONGEST:
        assert cut == [document]
    else:
        assert max(map(tei.length, cut)) <= tei.PIECE + max(lengths) + 1


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<TEI><p>", "cannot be read as XML"), (b"<html><p>Sign in</p></html>", "has no <body> of TEI"),
     (book("<p>&nothing;</p>"), "undefined entity")],
)  # fmt: skip
def test_what_is_no_tei_is_refused(content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        novel(content)
