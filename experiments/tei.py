"""Novels in TEI, the mark-up of the European Literary Text Collection, as documents of paragraphs, and their headers.

Chapters are documents: what stands in a division, and not in one inside it. Paragraphs and verses are lines. Headings,
notes and the marks that point to them, title pages and closing words ("The End") are left out.
"""

import math
import re
import unicodedata
import xml.etree.ElementTree as ET
from itertools import accumulate, groupby

TEI = "{http://www.tei-c.org/ns/1.0}"
LEFT_OUT = {"head", "note", "trailer", "figure"}
NOT_THE_NOVEL = {"titlepage", "notes"}  # types of divisions
LINES = {"body", "div", "p"}
LINES_OUTSIDE = {"quote", "label", "lg", "l"}  # of paragraphs; inside they are words of a sentence
SHORTEST, LONGEST, PIECE = 600, 60_000, 10_000  # characters of a document; of the pieces of a longer one
# no text holds controls: those from U+0080 on are letters of Windows-1252 that were taken for Latin-1
LETTERS = {code: letter for code in range(0x80, 0xA0) if (letter := bytes([code]).decode("cp1252", "ignore"))}
LETTERS |= dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF])  # soft hyphens and other marks without width


def parse(content: bytes) -> ET.Element:
    """The root of a TEI file; ValueError where it is no XML or has no body."""
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        raise ValueError(f"cannot be read as XML ({error})") from error
    if root.find(f".//{TEI}body") is None:
        raise ValueError("has no <body> of TEI")
    return root


def words(text: str) -> str:
    """Text in Unicode's form NFC on one line."""
    return unicodedata.normalize("NFC", " ".join(text.translate(LETTERS).split()))


def described(root: ET.Element) -> tuple[str, str, str]:
    """Author, title and year of the first edition as the header has them, "" where it has none.

    Years of other editions count only where the header has none of the first, and only from 1840 to 1940.
    """
    header = root.find(f"{TEI}teiHeader")

    def text(element: ET.Element | None) -> str:
        return "" if element is None else words("".join(element.itertext()))

    authors = []
    for author in header.iterfind(f".//{TEI}titleStmt/{TEI}author"):
        parts = [text(author.find(f".//{TEI}{part}")) for part in ("surname", "forename")]
        authors.append(", ".join(filter(None, parts)) or text(author))
    title = text(header.find(f".//{TEI}titleStmt/{TEI}title"))
    title = re.sub(r"\s*[:(][^:(]*eltec.*$", "", title, flags=re.IGNORECASE)
    first = f".//{TEI}bibl[@type='firstEdition']"
    known = [*header.iterfind(f"{first}/{TEI}date"), *header.iterfind(first)]
    years = re.findall(r"\b1[5-9]\d\d\b", " ".join(map(text, known)))[:1]
    others = re.findall(r"\b1[89]\d\d\b", " ".join(map(text, header.iterfind(f".//{TEI}bibl/{TEI}date"))))
    years += sorted(year for year in others if "1840" <= year <= "1940")
    return "; ".join(dict.fromkeys(authors)), title, (years or [""])[0]


def chapters(root: ET.Element) -> tuple[list[list[str]], int]:
    """Lines of each division of the body, and the number of characters that were left out."""
    documents, left_out = [[""]], 0

    def add(text: str | None) -> None:
        documents[-1][-1] += text or ""

    def part(kind: str, line: bool) -> None:
        if kind == "div":
            documents.append([""])
        elif line:
            documents[-1].append("")
        elif kind == "l":
            add(" ")

    def read(element: ET.Element, in_paragraph: bool) -> None:
        nonlocal left_out
        kind = element.tag.removeprefix(TEI)
        mark = kind == "ref" and element.get("target", "").startswith("#")
        if mark or kind in LEFT_OUT or kind == "div" and element.get("type") in NOT_THE_NOVEL:
            left_out += len(words("".join(element.itertext())))
            return
        line = kind in LINES or kind in LINES_OUTSIDE and not in_paragraph
        part(kind, line)
        add(element.text)
        if kind == "p":  # one of verses alone is none
            in_paragraph = bool(words(" ".join([element.text or "", *(child.tail or "" for child in element)])))
        for child in element:
            read(child, in_paragraph)
            add(child.tail)
        part(kind, line)

    read(root.find(f".//{TEI}body"), False)
    lines = ([line for line in map(words, document) if line] for document in documents)
    return [document for document in lines if document], left_out


def joined(documents: list[list[str]]) -> list[list[str]]:
    """Documents with those that are too short in front of what follows, at the end behind what comes before."""
    whole, begun = [], []
    for document in documents:
        begun = begun + document
        if length(begun) >= SHORTEST:
            whole.append(begun)
            begun = []
    if begun:
        whole[-1:] = [sum(whole[-1:], []) + begun]
    return whole


def pieces(document: list[str]) -> list[list[str]]:
    """A document, cut after lines into pieces of much the same length, `PIECE` or a bit less, if it is too long."""
    if (total := length(document)) <= LONGEST:
        return [document]
    number = math.ceil(total / PIECE)
    begins = accumulate((len(line) + 1 for line in document), initial=0)
    numbered = zip([begin * number // (total + 1) for begin in begins], document, strict=False)  # the last is the end
    return [[line for _, line in piece] for _, piece in groupby(numbered, lambda each: each[0])]


def length(document: list[str]) -> int:
    """Characters of a document as it is written, lines between line ends."""
    return sum(map(len, document)) + len(document) - 1


def novel(content: bytes) -> tuple[tuple[str, str, str], list[list[str]], int]:
    """Author, title and year, the documents, and the number of characters left out; ValueError as `parse`."""
    root = parse(content)
    found, left_out = chapters(root)
    return described(root), [piece for document in joined(found) for piece in pieces(document)], left_out
