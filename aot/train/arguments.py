"""What is trained on what, and how: the flags of run_clm_reverse.py, and what they may be."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from transformers import TrainingArguments

from aot.base.messages import notice
from aot.tokens.windows import DIRECTIONS, PERMUTED, Order, Reading
from aot.train.optimizers import MUON, check_muon
from aot.train.runs import STATE
from aot.train.trackers import PROJECT, check_trackers


@dataclass
class RunArguments:
    """What is trained on what."""

    data: str | None = field(
        default=None,
        metadata={"help": "Data folder made by tokenize_lang.py or make_synthetic.py, or out of --train_file."},
    )
    direction: Literal["forward", "backward", "both", "permuted"] = field(
        default="both",
        metadata={
            "help": "Order of reading. `both`: one after the other, or with --parallel_directions at once. "
            "`permuted`: neither, but an order of the tokens of a window that is drawn once, a control beside a pair."
        },
    )
    order_seed: int = field(default=0, metadata={"help": "With --direction permuted: what draws the order."})
    order_block: int = field(
        default=1,
        metadata={
            "help": "With --direction permuted: tokens that stay together, and forward; blocks of so many are "
            "permuted. The context: one block, which is forward."
        },
    )
    order_reversed: bool = field(
        default=False, metadata={"help": "With --direction permuted: the same order, read from its end."}
    )
    context: int = field(
        default=256,
        metadata={
            "aliases": ["--block_size"],
            "help": "Tokens per window, all of them predicted. Most windows of the paper: 256 positions, of which BOS "
            "takes one, so 255 tokens.",
        },
    )
    stride: int | None = field(
        default=None,
        metadata={
            "help": "Tokens from one training window to the next. Default: the context. The paper: 127, half of 255."
        },
    )
    size: str = field(
        default="medium",
        metadata={
            "help": "Layers, heads and width: nano, micro, mini, small, gpt1, medium, large, xl; those of the paper, "
            "for LSTM and GRU from small to large (aot/train/models.py)."
        },
    )
    model_type: str = field(
        default="gpt2",
        metadata={"help": "gpt2, lstm, gru, or another causal LM of transformers, such as llama or mamba."},
    )
    config_overrides: str | None = field(
        default=None, metadata={"help": "Changes to the model's configuration: `n_layer=2,n_embd=64`."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Continue from these weights, folder or Hub id, instead of a new model. A pair's folder (with "
            "forward/ and backward/ in it) gives each direction its own."
        },
    )
    pickled_weights: bool = field(
        default=False,
        metadata={
            "help": "Of --model_name_or_path, read pytorch_model.bin if there are no safetensors: its tensors alone."
        },
    )
    arithmetic: Literal["fast", "stock"] = field(
        default="fast",
        metadata={
            "help": "fast: the same losses with less work, for gpt2, llama and nanochat; other models "
            "have none, and are as with stock, which is the model of transformers as it is."
        },
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Licence of the models for their cards, such as cc0-1.0. Default: that in the card of the data. "
            "--push_to_hub needs one."
        },
    )
    parallel_directions: bool = field(
        default=False,
        metadata={
            "help": "With --direction both: at once, each in a process of its own with half of the cores, and with a "
            "GPU of its own where there are two; a single GPU they share, and its memory."
        },
    )
    seeds: list[int] = field(
        default_factory=list,
        metadata={
            "help": "Instead of --seed: several, each trained as by a command of its own, one after the other. -seedN "
            "is put behind --output_dir and --hub_model_id."
        },
    )

    @property
    def directions(self) -> tuple[str, ...]:
        return DIRECTIONS if self.direction == "both" else (self.direction,)

    def reading(self, direction: str) -> Reading:
        """The order in which the model of a direction reads."""
        if direction != PERMUTED:
            return direction
        return Order(self.context, self.order_seed, self.order_block, self.order_reversed)


def paper(name: str, value):
    """A field of TrainingArguments with another default and the same help."""
    return field(default=value, metadata=TrainingArguments.__dataclass_fields__[name].metadata)


@dataclass
class ReverseTrainingArguments(TrainingArguments):
    """Defaults: AdamW and batch of the paper (90 windows on each of 2 GPUs). Its cosine restarts are left out: a pair
    is compared at the end of a schedule, where the loss is lowest and least noisy, and a restart raises it there. The
    warm-up is a fraction of the run, of which the paper's 4,000 steps were 0.7 %."""

    USUAL = frozenset(
        "max_steps gradient_accumulation_steps gradient_checkpointing torch_compile seed data_seed report_to run_name "
        "use_cpu push_to_hub hub_model_id hub_token hub_private_repo".split()
    )  # flags of transformers that --help shows, though they are as there

    output_dir: str | None = field(
        default="",
        metadata={"help": "Run folder. Default: runs/DATA-SIZE-T{context}-seed{seed}, with MODEL_TYPE- unless gpt2."},
    )
    bf16: bool | None = field(
        default=None,
        metadata={"help": "bfloat16 autocast. Default: where the GPU or CPU computes in it; weights stay float32."},
    )
    tf32: bool | None = field(
        default=False,
        metadata={"help": "Round float32 to 10 bits of mantissa in products on a GPU, also with --torch_compile."},
    )
    resume_from_checkpoint: str | None = field(
        default="auto", metadata={"help": "`auto`: the newest complete checkpoint of the run folder. Or a folder."}
    )
    per_device_train_batch_size: int = paper("per_device_train_batch_size", 90)
    per_device_eval_batch_size: int = paper("per_device_eval_batch_size", 32)
    learning_rate: float = paper("learning_rate", 1e-4)
    lr_scheduler_type: str = paper("lr_scheduler_type", "cosine")
    warmup_steps: float = paper("warmup_steps", 0.01)
    weight_decay: float = paper("weight_decay", 0.01)
    optim: str = field(
        default=TrainingArguments.default_optim,
        metadata={"help": "Optimizer: one of transformers, or muon: Muon for the matrices of the blocks, AdamW else."},
    )
    num_train_epochs: float = paper("num_train_epochs", 1.0)
    logging_steps: float = paper("logging_steps", 50)
    logging_nan_inf_filter: bool = paper("logging_nan_inf_filter", False)
    eval_strategy: str = paper("eval_strategy", "steps")
    eval_steps: float | None = paper("eval_steps", 0.1)
    save_steps: float = paper("save_steps", 0.1)
    save_total_limit: int | None = paper("save_total_limit", 2)
    project: str = paper("project", PROJECT)
    remove_unused_columns: bool | None = paper("remove_unused_columns", False)

    def __post_init__(self):
        for must, (fits, names) in MUST_BE.items():
            for name in names:
                if (value := getattr(self, name)) is not None and not fits(value):
                    raise ValueError(f"--{name} {value}: must be {must}")
        if not (self.max_steps >= 1 or self.max_steps == -1 and 0 < self.num_train_epochs < math.inf):
            amount = f"--max_steps {self.max_steps} --num_train_epochs {self.num_train_epochs}"
            raise ValueError(f"{amount}: nothing would be trained; give one of them, above 0")
        self.use_cpu = self.use_cpu or not torch.accelerator.is_available()
        if self.bf16 is None:
            self.bf16 = not self.fp16 and computes_in_bf16(self.use_cpu)
        if self.use_cpu:
            os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or DeepSpeed looks for a GPU, and warns
        muon, self.optim = self.optim == MUON, "adamw_torch" if self.optim == MUON else self.optim
        super().__post_init__()
        precision = "fp16" if self.fp16 else "bf16" if self.bf16 else "no"
        if (asked := os.environ.get("ACCELERATE_MIXED_PRECISION", "no")) not in ("no", precision):
            notice(f"mixed_precision {asked}, as the launcher asks for, has no effect: --bf16 and --fp16 are for that")
            self.mixed_precision = precision
        if muon:  # which transformers does not know
            check_muon(self)
            self.optim = MUON
        if self.deepspeed_plugin:  # weights stay float32 by its `bf16: {}`; the Trainer does not fill in autocast
            autocast = self.deepspeed_plugin.hf_ds_config.config.get("torch_autocast", {})
            autocast |= {"enabled": self.bf16} if autocast.get("enabled") == "auto" else {}
        check_trackers(self.report_to)
        start = self.resume_from_checkpoint
        if start not in ("auto", None) and not Path(start, STATE).is_file():
            raise ValueError(f"--resume_from_checkpoint {start}: no checkpoint there (no {STATE} in it)")
        for name, (value, reason) in REFUSED.items():
            if getattr(self, name) != value:
                raise ValueError(f"--{name} {getattr(self, name)}: {reason}; leave it out")
        self.remove_unused_columns = False  # windows have no columns
        self.dataloader_drop_last = False  # all held-out windows count, and of the others whole steps are drawn

    @property
    def windows_per_step(self) -> int:
        """Of all processes together."""
        return self.train_batch_size * self.gradient_accumulation_steps * self.world_size


