"""Laws of scale: what must hold exactly, what is recovered, how often intervals are right, and the tables."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import report
from aot.base.places import ROOT
from aot.report import laws, points
from aot.statistics.laws import Losses, Points, Straight, points_of, predict, slopes

SIZES = np.array([7e4, 1.4e5, 3.6e5, 1.1e6, 2.6e6, 8.7e6])
GRID = np.array([[size, tokens] for size in SIZES for tokens in (2e5, 4e5, 6e5, 8e5)])
FAR = np.array([[1e8, 3e7], [4e8, 2.7e10]])
E, OF_SIZE, OF_TOKENS = 3.0, (900.0, 1000.0), (60.0, 55.0)  # a law with its amounts for both directions
BOTH = Straight((0, 1)), Losses((0, 1), True), Losses((0, 1))


def made(axes=GRID, alpha=(0.55, 0.55), beta=(0.35, 0.35), seeds=2, noise=0.0, rng=None, sign=1) -> Points:
    """Points of a known law of losses, with `noise` that is the same in both directions but for a tenth of it."""
    rng = rng or np.random.default_rng(1)
    losses = []
    common = noise * rng.standard_normal((seeds, len(axes)))
    for n in (0, 1)[::sign]:
        law = E + OF_SIZE[n] * axes[:, 0] ** -alpha[n] + OF_TOKENS[n] * axes[:, 1] ** -beta[n]
        losses.append(law + common + noise / 10 * rng.standard_normal(common.shape))
    return of_losses(axes, *losses)


def of_losses(axes, forward, backward) -> Points:
    return Points(axes, 2 * (backward - forward) / (backward + forward), forward, backward, runs=len(axes))


@pytest.mark.parametrize("law", BOTH, ids=str)
def test_laws_know_no_units_no_order_of_seeds_and_no_names_of_directions(law):
    seen = made(seeds=3, noise=0.02)
    aot = predict(law, seen, FAR)
    units = np.array([1e-6, 256.0])
    other = predict(law, replace(seen, axes=seen.axes * units), FAR * units)
    turned = predict(law, of_losses(GRID, seen.backward, seen.forward), FAR)
    order = predict(law, of_losses(GRID, seen.forward[::-1], seen.backward[::-1]), FAR)
    scaled = predict(law, of_losses(GRID, 1.4 * seen.forward, 1.4 * seen.backward), FAR)
    for same in (other, order, scaled, replace(turned, aot=-turned.aot)):
        assert same.aot == pytest.approx(aot.aot, rel=1e-4, abs=2e-6)
        assert same.margin == pytest.approx(aot.margin, rel=1e-3, abs=1e-5)


def test_of_each_seed_alone():
    seen = made(seeds=3, noise=0.02)
    for law in BOTH:
        alone = [law.fitted(of_losses(GRID, seen.forward[[k]], seen.backward[[k]]))[0] for k in range(3)]
        assert law.fitted(seen) == pytest.approx(np.array(alone), rel=1e-9)


@given(st.floats(0.5, 5), st.lists(st.floats(0, 1e3), min_size=2, max_size=2), st.lists(st.floats(0, 2), min_size=2))
@settings(max_examples=30, deadline=None)
def test_equal_directions_have_no_arrow_anywhere_and_it_ends_at_0_where_they_differ(end, amounts, exponents):
    same = np.array([[end, *amounts, *amounts, *exponents[:2], *exponents[:2]]])
    assert (Losses((0, 1)).aot(same, np.concatenate([GRID, FAR])) == 0).all()
    other = np.array([[end, *amounts, *(2 * each for each in amounts), 0.3, 0.3, 0.4, 0.4]])
    assert Losses((0, 1)).aot(other, np.array([[1e40, 1e40]])) == pytest.approx(0, abs=1e-6)


def test_no_arrow_is_found_where_there_is_none():
    seen = made(noise=0.02)
    for law in BOTH:
        assert predict(law, of_losses(GRID, seen.forward, seen.forward), FAR).aot == pytest.approx(0, abs=1e-8)


def test_a_known_law_of_losses_is_recovered_and_with_it_what_it_says_far_away():
    for law, alpha, beta in (
        (Losses((0, 1), True), (0.55, 0.55), (0.35, 0.35)), (Losses((0, 1)), (0.5, 0.55), (0.35, 0.3))
    ):  # fmt: skip
        (found, _), wanted = law.fitted(made(alpha=alpha, beta=beta)), made(FAR, alpha, beta).aot[0]
        truth = [E, OF_SIZE[0], OF_TOKENS[0], OF_SIZE[1], OF_TOKENS[1], alpha[0], beta[0], alpha[1], beta[1]]
        assert found == pytest.approx(truth, rel=2e-3)
        assert predict(law, made(alpha=alpha, beta=beta), FAR).aot == pytest.approx(wanted, rel=5e-3, abs=1e-7)


def lines(rng, seeds, n, slope, trials):
    """Points [trials] of a line in log2 of sizes with noise of 0.1 %; what it is far away."""
    axes = np.geomspace(7e4, 9e6, n)[:, None]
    for _ in range(trials):
        aot = 0.002 + slope * np.log2(axes[:, 0] / 7e4) + 0.001 * rng.standard_normal((seeds, n))
        nothing = np.full_like(aot, np.nan)
        yield Points(axes, aot, nothing, nothing, runs=n)


@pytest.mark.parametrize(("seeds", "n"), [(3, 6), (8, 4), (1, 6)])
def test_intervals_of_lines_cover_new_pairs_far_away_as_often_as_they_say(seeds, n):
    rng, slope, at = np.random.default_rng(seeds), 0.0015, 4e8
    truth, law, trials = 0.002 + slope * np.log2(at / 7e4), Straight((0,)), 400
    held = [
        predict(law, seen, [[at]], pairs=2).holds(truth + 0.001 / np.sqrt(2) * rng.standard_normal())[0]
        for seen in lines(rng, seeds, n, slope, trials)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)  # 0.95 ± 0.03 is three standard errors


@pytest.mark.parametrize(("seeds", "n"), [(3, 6), (1, 6)])
def test_growth_is_claimed_by_chance_as_often_as_said(seeds, n):
    rng = np.random.default_rng(seeds)
    false = [slopes(Straight((0,)), seen)[2][0] < 0.05 for seen in lines(rng, seeds, n, 0.0, 400)]
    assert np.mean(false) == pytest.approx(0.05, abs=0.033)


def test_intervals_of_losses_cover_a_known_law():
    rng, law, held = np.random.default_rng(7), Losses((0, 1), True), []
    for _ in range(30):
        seen, new = (made(axes, noise=0.01, seeds=k, rng=rng) for axes, k in ((GRID, 3), (FAR, 1)))
        held += [*predict(law, seen, FAR).holds(new.aot[0])]
    assert np.mean(held) >= 0.86  # three standard errors below 0.95


def test_points_of_one_run_and_too_few_points_have_no_interval():
    seen = made(seeds=1)
    one_run = replace(seen, runs=1)
    assert np.isnan(predict(Straight((0, 1)), one_run, FAR).margin).all()
    assert np.isnan(slopes(Straight((0, 1)), one_run)[1:]).all()
    assert np.isfinite(predict(Straight((0, 1)), seen, FAR).margin).all()
    two = of_losses(GRID[:8:4], seen.forward[:, :8:4], seen.backward[:, :8:4])
    assert np.isnan(predict(Straight((0,)), two, FAR).margin).all()  # a line through two points
    assert Straight((0, 1)).fitted(two) is None and Losses((0,)).fitted(two) is None
    assert Losses((0, 1)).fitted(replace(seen, forward=np.full_like(seen.forward, np.nan))) is None


def test_a_wrong_law_is_found_out_by_what_it_has_not_seen():
    """∂ that bends: the line has a small residual, and is wrong further on."""
    bent = np.tile(0.0005 * np.log2(SIZES / SIZES[0]) ** 2, (3, 1)) + 1e-4 * np.arange(3)[:, None]
    nothing = np.full((3, 5), np.nan)
    seen = Points(SIZES[:5, None], bent[:, :5], nothing, nothing, runs=5)
    assert not predict(Straight((0,)), seen, SIZES[5:, None]).holds(bent.mean(0)[5:])[0]


def test_seeds_without_all_settings_are_left_out():
    shared = {"forward": 1, "backward": 1}
    rows = [shared | {"a": a, "seed": s, "run": f"{a}{s}", "aot": a * s} for a in (1, 2) for s in (1, 2)]
    found = points_of(pd.DataFrame(rows[:3]), ["a"])
    assert found.axes.tolist() == [[1], [2]] and found.aot.tolist() == [[1, 2]] and found.runs == 2
    assert points_of(pd.DataFrame(rows[1:3]), ["a"]) is None


@pytest.fixture(scope="module")
def gathered() -> pd.DataFrame:
    return points.gather(ROOT / "results")


def test_each_pair_is_a_point_once_and_says_where_it_is_from(gathered):
    ends = gathered[~gathered["along"]]
    assert not ends.duplicated(["series", "parameters", "context", "tokens", "seed"]).any()
    assert gathered["origin"].str.startswith(("results/", "pairs/", "experiments/")).all()
    known = ends[ends["forward"].notna()]
    assert known["aot"].to_numpy() == pytest.approx(points.arrow_of(known).to_numpy(), abs=2e-6)
    both = ends[ends["series"].str.contains("by tokens")].groupby("text")["aot"].last()
    ratio = both / (1 - both / 2)  # r of the paper's tables
    assert (ratio["English"], ratio["French"]) == (pytest.approx(0.00757, abs=2e-5), pytest.approx(0.02624, abs=2e-5))


def gpu_rows() -> pd.DataFrame:
    """What a booking may bring: four sizes in French, of two seeds, ∂ up by 0.2 % for each doubling."""
    row = pd.read_csv(ROOT / "results/sizes_gpu.csv", dtype={"seed": str}).iloc[0]
    return pd.DataFrame([
        {**row, "row": f"French-{n}x", "seed": seed, "parameters": 1e6 * 4**n, "aot": (0.004 + 1e-4 * seed) * n}
        for n in range(4) for seed in (1, 2)
    ]).assign(seed=lambda table: table["seed"].astype(str))  # fmt: skip


def test_rows_of_a_booking_are_taken_in(gathered, tmp_path):
    for name in ("sizes", "sizes_curves"):
        shutil.copy(ROOT / f"results/{name}.csv", tmp_path)
    gpu_rows().to_csv(tmp_path / "sizes_gpu.csv", index=False)
    found = points.gather(tmp_path)
    series = {name: (rows[~rows["along"]], rows[rows["along"]]) for name, rows in found.groupby("series", sort=False)}
    own = {"French, GPU": series["French, GPU"]}
    fitted = laws.fits(own).set_index(["form", "of"])
    slope = fitted.loc[("straight line", "doubling of parameters")]
    assert slope["value"] == pytest.approx(0.002075) and slope["seeds"] == 2
    checked = laws.checks(own, found)
    assert set(checked["group"]) == {"the next larger model, here", laws.PAPERS}
    lines = checked[(checked["form"] == "straight line") & (checked["group"] != laws.PAPERS)]
    assert lines["aot"].to_numpy() == pytest.approx(lines["measured"].to_numpy(), abs=1e-9)


def test_the_page_shows_what_results_hold(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/README.md").write_text("<!-- table laws -->\n<!-- end -->\n", encoding="utf-8")
    report.main(["laws"])
    assert "Not run yet." in capsys.readouterr().out
    for path in (ROOT / "results").glob("*.csv"):
        if not path.name.startswith("laws"):
            shutil.copy(path, tmp_path / "results")
    report.main(["laws"])
    shown = capsys.readouterr().out.splitlines()[1:]
    page = (ROOT / "results/README.md").read_text(encoding="utf-8")
    assert [line for line in shown if line and line not in page] == []
    for name in ("laws", "laws_checks", "laws_points"):
        made, kept = (pd.read_csv(place / f"results/{name}.csv") for place in (tmp_path, ROOT))
        pd.testing.assert_frame_equal(made, kept, rtol=1e-3, atol=1e-5)
    assert (tmp_path / "results/laws.png").is_file()


def test_what_is_said_of_laws_is_what_results_hold():
    prose = " ".join((ROOT / "docs/origins.md").read_text(encoding="utf-8").split("## A law of scale")[1].split())
    page = (ROOT / "results/README.md").read_text(encoding="utf-8")
    said = " ".join(page.split())
    fitted, checked = (pd.read_csv(ROOT / f"results/{name}.csv") for name in ("laws", "laws_checks"))
    paper = checked[checked["predicted"] == "GPT2-Medium"].set_index(["fitted_to", "form"])
    of = [("English", laws.BY_SIZE), ("French", laws.BY_SIZE), ("Luo et al., English", laws.LINE)]
    for row in (100 * paper.loc[each, ["aot", "high", "measured"]].astype(float) for each in of):
        assert f" {row['aot']:+.2f} ± {row['high'] - row['aot']:.2f} %" in prose
        assert f"has {row['measured']:+.2f} %" in prose
    french = paper.loc[("French", laws.LINE)]
    assert f"its interval is {100 * (french['high'] - french['low']):.0f} % wide" in said
    sizes = fitted[fitted["of"] == "doubling of parameters"]["value"]
    assert len(sizes) == 6 and f"by {100 * sizes.min():.2f} to {100 * sizes.max():.2f} %" in prose
    (line,) = (line for line in page.split("<!-- table laws -->")[1].splitlines() if line.startswith("| all |"))
    held = [cell.split(" of ") for cell in line.strip("| ").split(" | ")[1:]]
    losses = " of ".join(str(int(a) + int(b)) for a, b in zip(*held[3:], strict=True))
    assert f"hold {' of '.join(held[1])} predictions, those of losses {losses}" in prose
    assert f"have {' of '.join(held[1])} for the line, and {held[3][0]} and {' of '.join(held[4])} for" in said
