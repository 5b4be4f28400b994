"""Sounds: what is fetched of packages, controls whose arrow is known, and linear prediction."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st

import report
from aot.base.files import file_sha256, read_json
from aot.quick.linear_prediction import SHAPES, code_lengths, log_histogram, residuals
from aot.sources import sounds
from experiments import fetch_sounds, sounds_linear

ROOT = Path(__file__).parent.parent


def tone(rate: int, seconds: float = 0.5, pitch: float = 440) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)


def wav(sound: np.ndarray, rate: int = 48_000) -> bytes:
    """A .wav file of samples [n] from -1 to 1."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(sound * (2**15 - 1)).astype("<i2").tobytes())
    return content.getvalue()


def encoded(sound: np.ndarray, rate: int, form: str, subtype: str | None = None) -> bytes:
    """A file of samples [n] or [n, channels] in a form that takes a library."""
    soundfile = pytest.importorskip("soundfile")
    content = io.BytesIO()
    soundfile.write(content, sound, rate, format=form, subtype=subtype)
    return content.getvalue()


def at_8000(content: bytes) -> np.ndarray:
    return sounds.resampled(*fetch_sounds.decoded(content, "x"))


@pytest.mark.parametrize("rate", [48_000, 8_000, 44_100])
def test_a_recording_is_the_same_sound_at_the_rate_of_telephones(rate):
    found = at_8000(wav(tone(rate), rate))
    assert found.shape == (4000,)
    assert np.abs(found - tone(8000))[50:-50].max() < 0.003  # but where a filter sees the end
    assert np.array_equal(found, at_8000(wav(tone(rate), rate)))
    assert np.abs(at_8000(wav(np.ones(rate)))).max() <= 1
    assert 0 < np.abs(at_8000(wav(np.zeros(800), 8000))).max() < 2**-15


def test_bytes_of_the_announcements_are_those_of_before():
    """As results/quick_sequences.csv has read them: 16 bits, dithered by what the length says, resampled, μ-law."""
    steps = np.round(2**15 * tone(48_000) * np.linspace(1, 0, 24_000))
    found = sounds.mu_law(at_8000(wav(steps / (2**15 - 1))))
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == "85886b516516d9e3"


@pytest.mark.parametrize(("form", "subtype"), [("WAV", "PCM_U8"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)])
def test_other_forms_are_read_and_channels_mixed(form, subtype):
    both = np.column_stack([tone(16_000), np.zeros(8000)])
    found, rate = fetch_sounds.decoded(encoded(both, 16_000, form, subtype), "x")
    middle = slice(2000, 6000)
    assert rate == 16_000 and found.ndim == 1
    assert np.corrcoef(found[middle], tone(16_000)[middle])[0, 1] > 0.99 or form == "MP3"  # which comes later
    assert found[middle].std() == pytest.approx(tone(16_000).std() / 2, rel=0.1)


def test_what_is_no_sound_is_named():
    pytest.importorskip("soundfile")
    with pytest.raises(SystemExit, match="bark: is no sound that can be read") as stopped:
        fetch_sounds.decoded(b"woof" * 100, "bark")
    assert one_line(stopped)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_the_law_of_telephones_keeps_the_order_and_is_fine_where_the_sound_is_faint(sound):
    sound = np.sort(sound)
    levels = sounds.mu_law(sound)
    assert levels.dtype == np.uint8 and (np.diff(levels.astype(int)) >= 0).all()
    assert (np.abs(sounds.expanded(levels) - sound) <= 0.0225 * (np.abs(sound) + 1 / 255)).all()
    assert sounds.mu_law(np.array([-1, 0, 1])).tolist() == [0, 128, 255]


def test_each_byte_stands_for_a_sample_that_becomes_it():
    levels = np.arange(256)
    samples = sounds.expanded(levels)
    assert np.array_equal(sounds.mu_law(samples), levels) and (np.diff(samples) > 0).all()
    np.testing.assert_allclose(samples, -samples[::-1], rtol=1e-12)
    assert samples[0] == pytest.approx(-1)


