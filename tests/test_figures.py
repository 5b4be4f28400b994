"""All figures have one look: their size, the axis of ∂, colours that mean a direction or nothing, names in words."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color, to_rgb
from PIL import Image

from aot.base.files import read_json
from aot.base.places import ROOT
from aot.report import laws, points, study
from aot.show import figures, laws_figure, quick_figures, study_figures, style, table_figures
from aot.show.names import learner, readable
from aot.statistics import claims
from experiments import coverage, false_claims

RESULTS = ROOT / "results"
PALETTE = [*style.COLOUR.values(), *(colour for colour, _ in style.SERIES)]
# Machado, Oliveira & Fernandes (2009): what linear RGB is to those who lack one of three kinds of cones
SIGHT = {
    "all": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / f"{name}.csv", dtype={"row": str, "seed": str, "learner": str})


def paper(name: str) -> pd.DataFrame:
    return table_figures.read_paper(ROOT / "experiments/paper.csv", name)


def of_study(draw):
    first = table("sign").drop_duplicates("row").set_index("row")
    if draw is study_figures.plot_where:
        return study.parts_of(table("sign_where")), first["aot"]
    amount = table("sign_amount")
    return amount, study.held_out(table("sign_curves"), table("sign"), amount)


def of_laws():
    found = points.gather(RESULTS)
    return found, laws.bands({"English": (found[(found["series"] == "English") & ~found["along"]], found[:0])})


CURVE = {"step": [0, 9], "tokens": [10, 90], "aot": [0.01, 0.02], "low": [None, 0.01], "high": [None, 0.03]}
OF_ARROWS = {  # what draws an axis of ∂, and of what
    "languages": (table_figures.plot_intervals, lambda: (table("languages"), paper("languages"))),
    "sign": (table_figures.plot_intervals, lambda: (table("sign"), None, None, None, True)),
    "context": (table_figures.plot_against, lambda: (table("context"), "context", paper("context"))),
    "curves": (table_figures.plot_curves, lambda: (table("linear_curves"),)),
    "quick_languages": (quick_figures.plot_table, lambda: (table("quick_languages"),)),
    "quick_context": (quick_figures.plot_contexts, lambda: (table("quick_context"),)),
    "quick_amount": (quick_figures.plot_amounts, lambda: (table("quick_amount"),)),
    "quick_where": (quick_figures.plot_where, lambda: (table("quick_where"),)),
    "profile": (quick_figures.plot_profile, lambda: (read_json(RESULTS / "demo_en.json"),)),
    "amount": (quick_figures.plot_amount, lambda: (read_json(RESULTS / "demo_en.json"),)),
    "sign_where": (study_figures.plot_where, lambda: of_study(study_figures.plot_where)),
    "documents": (
        figures.plot_documents,
        lambda: (np.ones(9), np.linspace(0.9, 1.2, 9), {"aot": 0.05, "low": 0.01, "high": 0.09, "confidence": 0.95}),
    ),
    "prequential": (
        figures.plot_prequential,
        lambda: ({"curve": CURVE, "held_out": {"9": 0.01}, "tokens_needed": 90},),
    ),
    "laws": (laws_figure.plot_laws, of_laws),
    "running sum": (figures.plot_running_sum, lambda: (np.array([1.0, -2, 3]), np.array([0]))),
}
OTHERS = {
    "coverage": (coverage.plot, lambda: (pd.read_csv(RESULTS / "interval_coverage.csv"),)),
    "false claims": (false_claims.plot, lambda: (pd.read_csv(RESULTS / "false_claims.csv"),)),
    "sign_amount": (study_figures.plot_amount, lambda: of_study(study_figures.plot_amount)),
    "losses": (table_figures.plot_losses, lambda: (table("linear"), "ones", "ones")),
}
SAY_DIRECTIONS = {"languages", "sign", "context", "profile", "running sum", "losses"}  # which have both, or claims


@pytest.fixture(scope="module")
def drawn(request):
    """A figure, before it is written."""
    draw, what = (OF_ARROWS | OTHERS)[request.param]
    figure = draw.__wrapped__(*what())
    yield request.param, figure
    style.plt.close(figure)


def colours_of(figure) -> list:
    """All that is drawn in the panels of a figure, but for texts and frames."""
    found = []
    for axis in figure.axes:
        found += [line.get_color() for line in axis.lines]
        found += [patch.get_facecolor()[:3] for patch in axis.patches]
        found += [colour[:3] for each in axis.collections for colour in (*each.get_facecolor(), *each.get_edgecolor())]
    return found


def test_no_picture_is_higher_than_a_screen():
    heights = {path.name: Image.open(path).height for path in RESULTS.rglob("*.png")}
    assert heights and not {name: height for name, height in heights.items() if height > style.HIGHEST}


def test_a_figure_of_many_rows_has_fewer_pixels_an_inch(tmp_path):
    draw = style.written(lambda: style.plt.subplots(figsize=(2, 40))[0])
    draw(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (60, style.HIGHEST)


@pytest.mark.parametrize("drawn", OF_ARROWS, indirect=True)
def test_an_axis_of_arrows_says_at_its_ends_what_is_easier_there(drawn):
    _, figure = drawn
    words = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert words[0] == ["← backward easier", "forward easier →"]
    assert all(each in ([], words[0]) for each in words)
    ends = [text.xy for text in figure.axes[0].texts]
    assert {ends[1][n] - ends[0][n] for n in (0, 1)} == {0, 1}  # from one end of an axis to the other
    for axis in figure.axes:
        assert any([*line.get_xdata()] == [0, 0] or [*line.get_ydata()] == [0, 0] for line in axis.lines)


@pytest.mark.parametrize("drawn", [*OF_ARROWS, *OTHERS], indirect=True)
def test_colours_are_of_the_palette_and_those_of_directions_mean_directions(drawn):
    name, figure = drawn
    for colour in map(to_rgb, colours_of(figure)):
        assert len(set(colour)) == 1 or any(same_color(colour, own) for own in PALETTE), colour
        if any(same_color(colour, own) for own in style.COLOUR.values()):
            assert name in SAY_DIRECTIONS


@pytest.mark.parametrize("sight", SIGHT)
def test_readers_of_all_kinds_of_sight_tell_the_colours_apart(sight):
    linear = np.array([to_rgb(each) for each in PALETTE])
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.transpose(SIGHT[sight]), 0, 1) @ TO_XYZ.T / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)  # in which 2 is just to be seen
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(lab, 2)) > 15


def test_bands_show_how_far_two_seeds_of_one_direction_are_apart():
    rows = table("seeds")
    figure = table_figures.plot_intervals.__wrapped__(rows)
    (bands,) = (each for each in figure.axes[0].collections if each.get_label().startswith("A/A"))
    apart = 100 * rows.drop_duplicates("row")[["control_forward", "control_backward"]].max(axis=1)
    assert [segment[:, 0].tolist() for segment in bands.get_segments()] == [
        pytest.approx([-each, each]) for each in apart
    ]
    style.plt.close(figure)


def test_a_panel_has_the_rows_of_its_source_and_claims_are_those_of_all():
    rows = table("sign")
    figure = table_figures.plot_intervals.__wrapped__(rows, panels=True)
    together = rows.drop_duplicates("row")
    assert [axis.get_title() for axis in figure.axes] == ["German", "French"]
    for axis, code in zip(figure.axes, ("de", "fr"), strict=True):
        (dots,) = (line for line in axis.lines if line.get_label() == "_nolegend_" and line.get_marker() == "o")
        own = together.loc[together["row"].str.startswith(code), "aot"]
        assert sorted(dots.get_xdata()) == pytest.approx(sorted(100 * own))
    assert {*claims.easier(together)} == {"not told apart"}
    assert figure.axes[0].get_yticklabels()[0].get_text() == "the recipe itself"
    style.plt.close(figure)


def test_a_curve_has_ten_points_and_shows_the_mean_over_seeds():
    curves = table("linear_curves")
    assert table_figures.long_enough(curves)
    assert not table_figures.long_enough(curves[curves["step"] <= curves["step"].unique()[8]])
    assert not table_figures.long_enough(curves[:0])
    figure = table_figures.plot_curves.__wrapped__(curves)
    (axis,) = figure.axes
    last = curves[curves["row"] == "k5"].groupby("seed").tail(1)
    aot = 200 * (last["backward"] - last["forward"]) / (last["backward"] + last["forward"])
    (mean,) = (line for line in axis.lines if line.get_label() == "5 extra ones")
    assert mean.get_ydata()[-1] == pytest.approx(aot.mean()) and len(mean.get_xdata()) == 20
    style.plt.close(figure)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("de-tokens_bpe_of_reversed_text", "German, tokens BPE of reversed text"),
        ("fr-rate_2e-3", "French, learning rate 2e-3"),
        ("English_manuals", "English manuals"),
        ("books-vi_wiki", "books, Vietnamese Wikipedia"),
        ("linear-k10", "linear language, 10 extra ones"),
        ("after-lower", "after, new ones below the diagonal"),
        ("my own-row", "my own, row"),
        ("", ""),
    ],
)
def test_names_are_words(row, name):
    assert readable(row) == name


def test_no_row_of_a_table_is_shown_as_a_code():
    for path in RESULTS.glob("*.csv"):
        rows = pd.read_csv(path, dtype=str)
        for row in rows["row"].unique() if "row" in rows else ():
            assert not re.search(r"_|\b[a-z]{2}\b(?<!\bof)|\bk\d", readable(row)), row
    assert learner("12+words+match") == "contexts up to 12, words, match" and learner("6") == "contexts up to 6"
