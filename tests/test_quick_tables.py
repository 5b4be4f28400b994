"""Tables and figures of experiments without a model are what their reports hold, and no row or text is lost."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st

import compute_aot
import report
from aot.base.files import read_json
from aot.report import quick_tables
from aot.show import quick_figures, style
from aot.show.names import learner
from aot.statistics import claims
from aot.tokens.windows import DIRECTIONS

ROOT = Path(__file__).parent.parent
NAMES = ("quick_trial", "quick_context", "quick_amount", "quick_where")
README = "# A title\n" + "".join(f"\n<!-- table {name} -->\n<!-- end -->\n" for name in NAMES) + "The end.\n"
READ = {
    "quick_trial-de": ["de", "--max_symbols", "4000", "--no_null", "--learners", "2", "6+words"],
    "quick_trial-en": ["en", "--max_symbols", "6000", "--no_null", "--learners", "2", "6+words"],
    "quick_trial-one": ["one", "--no_null", "--learners", "2", "6+words"],
    "quick_context-de": ["de", "--max_symbols", "3000", "--learners", "1", "2", "3", "4", "6"],
    "quick_amount-de-1k": ["de", "--max_symbols", "1000", "--no_null", "--learners", "2", "6+words"],
    "quick_amount-de-4k": ["de", "--max_symbols", "4000", "--no_null", "--learners", "2", "6+words"],
    "quick_where-de": ["de", "--max_symbols", "2000", "--where", "--learners", "2", "4"],
}


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> Path:
    """What `compute_aot.py --quick` writes of short texts, one of a single document."""
    folder = tmp_path_factory.mktemp("scores")
    for language in ("de", "en"):
        (folder / f"{language}.txt").write_text(
            (ROOT / f"corpora/{language}.txt").read_text(encoding="utf-8")[:20_000], encoding="utf-8"
        )
    (folder / "one.txt").write_text("A single line has no interval, and no direction either.", encoding="utf-8")
    for name, (text, *flags) in READ.items():
        where = ["--text", str(folder / f"{text}.txt"), "--documents", "line", "--output_dir", str(folder / name)]
        compute_aot.main(["--quick", *where, *flags])
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Where a README with places for tables is, and results go."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/README.md").write_text(README, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The figures that are made, with what is drawn in them."""
    figures = []
    monkeypatch.setattr(style, "save", lambda figure, path: figures.append(figure))
    yield figures
    for figure in figures:
        style.plt.close(figure)


def read(place: Path, name: str = "quick_trial") -> pd.DataFrame:
    return report.read_table(place / f"results/{name}.csv", [])


def lines_of(place: Path, name: str = "quick_trial") -> list[str]:
    """What the README shows of an experiment."""
    text = (place / "results/README.md").read_text(encoding="utf-8")
    return text.partition(f"<!-- table {name} -->\n")[2].partition("<!-- end -->")[0].strip().splitlines()


def cells_of(line: str) -> list[str]:
    return [each.strip() for each in line.strip("|").split("|")]


def points(figure) -> set[tuple[float, float]]:
    """What has a marker, and a place, in a figure."""
    marked = (line for axis in figure.axes for line in axis.lines if line.get_marker() not in ("None", "|", "_"))
    found = np.concatenate([np.column_stack([line.get_xdata(), line.get_ydata()]) for line in marked]).astype(float)
    return {(x, y) for x, y in found[~np.isnan(found).any(1)].tolist()}


def row_of(row="a", learner="6", aot=0.01, margin=0.005, **more) -> dict:
    """A row as a table keeps it, of documents with some 30 degrees of freedom."""
    interval = dict.fromkeys(("low", "high", "standard_error"))
    if margin is not None:
        interval = {"low": aot - margin, "high": aot + margin, "standard_error": margin / 2.04}
    known = {"row": row, "learner": learner, "aot": aot, "unit": "character", "samples": "documents"}
    sizes = {"symbols": 1e6, "documents": 30, "forward": 1.5, "backward": 1.5 * (1 + aot)}
    return known | sizes | interval | more


def table_of(*rows: dict) -> pd.DataFrame:
    table = pd.DataFrame(rows).reindex(columns=quick_tables.COLUMNS)
    return table.astype({"low": float, "high": float, "text": object})  # as in a file, where they may all be empty