@given(st.integers(2, 60), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_random_phases_keep_the_spectrum_and_nothing_else(length, seed):
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(length) ** 3
    found = sounds.phases_randomised(sound, rng)
    assert found.shape == sound.shape
    np.testing.assert_allclose(np.abs(np.fft.rfft(found)), np.abs(np.fft.rfft(sound)), atol=1e-9)
    assert found.mean() == pytest.approx(sound.mean()) and found.std() == pytest.approx(sound.std())
    if length > 4:
        assert not np.allclose(found, sound)


@given(st.lists(st.sampled_from([0, 0.001, -0.5, 1]), max_size=40), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_an_excerpt_is_the_middle_without_silence_and_the_same_both_ways(values, most):
    sound = np.array(values, float)
    found = sounds.excerpt(sound, most)
    assert len(found) <= most and len(found) == min(most, len(sounds.excerpt(sound, 99)))
    if (cut := sounds.excerpt(sound, 99)).any():
        assert min(abs(cut[0]), abs(cut[-1])) >= 0.01 * np.abs(sound).max()
        if (len(cut) - len(found)) % 2 == 0:
            assert np.array_equal(sounds.excerpt(sound[::-1], most), found[::-1])


def test_struck_tones_begin_at_once_and_decay():
    loud = np.zeros(0)
    for seed in range(20):
        sound = np.abs(sounds.decaying_tones(8000, np.random.default_rng(seed)))
        loud = np.append(loud, np.diff(np.lib.stride_tricks.sliding_window_view(sound, 80).max(1)[::80]))
    assert loud.max() > 0.2 and loud.min() > -0.9 * loud.max() and (loud < 0).mean() > 0.55  # up fast, down slowly


def linear_process(shape: str, length: int = 16_000, seed: int = 0) -> list[bytes]:
    """Documents of an autoregressive process whose independent parts are Gaussian, or rare and large."""
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal(length) * (1 if shape == "gaussian" else 0.2 + 5 * (rng.random(length) < 0.03))
    sound = np.zeros(length)
    for at in range(2, length):
        sound[at] = 1.7 * sound[at - 1] - 0.9 * sound[at - 2] + 0.01 * parts[at]
    levels = sounds.mu_law(np.clip(sound, -1, 1)).tobytes()
    return [levels[at : at + 4000] for at in range(0, length, 4000)]


def arrows(documents: list[bytes]) -> dict[str, float]:
    nats = code_lengths(documents, 4)
    return {shape: nats[shape]["backward"] / nats[shape]["forward"] - 1 for shape in SHAPES}


def test_a_linear_model_sees_an_arrow_by_the_shape_of_its_residuals_alone():
    process = arrows(linear_process("rare"))
    assert abs(process["gaussian"]) < 0.0005 and process["laplace"] > 0.02 and process["histogram"] > 0.02
    assert max(map(abs, arrows(linear_process("gaussian")).values())) < 0.001  # and is reversible


@pytest.mark.parametrize("shape", ["rare", "gaussian"])
def test_of_reversed_sounds_directions_have_changed_places(shape):
    documents = linear_process(shape)
    there, back = code_lengths(documents, 8), code_lengths([each[::-1] for each in documents], 8)
    assert there["scored"] == back["scored"] == 4 * (4000 - 16)
    for each in SHAPES:
        assert there[each]["forward"] == pytest.approx(back[each]["backward"], rel=1e-9)
        assert there[each]["backward"] == pytest.approx(back[each]["forward"], rel=1e-9)


def test_residuals_are_of_the_same_samples_and_of_a_rule_nothing():
    sound = np.cos(0.3 * np.arange(200))  # each is a sum of two others, on either side
    left = residuals(sound, 2)
    assert all(each.shape == (196,) and np.abs(each).max() < 1e-9 for each in left.values())
    seen = residuals(np.random.default_rng(0).standard_normal(300), 3)
    assert all(each.mean() == pytest.approx(0, abs=1e-9) for each in seen.values())  # there is a constant


def test_the_histogram_is_a_density_and_costs_what_the_true_one_does():
    rng = np.random.default_rng(0)
    standard = rng.laplace(size=50_000)
    cost = -log_histogram(standard).mean()
    assert cost == pytest.approx(np.log(2) + 1, abs=0.02)
    grid = np.tan(np.pi * (np.arange(0.5, 64_000) / 64_000 - 0.5)) / 2  # equally probable in its Cauchy distribution
    of_cauchy = 2 / np.pi / (1 + 4 * grid**2)
    assert (np.exp(log_histogram(grid)) / of_cauchy).mean() == pytest.approx(1, abs=1e-6)


def test_silence_and_what_is_short_are_left_out():
    process = linear_process("rare")
    silence = sounds.mu_law(1e-5 * np.random.default_rng(0).standard_normal(4000)).tobytes()
    assert code_lengths([*process, silence, process[0][:79]], 4) == code_lengths(process, 4)
    assert code_lengths([silence], 4)["scored"] == 0


def test_what_is_fetched_is_pinned():
    for collection in read_json(fetch_sounds.COLLECTIONS).values():
        for each in collection["packages"]:
            assert re.fullmatch("[0-9a-f]{64}", each["sha256"]) and each["version"] and each["architecture"]
            assert each["licence"] and each["copyright"]
            assert all(re.compile(pattern).groups == 1 for pattern in each["members"].values())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with calls, one of them under two names, and what says that it is fetched."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb")
    calls = tmp_path / "tree/usr/share/calls"
    (calls / "birds").mkdir(parents=True)
    (tmp_path / "tree/DEBIAN").mkdir()
    control = "Package: calls\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: test\n"
    (tmp_path / "tree/DEBIAN/control").write_text(control)
    rng = np.random.default_rng(0)
    for name in ("birds/crow", "birds/owl", "cow", "cow_desc"):
        call = 0.2 * rng.standard_normal(24_000) * np.linspace(1, 0.1, 24_000)
        (calls / f"{name}.ogg").write_bytes(encoded(call, 16_000, "OGG", "VORBIS"))
    shutil.copy(calls / "cow.ogg", calls / "cow2.ogg")
    packages = tmp_path / "recordings.partial/packages"
    packages.mkdir(parents=True)
    deb = packages / "calls_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", tmp_path / "tree", deb], check=True, capture_output=True)
    of_package = {"name": "calls", "version": "1", "architecture": "all", "sha256": file_sha256(deb), "licence": "CC0"}
    of_package |= {"copyright": "A", "members": {"animals": r"/calls/((?!\S*_desc)\S+)\.ogg"}}
    recordings = {"seconds": 1, "controls": 3, "seconds_of_controls": 1, "packages": [of_package]}
    monkeypatch.setattr(fetch_sounds, "COLLECTIONS", tmp_path / "sounds.json")
    (tmp_path / "sounds.json").write_text(json.dumps({"recordings": recordings}))
    return deb


