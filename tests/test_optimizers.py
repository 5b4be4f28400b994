"""Muon has the matrices of the blocks, AdamW the rest; resumed, it goes on as if it had not stopped."""

import pytest
import torch
from conftest import MODELS, TINY, logged, one_line, train, weights
from test_resume import killed_and_resumed, same_run

from aot.base.files import read_json
from aot.train.arguments import ReverseTrainingArguments
from aot.train.models import build_model
from aot.train.optimizers import MuonInFloat32, muon_for
from aot.train.runs import RECIPE

MUON = ["--optim", "muon"]


@pytest.fixture
def args(tmp_path):
    return ReverseTrainingArguments(output_dir=str(tmp_path), optim="muon", learning_rate=0.1, weight_decay=0.3)


def names(optimizer, model, part):
    by_id = {id(weight): name for name, weight in model.named_parameters()}
    return {by_id[id(weight)] for group in optimizer.parts[part].param_groups for weight in group["params"]}


def test_muon_has_the_matrices_of_the_blocks(args):
    model = build_model(50, 8, "nano", "gpt2", TINY)
    optimizer = muon_for(model, args, ["transformer.wte.weight"])
    block = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert names(optimizer, model, 0) == {f"transformer.h.0.{name}.weight" for name in block}
    assert names(optimizer, model, 0) | names(optimizer, model, 1) == {name for name, _ in model.named_parameters()}
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.3, 0]
    assert {group["lr"] for group in optimizer.param_groups} == {0.1}
    untied = build_model(50, 8, "nano", "llama", "tie_word_embeddings=false")
    mine = names(muon_for(untied, args, []), untied, 0)
    assert mine and not {"lm_head.weight", "model.embed_tokens.weight"} & mine
    assert all(".layers." in name for name in mine)
    mamba = build_model(50, 8, "nano", "mamba", None)
    mine = names(muon_for(mamba, args, []), mamba, 0)
    assert mine and all(name.endswith(".weight") for name in mine)  # but no A_log, a table of rates


@pytest.mark.parametrize("muon", [{"momentum": 0.8}, {"nesterov": False}])
@pytest.mark.parametrize("bf16", [True, False])
def test_a_step_is_that_of_both_optimizers_of_torch(args, muon, bf16):
    args.optim_args, args.bf16 = ",".join(f"{name}={value}" for name, value in muon.items()) + ",ns_steps=4", bf16
    model, other = (build_model(50, 8, "nano", "gpt2", TINY) for _ in range(2))
    other.load_state_dict(model.state_dict())
    optimizer = muon_for(model, args, [])
    matrices = names(optimizer, model, 0)
    split = [[w for n, w in other.named_parameters() if (n in matrices) == first] for first in (True, False)]
    expected = [
        torch.optim.Muon(split[0], 0.1, 0.3, **muon, ns_steps=4, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(split[1], 0.1, weight_decay=0, fused=True),
    ]
    for seed in range(3):
        for each in (model, other):
            torch.manual_seed(seed)
            for weight in each.parameters():
                weight.grad = torch.randn_like(weight)
        for one in (optimizer, *expected):
            one.step()
    for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        if bf16 or name not in matrices:
            assert torch.equal(mine, theirs)
        else:  # torch makes steps orthogonal in bfloat16, whatever the run is in
            assert torch.allclose(mine, theirs, atol=0.005) and not torch.equal(mine, theirs)


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_in_float32_the_step_of_a_matrix_is_all_but_orthogonal(shape):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(shape))
    weight.grad = torch.randn(shape)
    MuonInFloat32([weight], lr=1.0, weight_decay=0.0).step()
    step = -weight.detach() / (0.2 * max(shape) ** 0.5)
    turned = torch.linalg.svd(weight.grad, full_matrices=False)
    found = turned.U.T @ step @ turned.Vh.T  # as long along each direction of the gradient
    assert (found.diagonal() > 0.6).all() and (found.diagonal() < 1.3).all()
    assert (found - torch.diag(found.diagonal())).abs().max() < 1e-4


@pytest.mark.parametrize("kind", MODELS)
def test_resumed_it_is_never_killed(data, tmp_path, kind):
    flags = [*MUON, "--model_type", kind, "--config_overrides", MODELS[kind]]
    whole = train(tmp_path / "whole", data, "--direction", "forward", *flags) / "forward"
    killed_and_resumed("right after a checkpoint", data, tmp_path / "pair", flags)
    same_run(tmp_path / "pair" / "forward", whole)
    assert read_json(whole / RECIPE)["optim"] == "muon" and logged(whole, "loss")[12] < logged(whole, "loss")[1]


def test_it_is_another_pair_than_one_of_adamw(data, pair, tmp_path):
    run = train(tmp_path, data, "--direction", "forward", *MUON) / "forward"
    assert weights(run) != weights(pair / "forward")
    with pytest.raises(SystemExit, match="optim: adamw_torch_fused / muon") as stopped:
        train(pair, data, *MUON)
    assert one_line(stopped)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--optim_args", "beta=1"], "--optim_args beta=1: Muon has no beta, but momentum"),
        (["--optim_args", "momentum=-1"], "--optim_args momentum=-1: momentum should be >= 0"),
        (["--optim_args", "ns_steps=1.5"], "--optim_args ns_steps=1.5: ns_steps must be a whole number"),
        (["--optim_args", "momentum=much"], "--optim_args momentum=much: write numbers"),
        (["--fsdp", "full_shard"], "--optim muon: needs each matrix and its gradient whole.*--optim"),
        (["--deepspeed", "ds_configs/zero2.json"], "--optim muon: needs each matrix and its gradient whole.*--optim"),
    ],
)
def test_what_it_cannot_do_is_one_line(data, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        train(tmp_path / "run", data, *MUON, *flags)
    assert one_line(stopped) and not (tmp_path / "run").exists()