def test_rows_are_what_was_read(scores, place):
    report.main(["quick_trial", "quick_context", "--scores", str(scores)])
    rows = read(place)
    names = [("de", "2"), ("de", "6+words"), ("en", "2"), ("en", "6+words"), ("one", "2"), ("one", "6+words")]
    assert list(zip(rows["row"], rows["learner"], strict=True)) == names
    context = read(place, "quick_context")
    for table, name in ((rows[:2], "quick_trial-de"), (rows[2:4], "quick_trial-en"), (context, "quick_context-de")):
        whole = read_json(scores / name / "aot.json")
        for key in ("unit", "symbols", "read", "samples", "bytes", "commit", "device"):
            assert (table[key] == whole[key]).all(), key
        for key in ("aot", "low", "high", "standard_error", "documents", "forward", "backward"):
            assert table[key].tolist() == pytest.approx([each[key] for each in whole["profile"]], rel=1e-6), key
    assert rows["null_aot"].isna().all() and rows["text"].isna().all()
    nulls = [each["null"] for each in whole["profile"]]
    for key in ("aot", "low", "high"):
        assert context[f"null_{key}"].tolist() == pytest.approx([each[key] for each in nulls], rel=1e-6), key
    assert set(context["command"]) == {"bash experiments/quick_context.sh"} and rows["command"].isna().all()


def test_a_table_shows_a_column_for_each_learner_and_what_was_read(scores, place):
    report.main(["quick_trial", "--scores", str(scores)])
    head, rule, de, _, one, empty, caption = lines_of(place)[:7]
    assert cells_of(head) == ["", "read", "samples", "bits", "2", "6+words"]
    assert rule == "| :-- | --: | --: | --: | --: | --: |" and not empty and caption.startswith("Columns of learners")
    whole = read_json(scores / "quick_trial-de/aot.json")
    label, size, samples, bits, *learners = cells_of(de)
    assert (label, samples) == ("de", f"{whole['documents']} documents")
    assert size == f"{whole['symbols'] / 1e6:.2f} M characters"
    best = min(sum(each["bits"].values()) / 2 for each in whole["profile"])
    assert bits == f"{best:.3f}"
    for cell, each in zip(learners, whole["profile"], strict=True):
        assert cell.startswith(f"{100 * each['aot']:+.2f} ± {100 * (each['high'] - each['aot']):.2f}")
    assert cells_of(one)[0] == "one" and not any(mark in one for mark in ("±", "nan", "→", "←"))
    assert "![quick_trial: ∂ and its intervals](quick_trial.png)" in lines_of(place)


def test_more_learners_than_rows_stand_in_lines(scores, place):
    report.main(["quick_context", "--scores", str(scores)])
    lines = lines_of(place, "quick_context")
    whole = read_json(scores / "quick_context-de/aot.json")
    assert cells_of(lines[0]) == ["longest context", "de"]
    assert [cells_of(line)[0] for line in lines[2:7]] == ["1", "2", "3", "4", "6"]
    for line, each in zip(lines[2:7], whole["profile"], strict=True):
        assert cells_of(line)[1].startswith(f"{100 * each['aot']:+.2f} ± ")
    assert lines[8].endswith(f"de: 0.0 M characters, {whole['documents']} documents.")


def test_a_text_has_a_row_as_it_is_and_one_for_each_change(scores, place):
    report.main(["quick_where", "--scores", str(scores)])
    rows, whole = read(place, "quick_where"), read_json(scores / "quick_where-de/aot.json")
    assert set(rows["row"]) == {"de"}
    found = [(each["text"], each["learner"]) for each in whole["where"]]
    assert list(zip(rows["text"], rows["learner"], strict=True)) == found
    assert rows["aot"].tolist() == pytest.approx([each["aot"] for each in whole["where"]], rel=1e-6)
    labels = [cells_of(line)[0] for line in lines_of(place, "quick_where") if line.startswith("| de, ")]
    assert labels == [f"de, {each}" for each in dict.fromkeys(rows["text"])] and labels[0] == "de, as it is"