def test_a_package_becomes_sounds_and_controls_and_these_a_table(package, tmp_path, capsys):
    folder = tmp_path / "recordings"
    flags = ["--collection", "recordings", "--output_dir", str(folder)]
    fetch_sounds.main(flags)
    names = {kind.name: sorted(path.stem for path in kind.iterdir()) for kind in folder.iterdir() if kind.is_dir()}
    assert names["animals"] == names["animals-phases"] == ["birds-crow", "birds-owl", "cow"]
    made = {"white_noise", *(f"struck_tones{each}" for each in ("", "-phases", "-vorbis", "-vorbis_reversed"))}
    assert set(names) == {"animals", "animals-phases", *made} and all(len(names[each]) == 3 for each in made)
    assert {path.stat().st_size for path in folder.glob("*/*.ulaw")} == {8000}
    assert "calls_1_all.deb" in (origin := (folder / "ORIGIN.md").read_text()) and "CC0, copyright A" in origin
    crow, other = (np.frombuffer((folder / kind / "birds-crow.ulaw").read_bytes(), np.uint8) for kind in
                   ("animals", "animals-phases"))  # fmt: skip
    rms, of_other = (np.sqrt((sounds.expanded(each) ** 2).mean()) for each in (crow, other))
    assert of_other == pytest.approx(rms, rel=0.05)
    capsys.readouterr()
    fetch_sounds.main(flags)
    assert "finished before" in capsys.readouterr().out

    results = tmp_path / "results"
    sounds_linear.main(["--sounds", str(folder), "--output_dir", str(results)])
    table = pd.read_csv(results / "sounds_linear.csv").set_index(["row", "learner"])
    assert len(table) == 7 * 3 and (table["recordings"] == 3).all()
    assert table.loc[("struck_tones", "histogram"), "aot"] > 0.002
    assert abs(table.loc[("struck_tones", "gaussian"), "aot"]) < 0.002
    readme = tmp_path / "README.md"
    readme.write_text("<!-- table sounds_linear -->\n<!-- end -->\n")
    report.main(["sounds_linear", "--results", str(results), "--readme", str(readme)])
    assert "| struck tones, random phases | 3 |" in readme.read_text() and (results / "sounds_linear.png").exists()


