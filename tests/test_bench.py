"""The benchmark measures what it says, beside its peers, and its last line is JSON."""

import csv
import json

import pytest
import torch

import bench
from aot.models import build_model


def test_a_stage_is_measured_beside_its_peer(tmp_path, capsys):
    tiny = "--size nano --context 8 --batch 2 --vocab_size 300 --steps 2 --text_mb 1 --repeats 1 --windows 1000"
    tiny += " --memory_mb 2"
    bench.main(["--stages", "train", "interval", "memory", "--output_dir", str(tmp_path), *tiny.split()])
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    with (tmp_path / "bench_train.csv").open(encoding="utf-8") as file:
        ours, peer = csv.DictReader(file)
    assert (ours["who"], peer["who"]) == ("ours", "as run_clm")
    assert float(peer["ours_is_faster_by"]) > 0 and int(ours["peak_megabytes"]) > 0
    assert float(ours["tokens_per_second"]) == summary["train"][0]["tokens_per_second"]
    assert 0 < float(ours["of_matmul_rate"]) < 1
    assert summary["interval"][0]["windows_per_second"] > 0
    assert summary["memory"][0]["who"] == "2 MB" and summary["memory"][0]["peak_megabytes"] > 0


def test_a_measurement_that_fails_ends_the_bench_and_keeps_the_stages_before(tmp_path):
    tiny = "--size giant --windows 1000 --text_mb 1 --repeats 1 --vocab_size 300".split()
    with pytest.raises(SystemExit, match="--size giant: unknown"):
        bench.main(["--stages", "interval", "score", "--output_dir", str(tmp_path), *tiny])
    assert [path.name for path in tmp_path.iterdir()] == ["bench_interval.csv"]


def test_the_arithmetic_of_gpt2_medium():
    with torch.device("meta"):
        medium = build_model(50_257, 256, "medium", "gpt2", None)
    assert bench.flops_per_token(medium) == pytest.approx(2.2e9, rel=0.01)


def test_every_contestant_of_every_stage_does_the_same_work(tmp_path):
    args = bench.BenchArguments(size="nano", context=8, batch=2, vocab_size=300, steps=2, text_mb=1, windows=1000)
    bench.prepare(args, tmp_path)
    for stage, (function, contestants, _) in bench.STAGES.items():
        if stage in ("tokenize", "score", "interval"):
            assert len({function(who, args, str(tmp_path))[0] for who in contestants}) == 1