def test_rows_whose_scores_are_gone_stay_and_those_read_again_are_replaced(scores, place):
    report.main(["quick_trial", "--scores", str(scores)])
    first = read(place)
    shutil.copytree(scores / "quick_trial-en", place / "scores/quick_trial-de")
    shutil.copytree(scores / "quick_trial-de", place / "scores/quick_trial-dutch")
    report.main(["quick_trial"])
    rows = read(place)
    assert rows["row"].tolist() == [each for each in ("de", "dutch", "en", "one") for _ in range(2)]
    assert rows["aot"].tolist() == [*first["aot"][2:4], *first["aot"][:2], *first["aot"][2:]]
    pd.testing.assert_frame_equal(rows[4:].reset_index(drop=True), first[2:].reset_index(drop=True))


def test_a_clone_without_scores_makes_the_same_tables_and_figures(scores, place):
    report.main(["--scores", str(scores)])
    text = (place / "results/README.md").read_text(encoding="utf-8")
    assert text.startswith("# A title\n") and text.endswith("The end.\n") and "nan" not in text
    figures = [place / f"results/{name}.png" for name in NAMES]
    for figure in figures:
        figure.unlink()
    (place / "results/README.md").write_text(README, encoding="utf-8")
    report.main(["--scores", "nowhere"])
    assert (place / "results/README.md").read_text(encoding="utf-8") == text
    assert all(figure.stat().st_size > 5000 for figure in figures)


def test_what_was_never_read_says_so(place):
    report.main(["quick_where", "--scores", "nowhere"])
    assert lines_of(place, "quick_where") == ["Not run yet."] and not [*place.glob("results/*.csv")]


def test_intervals_of_another_level_are_refused(scores, place):
    where = ["--text", str(scores / "de.txt"), "--documents", "line", "--output_dir", "scores/quick_trial-wide"]
    compute_aot.main(["--quick", *where, "--max_symbols", "1000", "--learners", "2", "--confidence", "0.5"])
    with pytest.raises(SystemExit, match="quick_trial-wide: has intervals of 0.5, and tables have 0.95") as stopped:
        report.main(["quick_trial"])
    assert one_line(stopped) and not [*place.glob("results/*.csv")]


def test_a_table_of_another_form_is_shown_as_it_is(place):
    rows = [{"text": "de", "learner": "6", "aot": 0.0123456, "halves_rms": 1.0, "commit": "abc"}]
    pd.DataFrame(rows).to_csv(place / "results/quick_trial.csv", index=False)
    report.main(["quick_trial"])
    assert lines_of(place)[:3] == [
        "| text | learner | aot | halves rms |", "| :-- | --: | --: | --: |", "| de | 6 | 1.235% | 1 |"
    ]  # fmt: skip


def arrows(lines: list[str]) -> int:
    return sum(line.count(mark) for line in lines for mark in quick_tables.MARKS.values())


def test_a_direction_is_named_where_it_stands_for_the_whole_table():
    weak = [row_of(name, learner, margin=0.009) for name in "abcde" for learner in ("6", "6+words")]
    assert arrows(quick_tables.markdown(table_of(weak[0]))) == 1  # alone
    assert arrows(quick_tables.markdown(table_of(*weak))) == 0
    strong = [row_of("f", "6", margin=0.002), row_of("f", "6+words", aot=-0.01, margin=0.002)]
    lines = quick_tables.markdown(table_of(*weak, *strong, row_of("g", margin=None)))
    assert arrows(lines) == 2
    assert cells_of(lines[7])[4:] == ["+1.00 ± 0.20 →", "-1.00 ± 0.20 ←"] and cells_of(lines[8])[4:] == ["+1.00", ""]
    (_, line) = claims.of_rows(quick_tables.as_claims(table_of(*weak, *strong)))
    assert line.startswith("Without any arrow, up to 0.6 of the 12 intervals would exclude 0 by chance; 12 do.")
    assert line.endswith("(Holm): in 2.")


CASES = st.lists(st.tuples(st.floats(-0.05, 0.05), st.none() | st.floats(0.001, 0.05)), min_size=1, max_size=12)


