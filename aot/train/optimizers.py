"""Muon for the matrices of the blocks and AdamW for all else, as one optimizer with one learning rate."""

import ast
import math
from collections.abc import Iterable

import torch
from accelerate.utils import DistributedType
from transformers import TrainingArguments

MUON = "muon"  # its name for --optim, where transformers has none


class MuonInFloat32(torch.optim.Muon):
    """`torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, all of it in float32.

    That of torch makes a step orthogonal in bfloat16, which a processor without bfloat16 has to emulate: on a CPU with
    AVX2 this took two thirds of the time of training.
    """

    @torch.no_grad()
    def step(self, closure=None):
        """One step."""
        loss = closure() if closure else None
        for group in self.param_groups:
            for weight in (each for each in group["params"] if each.grad is not None):
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                buffer = state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer
                update = orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(weight.shape)))
        return loss


def orthogonal(matrix: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> torch.Tensor:
    """About U Vᵀ of a matrix U S Vᵀ [m, n], by the iteration of Newton and Schulz as Jordan (2024) has it for Muon."""
    a, b, c = coefficients
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp(min=eps)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon (Jordan, 2024) for some parameter groups and `torch.optim.AdamW` for others.

    Steps of Muon are scaled to the root mean square of those of AdamW (Liu et al., 2025, arXiv 2502.16982).
    """

    def __init__(self, matrices: list[dict], others: list[dict], muon: dict, adamw: dict, bf16: bool):
        kind = torch.optim.Muon if bf16 else MuonInFloat32
        self.parts = [
            kind(matrices, adjust_lr_fn="match_rms_adamw", **muon),
            torch.optim.AdamW(others, **adamw),
        ]
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self.share()

    def share(self) -> None:
        """Let the parts work on the groups and the state of the whole, which are scheduled, saved and loaded."""
        first = len(self.parts[0].param_groups)
        self.parts[0].param_groups, self.parts[1].param_groups = self.param_groups[:first], self.param_groups[first:]
        for part in self.parts:
            part.state = self.state

    def load_state_dict(self, state_dict: dict) -> None:
        super().load_state_dict(state_dict)
        self.share()

    @torch.no_grad()
    def step(self, closure=None):
        """One step of both."""
        loss = closure() if closure else None
        for part in self.parts:
            part.step()
        return loss


def muon_for(model: torch.nn.Module, args: TrainingArguments, decayed: Iterable[str]) -> MuonWithAdamW:
    """The optimizer of a model: Muon has its matrices but embeddings and head; `decayed` names what AdamW decays.

    `--optim_args` are Muon's: `momentum=0.9,ns_steps=6`. ValueError where it knows none of that name.
    """
    head = model.get_output_embeddings()
    excluded = {id(weight) for weight in (head.parameters() if head is not None else ())}
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            excluded |= {id(weight) for weight in module.parameters()}
    groups = {"matrix": [], "decayed": [], "other": []}
    for name, weight in model.named_parameters():
        multiplies = name.rpartition(".")[2].startswith("weight")  # unlike rates in two dimensions, mamba's A_log
        if weight.ndim == 2 and multiplies and id(weight) not in excluded:
            groups["matrix"].append(weight)
        else:
            groups["decayed" if name in set(decayed) else "other"].append(weight)
    shared = {"lr": args.learning_rate, "weight_decay": args.weight_decay}
    betas = {"betas": (args.adam_beta1, args.adam_beta2), "eps": args.adam_epsilon, "fused": True}
    others = [{"params": groups["decayed"]}, {"params": groups["other"], "weight_decay": 0.0}]
    return MuonWithAdamW(
        [{"params": groups["matrix"]}],
        [group for group in others if group["params"]],
        shared | muon_arguments(args.optim_args),
        shared | betas,
        args.bf16,
    )


def check_muon(args: TrainingArguments) -> None:
    """ValueError where the matrices that Muon needs whole are sharded, and for wrong arguments."""
    given = muon_arguments(args.optim_args)
    try:
        torch.optim.Muon([torch.zeros(2, 2)], **given)
        if not 0 < int(given.get("ns_steps", 5)) == given.get("ns_steps", 5) < 100:
            raise ValueError("ns_steps must be a whole number from 1 to 99")
    except (ValueError, TypeError) as error:
        raise ValueError(f"--optim_args {args.optim_args}: {error}") from error
    if args.deepspeed_plugin or args.fsdp or args.distributed_state.distributed_type == DistributedType.FSDP:
        raise ValueError(
            f"--optim {MUON}: needs each matrix and its gradient whole, which ZeRO and FSDP divide among processes. "
            "Launch with one process or with DDP, or choose another --optim"
        )


def muon_arguments(written: str | None) -> dict:
    """`momentum=0.9,ns_steps=6` as a dictionary; ValueError for what Muon does not take."""
    given = dict(each.partition("=")[::2] for each in (written or "").replace(" ", "").split(",") if each)
    if unknown := given.keys() - {"momentum", "nesterov", "ns_steps", "eps"}:
        wrong = ", ".join(sorted(unknown))
        raise ValueError(f"--optim_args {written}: Muon has no {wrong}, but momentum, nesterov, ns_steps and eps")
    try:
        return {name: ast.literal_eval(value) for name, value in given.items()}
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"--optim_args {written}: write numbers, such as momentum=0.9,ns_steps=6") from error
