"""Tables are what scores and CSV files hold, no row is lost, and an arrow is named only where an interval says so."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import edit, one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import bench
import compute_aot
import report
from aot.base.files import read_json, write_json
from aot.base.folders import alone
from aot.show import style as look
from aot.statistics import claims, fits
from experiments.speed import STAGES, Case

ROOT = Path(__file__).parent.parent
README = "# A title\n\n<!-- table trial -->\n<!-- end -->\n\n<!-- table other -->\nold\n<!-- end -->\nThe end.\n"


@pytest.fixture(scope="module")
def scored(tmp_path_factory, data, pair, second_pair) -> Path:
    """Scores of an experiment `trial`: a row `both` of two seeds, and `one` of one."""
    folder = tmp_path_factory.mktemp("scores")
    for name, pairs in {"both": (pair, second_pair), "one": (pair,)}.items():
        output = ["--output_dir", str(folder / f"trial-{name}"), "--device", "cpu"]
        compute_aot.main(["--pair", *map(str, pairs), "--data", str(data), *output])
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Where a README with places for two tables is, and results go."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/README.md").write_text(README, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(place: Path, name: str = "trial") -> pd.DataFrame:
    return pd.read_csv(place / f"results/{name}.csv", dtype={"seed": str})


def test_rows_are_what_was_scored_and_trained(scored, place, pair):
    report.main(["trial", "--scores", str(scored)])
    rows = read(place)
    assert list(zip(rows["row"], rows["seed"], strict=True)) == [
        ("both", "42 1"), ("both", "42"), ("both", "1"), ("one", "42")
    ]  # fmt: skip
    both = read_json(scored / "trial-both/aot.json")
    for key in ("aot", "low", "high", "forward", "backward", "delta", "ratio", "seed_spread", "documents"):
        assert rows[key][0] == pytest.approx(both[key], rel=1e-6), key
    assert rows["control_backward"][0] == pytest.approx(both["control"]["backward"], rel=1e-6)
    assert rows["aot"][1:3].tolist() == pytest.approx(both["per_seed"], rel=1e-6)
    one = read_json(scored / "trial-one/aot.json")  # the same pair: each seed has the interval it would have alone
    assert rows["high"][1] == pytest.approx(one["high"], rel=1e-6) == rows["high"][3]
    recipe, results = read_json(pair / "forward/recipe.json"), read_json(pair / "forward/results.json")
    for key, value in {"parameters": recipe["parameters"], "steps": 12, "train_tokens": 768, "context": 8}.items():
        assert (rows[key] == value).all(), key
    assert rows["model"][0] == "gpt2 1×16" and rows["torch"][0] == results["versions"]["torch"]
    assert rows["entropy"][0] == pytest.approx(0.4 * np.log(2) - 0.4 * (0.1 * np.log(0.1) + 0.9 * np.log(0.9)))


def test_a_place_without_a_page_has_the_table_and_the_figure(scored, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    report.main(["trial", "--scores", str(scored)])
    assert "--- trial\n|  | seeds |" in capsys.readouterr().out and Path("results/trial.png").is_file()
    assert not Path("results/README.md").exists()
    with pytest.raises(SystemExit, match="nothing in nowhere/other-.*; its scores are to be folders NAME-"):
        report.main(["other", "--scores", "nowhere"])
    for without in ([], ["trial", "--readme", "page.md"]):
        with pytest.raises(SystemExit, match="no such file"):
            report.main(without)


def test_document_totals_are_read_and_tokens_only_where_there_are_none(scored, place):
    report.main(["trial", "--scores", str(scored)])
    rows = (place / "results/trial.csv").read_bytes()
    folder = shutil.copytree(scored / "trial-both", place / "scores/trial-both")
    saved = dict(np.load(folder / "losses.npz"))
    totals = {key: saved.pop(key) for key in list(saved) if key.endswith("_per_document")}
    assert len(totals) == 2
    edit(folder / "aot.json", lambda report: report.pop("sha256"))
    shutil.copytree(scored / "trial-one", place / "scores/trial-one")
    for kept in (saved, totals | {"document_starts": saved["document_starts"]}):  # as it once was; what is needed
        np.savez(folder / "losses.npz", **kept)
        (place / "results/trial.csv").unlink()
        report.main(["trial"])
        assert (place / "results/trial.csv").read_bytes() == rows


def test_curves_are_the_losses_of_both_directions_at_the_same_steps(scored, place, pair):
    report.main(["trial", "--scores", str(scored)])
    curves = pd.read_csv(place / "results/trial_curves.csv")
    assert len(curves) == 3 * 3 and sorted(set(curves["step"])) == [4, 8, 12]
    last = curves[(curves["row"] == "one") & (curves["step"] == 12)].iloc[0]
    for direction in ("forward", "backward"):
        assert last[direction] == pytest.approx(read_json(pair / direction / "results.json")["eval_loss"], rel=1e-6)


def test_code_lengths_have_a_row_and_a_figure(place, pair, second_pair):
    folder = place / "scores/trial-read_once"
    compute_aot.main(["--prequential", str(pair), str(second_pair), "--output_dir", str(folder)])
    report.main(["trial"])
    (row,) = read(place).to_dict("records")
    measured = read_json(folder / "prequential.json")
    assert (row["row"], row["seed"], row["steps"]) == ("read_once", "42 1", 12)
    assert row["train_tokens"] == row["tokens"] == measured["tokens"]
    for key in ("forward", "backward", "aot", "tokens"):
        assert row[key] == pytest.approx(measured[key], rel=1e-6), key
    assert (place / "results/trial-read_once.png").read_bytes() == (folder / "prequential.png").read_bytes()
    assert "](trial-read_once.png)" in (place / "results/README.md").read_text(encoding="utf-8")


def test_what_was_measured_by_hand_is_no_row(scored, place):
    shutil.copytree(scored / "trial-one", place / "scores/trial-one")
    shutil.copytree(scored / "trial-one", place / "scores/trial-one-on-text-fr")
    report.main(["trial"])
    assert set(read(place)["row"]) == {"one"}


def test_the_readme_keeps_everything_but_the_table_and_a_second_report_changes_nothing(scored, place):
    report.main(["trial", "--scores", str(scored)])
    text = (place / "results/README.md").read_text(encoding="utf-8")
    before, after = README.split("<!-- table trial -->\n<!-- end -->")
    assert text.startswith(before) and text.endswith(after)
    both = read_json(scored / "trial-both/aot.json")
    row = next(line for line in text.splitlines() if line.startswith("| both"))
    aot, low, high = (float(f"{both[key]:.8g}") for key in ("aot", "low", "high"))  # as in the CSV file
    assert f"| {aot:+.3%} | {low:+.3%} to {high:+.3%} |" in row
    assert "![trial: ∂ and its intervals](trial.png)" in text
    csv = (place / "results/trial.csv").read_bytes()
    report.main(["trial", "--scores", str(scored)])
    assert (place / "results/README.md").read_text(encoding="utf-8") == text
    assert (place / "results/trial.csv").read_bytes() == csv


@pytest.mark.parametrize(
    "lost", ["<!-- table trial -->\nMy chapter.\n", "<!-- table trial -->\n# My chapter\n" + README]
)
def test_a_table_without_an_end_loses_nothing(scored, place, lost):
    (place / "results/README.md").write_text(lost, encoding="utf-8")
    with pytest.raises(SystemExit, match="README.md: table trial has no <!-- end --> after it") as stopped:
        report.main(["trial", "--scores", str(scored)])
    assert one_line(stopped) and (place / "results/README.md").read_text(encoding="utf-8") == lost


def test_a_clone_without_scores_makes_the_same_tables_and_figures(scored, place):
    report.main(["trial", "--scores", str(scored)])
    text = (place / "results/README.md").read_text(encoding="utf-8")
    figures = sorted((place / "results").glob("*.png"))
    assert [figure.name for figure in figures] == ["trial.png"]  # so short a training has no curve
    for figure in figures:
        figure.unlink()
    (place / "results/README.md").write_text(README, encoding="utf-8")
    report.main(["trial", "--scores", "nowhere"])
    assert (place / "results/README.md").read_text(encoding="utf-8") == text
    assert all(figure.stat().st_size > 5000 for figure in figures)


def test_rows_of_other_machines_stay_and_those_measured_again_are_replaced(scored, place):
    report.main(["trial", "--scores", str(scored)])
    first = read(place)
    for name in ("both", "one"):
        shutil.copytree(scored / f"trial-{name}", place / f"scores/trial-{name}{'-elsewhere' * (name == 'one')}")
    report.main(["trial", "--scores", "scores"])
    rows = read(place)
    assert rows["row"].tolist() == ["both"] * 3 + ["one", "one-elsewhere"]
    pd.testing.assert_frame_equal(rows[:4], first)


def test_what_is_known_of_runs_that_are_gone_is_not_lost(scored, place, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(scored, moved)
    report.main(["trial", "--scores", str(scored)])
    first = (place / "results/trial.csv").read_bytes()
    for path in moved.glob("*/aot.json"):
        content = read_json(path)
        content["request"]["pairs"] = [{name: "gone/" + name for name in pair} for pair in content["request"]["pairs"]]
        write_json(path, content)
    report.main(["trial", "--scores", str(moved)])
    assert (place / "results/trial.csv").read_bytes() == first
    (place / "results/trial.csv").unlink()
    report.main(["trial", "--scores", str(moved)])  # and without a table, what the scores have is better than nothing
    rows = read(place)
    assert rows["aot"].notna().all() and rows["steps"].isna().all()


def test_losses_of_reversed_text_stand_in_the_order_of_the_text(scored, place, data):
    shutil.copytree(data, place / "reversed")
    meta = read_json(place / "reversed/meta.json")
    write_json(place / "reversed/meta.json", meta | {"arguments": meta["arguments"] | {"reverse_text": True}})
    shutil.copytree(scored, place / "scores")
    for path in (place / "scores").glob("*/aot.json"):
        content = read_json(path)
        content["request"]["text"] = "reversed"
        write_json(path, content)
    report.main(["trial", "--scores", "scores"])
    turned = read(place)
    report.main(["trial", "--scores", str(scored)])
    rows = read(place)
    for ours, theirs in (("forward", "backward"), ("control_forward", "control_backward")):
        assert turned[ours].tolist() == pytest.approx(rows[theirs].tolist(), rel=1e-6, nan_ok=True)
    assert turned["aot"].tolist() == pytest.approx((-rows["aot"]).tolist(), rel=1e-6)
    assert turned["low"].tolist() == pytest.approx((-rows["high"]).tolist(), rel=1e-6)


def row_of(name="nano", aot=0.01, margin=0.005, seeds=3, spread=0.0003, **more) -> dict:
    """A row of all seeds as `report.py` keeps it; the documents have some 30 degrees of freedom."""
    low, high = (None, None) if margin is None else (aot - margin, aot + margin)
    error = None if margin is None else np.hypot((margin**2 - (4.3 * spread) ** 2 / 3) ** 0.5 / 2.04, spread / 3**0.5)
    known = {"row": name, "aot": aot, "low": low, "high": high, "standard_error": error, "seeds": seeds}
    return known | {"seed_spread": spread if seeds > 1 else None} | more


def table_of(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows).reindex(columns=report.COLUMNS)


@given(aot=st.floats(-0.1, 0.1), margin=st.none() | st.floats(0.003, 0.1), seeds=st.sampled_from([1, 3]))
@settings(max_examples=50, deadline=None)
def test_a_direction_is_called_easier_only_if_the_interval_of_seeds_excludes_0(aot, margin, seeds):
    header, _, row = report.markdown(table_of(row_of(aot=aot, margin=margin, seeds=seeds)))[:3]
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    found = cells.get("easier", cells.get("easier |")).removesuffix(" |")
    if seeds == 1:
        assert found == "one pair"
    elif margin is None or abs(aot) < 0.97 * margin:
        assert found == "not told apart"
    elif abs(aot) > 1.03 * margin:
        assert found == ("forward" if aot > 0 else "backward")
    assert row.startswith("| nano |") and "nan%" not in row


def test_many_rows_are_held_to_a_level_for_all_of_them():
    weak, strong = [row_of(f"weak{number}", margin=0.009) for number in range(9)], row_of("strong", margin=0.002)
    assert claims.easier(table_of(weak[0])).tolist() == ["forward"]  # alone
    table = table_of(*weak, strong, row_of("unseeded", seeds=1, margin=0.001))
    assert claims.easier(table).tolist() == ["not told apart"] * 9 + ["forward", "one pair"]
    (_, line) = claims.of_rows(table)
    assert line.startswith("Without any arrow, up to 0.5 of the 10 intervals would exclude 0 by chance; 10 do.")
    assert line.endswith("(Holm): in 1.") and not claims.of_rows(table[-2:])


def test_the_pooled_arrow_is_the_t_interval_of_the_means_of_seeds_and_has_the_text_beside_it():
    aot = np.array([[0.01, 0.02, 0.04], [0.03, 0.02, 0.05]])
    rows = []
    for name, of in zip("ab", aot, strict=True):
        rows.append(row_of(name, aot=of.mean(), margin=np.hypot(fits.mean_and_margin(of)[1], 0.03), seed="1 2 3"))
        rows += [row_of(name, aot=each, seeds=1, seed=str(k)) for k, each in enumerate(of)]
    (_, line) = claims.pooled(table_of(*rows))
    expected = stats.ttest_1samp(aot.mean(0), 0).confidence_interval()
    mean, margin = (expected.high + expected.low) / 2, (expected.high - expected.low) / 2
    assert line.startswith(f"Pooled, ∂ = {mean:+.3%} ± {margin:.3%} by t over 3 seeds, and ± ")
    assert f"and ± {np.hypot(margin, 0.03):.3%} with the choice of documents: no arrow found" in line
    assert line.endswith("no arrow found at this precision in the mean of these 2 rows.")
    (_, line) = claims.pooled(table_of(*rows, row_of("c")))  # a third row without seeds of its own
    assert line.endswith("in the mean of 2 rows (a, b).")
    assert not claims.pooled(table_of(*rows[:5]))
    other = [row | {"row": "c", "samples": "clusters"} for row in rows[:4]]  # texts of another kind are no part of it
    (_, line) = claims.pooled(table_of(*rows, *other))
    assert f"{np.hypot(margin, 0.03):.3%} with the choice of documents" in line and line.endswith("2 rows (a, b).")


def test_what_was_measured_at_another_level_stands_in_a_table_at_its_own(place, pair, data):
    output = ["--output_dir", str(place / "scores/trial-wide"), "--device", "cpu", "--confidence", "0.5"]
    compute_aot.main(["--pair", str(pair), "--data", str(data), *output])
    report.main(["trial"])
    assert read_json(place / "scores/trial-wide/aot.json")["high"] < read(place)["high"][0]


@given(slopes=st.lists(st.floats(-1, 1), min_size=2, max_size=3), seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_a_fit_finds_the_line_of_each_seed(slopes, seed):
    axes = 2 ** np.random.default_rng(seed).uniform(2, 20, (8, len(slopes) - 1))
    values = slopes[0] + np.log2(axes) @ slopes[1:]
    found = fits.fit(axes, np.array([values, 2 * values]))
    assert found.coefficients == pytest.approx(np.outer([1, 2], slopes), abs=1e-5)
    assert found.residual < 1e-5 and np.abs(found.bends).max() < 1e-5


def points(slope: float, seeds=(0.0, 0.001, -0.001), count=4, name="Up", bend=0.0, axis="context") -> list[dict]:
    """Rows of a series whose seeds have slopes about `slope`, with a row of all seeds before those of each."""
    rows = []
    for number in range(count):
        shared = {"row": f"{name}-T{number}", axis: 4**number}
        each = [2 * number * (slope + own) + (bend + own) * number**2 for own in seeds]
        rows.append(shared | {"aot": np.mean(each), "seed": "all", "seeds": len(seeds)})
        rows += [shared | {"aot": aot, "seed": str(k), "seeds": 1} for k, aot in enumerate(each)] * (len(seeds) > 1)
    return rows


def test_a_trend_is_one_slope_for_each_seed_and_named_only_if_they_agree():
    table = pd.DataFrame(points(0.01) + points(0.0005, name="Flat") + points(0.1, count=2, name="Few"))
    up, flat, few, _, rests = fits.trends(table, ["context"])
    fitted, count = fits.fit_of(pd.DataFrame(points(0.01)), ["context"])
    slopes = fitted.coefficients[:, 1]
    expected = stats.ttest_1samp(slopes, 0)
    assert count == 4 and len(slopes) == 3
    margin = expected.confidence_interval().high - slopes.mean()
    assert f"Up: ∂ grows with context, {slopes.mean():+.3%} ± {margin:.3%} for each doubling (4 points, 3 seeds" in up
    assert "is not seen to change" in flat and "not enough points" in few
    assert "stands for all 2 slopes together (Holm)" in rests


def test_one_seed_has_a_slope_and_claims_nothing():
    (line,) = fits.trends(pd.DataFrame(points(0.01, seeds=(0.0,))), ["context"])
    assert "+1.000% for each doubling of context in the one seed there is, which claims nothing" in line
    assert "grows" not in line


def test_a_run_that_stands_in_two_tables_counts_once():
    rows = points(0.01)
    again = [row | {"row": "Up-half", "aot": row["aot"] + 1e-5} for row in rows[4:8]]
    once, twice = (fits.fit_of(pd.DataFrame(each), ["context"]) for each in (rows, rows + again))
    assert once[1] == twice[1] == 4 and np.array_equal(once[0].coefficients, twice[0].coefficients)


@pytest.mark.filterwarnings("ignore:Precision loss", "ignore:invalid value")
def test_no_spread_and_no_slope_is_no_change():
    line = fits.trends(pd.DataFrame(points(0.0, seeds=(0.0, 0.0))), ["context"])[0]
    assert "is not seen to change with context, +0.000% ± 0.000%" in line


def test_where_a_straight_line_does_not_fit_it_is_said():
    straight, bent = (fits.trends(pd.DataFrame(points(0.01, bend=bend)), ["context"])[0] for bend in (0, 0.1))
    assert "A straight line does not fit: ∂ bends with context." in bent and "straight" not in straight


@pytest.mark.parametrize("name", ["languages", "context", "sizes", "seeds", "linear", "primes", "context_full"])
def test_every_experiment_has_a_figure(name, place, monkeypatch):
    names = ["A-1", "A-2", "A-3", "A-4", "B-1", "B-2"]
    shared = {"seeds": 1, "seed": "1", "forward": 1.0, "backward": 1.1, "entropy": 0.9, "control_forward": 0.001}
    rows = [
        shared | {"row": row, "aot": 0.01 * k, "low": 0.01 * k - 0.005, "high": 0.01 * k + 0.005 if k else None}
        | {"context": 2**k, "parameters": 10**k, "ones": k}
        for k, row in enumerate(names)
    ]  # fmt: skip
    report.merge(place / f"results/{name}.csv", report.COLUMNS, rows)
    lines = report.block(name, Path("results"), Path("nowhere"))
    assert any(line.startswith(f"![{name}: ") and line.endswith(f"](results/{name}.png)") for line in lines)
    assert (place / f"results/{name}.png").stat().st_size > 5000
    table = [line.split(" | ")[0] for line in lines if line.startswith("| ")]
    assert table[2:] == [f"| {row}" for row in (names[::-1] if name == "languages" else names)]


def test_rows_are_in_the_order_of_their_numbers(place):
    rows = report.merge(place / "t.csv", report.COLUMNS, [{"row": f"T{n}", "seed": "1"} for n in (64, 4, 512, 16)])
    assert rows["row"].tolist() == ["T4", "T16", "T64", "T512"]


def test_tables_in_the_readme_are_those_of_results(place, monkeypatch):
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **how: path.touch())  # takes a minute
    shutil.copytree(ROOT / "results", place / "results", dirs_exist_ok=True)  # with figures that are only copied there
    report.main(["--scores", "nowhere"])
    now, here = ((each / "results/README.md").read_text(encoding="utf-8") for each in (place, ROOT))
    assert now == here


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "trial.csv: is no table .No columns to parse from file.; restore it"),
        (b"a,b\n1,2,3\n1\n1,2,3,4,5\n", "trial.csv: is no table"),
        (b"row,aot\n\xff,1\n", "trial.csv: is no table"),
        (b"name,aot\na,1\n", "trial.csv: has no column row; restore it"),
        (b"row,aot\na,one\n", "trial.csv: not all that stands in column aot are numbers; restore it"),
    ],
    ids=["empty", "no rows", "no text", "no names", "no numbers"],
)
def test_a_table_that_is_none_is_one_line_and_stays(place, content, message):
    path = place / "results/trial.csv"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match=message) as stopped:
        report.main(["trial"])
    assert one_line(stopped) and path.read_bytes() == content


def test_two_reports_wait_for_each_other(place):
    with alone(place / "results" / "tables", beside=True), pytest.raises(SystemExit, match="another process is at"):
        report.main(["trial"])


def test_the_paper_has_points_where_a_figure_wants_them():
    for name in ("context", "sizes", "languages"):
        points = report.table_figures.read_paper(ROOT / "experiments/paper.csv", name)
        assert points["aot"].notna().all() and len(points) >= 8
    french = report.table_figures.read_paper(ROOT / "experiments/paper.csv", "context").query("series == 'French'")
    assert (french["aot"] / (1 - french["aot"] / 2)).tolist() == pytest.approx(french["ratio"].tolist())


def test_the_figure_of_languages_has_their_mean_and_what_the_paper_has_of_them(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(look, "save", lambda figure, path: shown.append(figure.axes[0]))
    names = "French", "Slovene"
    rows = [row_of(name, aot=0.01, seed="1 2") for name in names]
    rows += [row_of(name, aot=each, seeds=1, seed=str(each)) for name in names for each in (0.01, 0.02)]
    table = table_of(*rows)
    paper = report.table_figures.read_paper(ROOT / "experiments/paper.csv", "languages")
    report.table_figures.plot_intervals(tmp_path / "x.png", table, paper=paper, mean=claims.mean_of_rows(table))
    (axis,) = shown
    assert [each.get_text() for each in axis.get_yticklabels()] == ["French", "Slovene", "mean of 2"]
    (squares,) = (line for line in axis.lines if line.get_marker() == "s")
    assert squares.get_xydata().tolist() == [[100 * paper.set_index("series")["aot"]["French"], 0]]
    (diamond,) = (line for line in axis.lines if line.get_marker() == "D")
    assert diamond.get_xdata().tolist() == [pytest.approx(1.5)]


def test_larger_models_stand_beside_the_small_ones_where_both_have_a_row(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(look, "save", lambda figure, path: shown.append(figure))
    paper = report.table_figures.read_paper(ROOT / "experiments/paper.csv", "sizes")
    sizes = {"parameters": 98e6, "train_tokens": 27e6}
    small = table_of(*(row_of(name, aot=0.01, seed="1 2", parameters=1e6) for name in ("French-a", "English-a")))
    large = table_of(*(row_of(name, aot=0.02, seeds=1, **sizes) for name in ("French-b", "Polish-b")))
    report.table_figures.plot_against(tmp_path / "x.png", small, "parameters", paper, large)
    assert {axis.get_title(): axis.get_legend_handles_labels()[1][-1] for axis in shown[0].axes} == {
        "French": "98 M parameters, 27 M tokens, one pair",
        "English": "forward is easier",
    }


def test_a_wrong_flag_ends_with_one_line():
    with pytest.raises(SystemExit) as stopped:
        report.main(["trial", "--nothing", "1"])
    assert one_line(stopped)


def test_as_a_command(scored, place):
    command = [sys.executable, ROOT / "report.py", "trial", "other", "--scores", scored]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0 and "| both |" in done.stdout and "Not run yet." in done.stdout, done.stderr
    assert read(place)["aot"][3] == pytest.approx(read_json(scored / "trial-one/aot.json")["aot"], rel=1e-6)


@pytest.mark.parametrize("flags", [["nosuch"], ["languages", "--readme", "absent.md"]])
def test_what_there_is_not_is_said_in_one_line(tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/README.md").write_text("<!-- table languages -->\n<!-- end -->\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="nosuch: nothing in|absent.md: no such file") as stopped:
        report.main(flags)
    assert one_line(stopped) and [path.name for path in Path("results").iterdir()] == ["README.md"]


def test_the_speeds_are_those_that_were_measured(place):
    sizes = {"size": "micro", "vocab_size": 4096, "context": 256, "batch": 8, "steps": 10, "pair_steps": 100}
    told = sizes | {"stage": "train", "windows": 1000, "text": "text", "text_mb": 8, "folder": "folder"}
    measured = {"amount": 1000, "dtype": "bfloat16", "cores": 2, "device": "a processor", "profile": "mm 40%; mul 9%"}
    ours, peer, failing = (bench.Runs(each, Case(who=each.who, **told)) for each in STAGES["train"].contestants)
    ours.results = [measured | {"seconds": seconds} for seconds in (1, 2, 1)]
    peer.results = [measured | {"seconds": seconds} for seconds in (1.2, 2.2, 1.4)]
    failing.failed = "no result after 5 seconds"
    rows = [runs.row(STAGES["train"], ours) for runs in (ours, peer, failing)]
    bench.write_table(place / "results/bench_train.csv", "tokens", rows)
    (place / "results/README.md").write_text("<!-- table speed -->\n<!-- end -->\n", encoding="utf-8")
    report.main(["speed"])
    text = (place / "results/README.md").read_text(encoding="utf-8")
    assert "| train | micro, vocabulary 4,096 | 1,000 tokens/s | as run_clm | 1.20 (1.10 to 1.40) | 1.5 |" in text
    assert "| as run_clm, our process settings | failed: no result after 5 seconds | 1.2 |" in text
    assert "device a processor, cores 2, dtype bfloat16, repeats 3," in text
    assert "- train, micro, too slow beside as run_clm: ours is mm 40%; mul 9%." in text


def test_speeds_that_were_not_measured_are_none(place):
    assert report.speed(place / "results") == ["Not run yet."]


def test_any_scores_are_shown_beside_each_other(scored, place, capsys):
    folder = shutil.copytree(scored / "trial-one", place / "mine")
    Path("t.txt").write_text("One day.\n\nAnother day.\n\nThe last of all.\n" * 3, encoding="utf-8")
    compute_aot.main("--quick --text t.txt --learners 2 6 --output_dir quick".split())
    before = sorted(place.rglob("*"))
    capsys.readouterr()
    report.main([str(scored / "trial-both"), str(folder), "./quick"])
    out = capsys.readouterr().out
    both = read_json(scored / "trial-both/aot.json")
    assert f"| {both['aot']:+z.3%} |" in out and "| trial-both |" in out and "| mine |" in out and "| quick |" in out
    assert sorted(place.rglob("*")) == before
    shutil.copytree("quick", "other/quick")
    report.main(["./quick", "other/quick"])  # of one name
    assert "| quick |" in (out := capsys.readouterr().out) and "| other/quick |" in out
    wrong = [(["./none"], "none: holds no scores"), (["trial", "./quick"], "give names of experiments, or")]
    for argv, message in wrong:
        with pytest.raises(SystemExit, match=message) as stopped:
            report.main(argv)
        assert one_line(stopped)