@given(CASES, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_every_row_has_its_cell_whatever_the_shape_of_the_table(cases, learners):
    rows = [row_of(f"r{n // learners}", f"L{n % learners}", *case) for n, case in enumerate(cases)]
    table = table_of(*rows)
    head, _, *lines = map(cells_of, quick_tables.markdown(table)[:-2])
    pairs = ((line[0], *pair) for line in lines for pair in zip(head[1:], line[1:], strict=True))
    cells = {frozenset(names): cell for *names, cell in pairs}  # of a row and a learner, or the other way round
    named = claims.easier(quick_tables.as_claims(table))
    for row, easier in zip(rows, named, strict=True):
        cell = cells[frozenset((row["row"], row["learner"]))]
        half = "" if row["low"] is None else f" ± {100 * (row['high'] - row['aot']):.2f}"
        assert cell == f"{100 * row['aot']:+z.2f}{half}{quick_tables.MARKS.get(easier, '')}"
        assert easier in DIRECTIONS or not any(mark in cell for mark in quick_tables.MARKS.values())
    assert (head[0] == "longest context") == (table["learner"].nunique() > max(4, table["row"].nunique()))


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_shows_every_row(name, scores, place, drawn):
    report.main([name, "--scores", str(scores)])
    (figure,) = drawn
    table = read(place, name)
    across = name in ("quick_context", "quick_amount")  # ∂ is on the other axis
    assert sorted(point[across] for point in points(figure)) == pytest.approx(sorted(100 * table["aot"]))


def test_a_row_that_only_another_learner_has_read_is_in_the_figure(drawn, tmp_path):
    rows = [("a", "2", 0.01), ("a", "6", 0.02), ("b", "6", 0.03), ("c", "6", 0.04, None)]
    quick_figures.plot_table(tmp_path / "x.png", table_of(*(row_of(*each) for each in rows)))
    (figure,) = drawn
    assert sorted(x for x, _ in points(figure)) == pytest.approx([1, 2, 3, 4])
    assert {each.get_text() for each in figure.axes[0].get_yticklabels()} == {"a", "b", "c"}


def test_figures_have_as_many_rows_as_there_are_texts_and_learners(drawn, tmp_path):
    texts = [row_of(f"t{n}", learner, 0.001 * n) for n in range(9) for learner in ("2", "4")]
    quick_figures.plot_contexts(tmp_path / "x.png", table_of(*texts))
    learners = [row_of("t-1k", f"{n}", 0.001 * n) for n in range(9)]
    quick_figures.plot_amounts(tmp_path / "x.png", table_of(*learners))
    assert [len(points(figure)) for figure in drawn] == [18, 9]


def test_the_figures_of_a_report_show_its_numbers(scores, drawn, tmp_path):
    profile = read_json(scores / "quick_context-de/aot.json")
    quick_figures.plot_profile(tmp_path / "x.png", profile)
    quick_figures.plot_amount(tmp_path / "x.png", profile)
    where = read_json(scores / "quick_where-de/aot.json")
    quick_figures.plot_where(tmp_path / "x.png", pd.DataFrame(where["where"]))
    of_profile, of_amount, of_where = drawn
    aot = sorted(100 * each["aot"] for each in profile["profile"])
    assert sorted(y for _, y in points(of_profile)) == pytest.approx(aot)
    (bands,) = (each for each in of_profile.axes[0].collections if each.get_label() == quick_figures.NULL)
    lows = [100 * each["null"]["low"] for each in profile["profile"]]
    assert [segment[0, 1] for segment in bands.get_segments()] == pytest.approx(lows)
    aot = sorted(100 * each["aot"] for each in where["where"])
    assert sorted(x for x, _ in points(of_where)) == pytest.approx(aot)
    curves = {line.get_label(): line.get_ydata() for line in of_amount.axes[0].lines}
    for name, curve in profile["curves"].items():
        assert curves[learner(name)].tolist() == pytest.approx([100 * each["aot"] for each in curve])


@pytest.mark.parametrize("name", READ)
def test_a_folder_has_figures_in_which_something_is_drawn(name, scores):
    expected = ["where.png"] if "where" in name else ["amount.png", "profile.png"]
    assert sorted(path.name for path in (scores / name).glob("*.png")) == expected
    for figure in expected:
        picture = style.plt.imread(scores / name / figure)[..., :3]
        assert (picture.min(-1) < 0.5).mean() > 0.002