def test_another_package_and_a_package_without_what_is_looked_for_are_refused(package, tmp_path):
    flags = ["--collection", "recordings", "--output_dir", str(tmp_path / "recordings")]
    known = read_json(fetch_sounds.COLLECTIONS)
    (one,) = known["recordings"]["packages"]
    for packages, message in (
        ([one | {"members": {"music": r"/(\w+)\.mp3"}}], "has no music"),
        ([one | {"members": {"animals": r"/(\w)\w+\.ogg"}}], "has two different animals/c; tell them apart"),
        ([one, one], "animals/birds-crow is there already; tell them apart"),
    ):
        known["recordings"]["packages"] = packages
        fetch_sounds.COLLECTIONS.write_text(json.dumps(known))
        with pytest.raises(SystemExit, match=f"calls_1_all.deb: {message}") as stopped:
            fetch_sounds.main(flags)
        assert one_line(stopped)
    package.write_bytes(b"another")
    with pytest.raises(SystemExit, match="calls_1_all.deb: its SHA-256 is .*, not .*; delete it") as stopped:
        fetch_sounds.main(flags)
    assert one_line(stopped) and not (tmp_path / "recordings").exists()


def test_a_folder_without_sounds_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="has no sounds; python -m experiments.fetch_sounds") as stopped:
        sounds_linear.main(["--sounds", str(tmp_path), "--output_dir", str(tmp_path)])
    assert one_line(stopped)


def percent(row: pd.Series) -> str:
    return f"{100 * row['aot']:.2f} ± {100 * (row['high'] - row['aot']):.2f} %"


def test_numbers_in_words_are_those_of_the_tables():
    said = [" ".join((ROOT / page).read_text().split()) for page in ("docs/origins.md", "results/README.md")]
    linear = pd.read_csv(ROOT / "results/sounds_linear.csv").set_index(["row", "learner"])
    for row in ("speech", "struck_tones", "animals"):
        assert all(percent(linear.loc[row, "histogram"]) in page for page in said)
    intervals = 100 * linear[["low", "high"]].abs().max(axis=1)
    without = [row for row in linear.index if "phases" in row[0] or row[0] == "white_noise" or row[1] == "gaussian"]
    assert intervals[without].max() < 0.03 and (linear.loc[without, "low"] <= 0).all()
    assert (linear.loc[without, "high"] >= 0).all() and intervals[["music", "machines"]].max() < 0.05
    quick = pd.read_csv(ROOT / "results/quick_sounds.csv", dtype={"learner": str}).set_index(["row", "learner"])
    assert percent(quick.loc["struck_tones", "6"]).removeprefix("-") in said[1]
    pairs = pd.read_csv(ROOT / "results/sounds.csv", dtype={"seed": str}).drop_duplicates("row").set_index("row")
    assert all(percent(pairs.loc["speech"]) in page for page in said) and len(pairs) == 7
    assert pairs.loc["white_noise", ["low", "high"]].abs().max() < 1.5e-5