# What flags may be, those that libraries refuse late or never: then a run has begun, or trains nothing.
MUST_BE = {
    "a whole number above 0": (
        lambda value: value >= 1,
        ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    ),
    "above 0": (lambda value: 0 < value < math.inf, ("learning_rate", "logging_steps", "eval_steps", "save_steps")),
    "0 or more": (
        lambda value: 0 <= value < math.inf,
        ("weight_decay", "adam_epsilon", "max_grad_norm", "warmup_steps", "dataloader_num_workers"),
    ),
    "from 0 to below 1": (lambda value: 0 <= value < 1, ("adam_beta1", "adam_beta2")),
    f"from 0 to {2**32 - 1}": (lambda value: 0 <= value < 2**32, ("seed", "data_seed")),  # what NumPy takes
}

# Flags that would let two runs of a pair differ unseen, or a resumed run from one that was not interrupted.
REFUSED = {
    "label_smoothing_factor": (0.0, "∂ compares cross-entropies as they are"),
    "load_best_model_at_end": (False, "the best step of one direction is not that of the other"),
    "auto_find_batch_size": (False, "one direction could be trained in smaller batches than the other"),
    "train_sampling_strategy": ("random", "both directions read the windows in the same random order"),
    "ignore_data_skip": (False, "what is resumed would read windows twice"),
    "bf16_full_eval": (False, "the final weights would be rounded to it"),
    "fp16_full_eval": (False, "the final weights would be rounded to it"),
    "save_on_each_node": (False, "one process writes a run, or files would change after their hashes were kept"),
    "save_only_model": (False, "what is resumed would have lost the state of the optimizer"),
}


def computes_in_bf16(use_cpu: bool) -> bool:
    """Whether the processor has bfloat16 arithmetic; where it is emulated, autocast is slower than float32."""
    if use_cpu:
        return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


# Flags of TrainingArguments that are accepted, and why nothing comes of them.
NO_EFFECT = {
    "do_train": "here: this script always trains",
    "do_eval": "here: --eval_strategy says when a run is evaluated",
    "do_predict": "here: compute_aot.py scores a text",
    "hub_strategy": "here: a pair is pushed when it is finished",
}
