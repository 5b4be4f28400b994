"""What scripts are told that let models write: which models, from what, and how tokens are chosen."""

import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aot.base.cli import at_least, without_effect


@dataclass
class ModelArguments:
    """Which models: --pair, or one or both of --forward and --backward."""

    pair: str | None = field(
        default=None,
        metadata={
            "help": "A run folder with forward/ and backward/, or NAME for NAME-forward and NAME-backward, folders or "
            "Hub ids."
        },
    )
    forward: str | None = field(default=None, metadata={"help": "Instead of --pair: a forward model."})
    backward: str | None = field(default=None, metadata={"help": "Instead of --pair: a backward model."})
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of the Hub ids."})
    pickled_weights: bool = field(
        default=False, metadata={"help": "Read pytorch_model.bin where there are no safetensors: its tensors alone."}
    )
    device: str | None = field(default=None, metadata={"help": "cpu, cuda, cuda:1, ... Default: a GPU, if any."})

    def __post_init__(self):
        from aot.train.models import find_device  # here and below, since --help need not wait for torch

        self.device = find_device(self.device)

    def load(self, path: str):
        """One of the models, on its device."""
        from aot.train.models import load_model

        return load_model(path, self.revision, pickled=self.pickled_weights).to(self.device)


@dataclass
class Prompts:
    """From what texts."""

    prompt: str = field(
        default="", metadata={"help": "Text to go on from. Default: none, the model writes its own beginning or end."}
    )
    prompts: str | None = field(default=None, metadata={"help": "A file with one prompt a line, or - for stdin."})
    batch_size: int = field(default=16, metadata={"help": "Prompts at once."})
    output: str | None = field(default=None, metadata={"help": "JSON-lines file to write, instead of printing."})

    def __post_init__(self):
        at_least(self, batch_size=1)


OF_SAMPLING = ("temperature", "top_k", "top_p", "min_p")  # flags that have no part in what is likeliest


@dataclass
class SamplingArguments:
    """How tokens are chosen, as in GenerationConfig. The defaults sample from the model as it is."""

    max_new_tokens: int = field(default=40, metadata={"help": "New tokens at most; with the prompt, the context."})
    min_new_tokens: int = field(default=0, metadata={"help": "New tokens before the text may end."})
    do_sample: bool = field(default=True, metadata={"help": "Sample; `false` takes the likeliest token each time."})
    temperature: float = field(default=1.0, metadata={"help": "Below 1, likely tokens are taken more often."})
    top_k: int = field(default=0, metadata={"help": "Sample from the k likeliest tokens; 0: from all."})
    top_p: float = field(default=1.0, metadata={"help": "Sample from the likeliest tokens that have this share."})
    min_p: float = field(default=0.0, metadata={"help": "Leave out tokens below this share of the likeliest one."})
    repetition_penalty: float = field(default=1.0, metadata={"help": "Above 1, tokens that were there are rarer."})
    num_beams: int = field(default=1, metadata={"help": "Beams of beam search."})
    num_return_sequences: int = field(default=1, metadata={"help": "Texts for each prompt."})
    seed: int = field(default=0, metadata={"help": "Of the sampling."})

    def __post_init__(self):
        at_least(self, max_new_tokens=1, min_new_tokens=0, top_k=0, num_beams=1, num_return_sequences=1, seed=0)
        if not (0 < self.temperature < math.inf and 0 < self.repetition_penalty < math.inf):
            raise ValueError("--temperature and --repetition_penalty must be above 0; --do_sample false is the limit")
        if not (0 < self.top_p <= 1 and 0 <= self.min_p <= 1):
            raise ValueError(f"--top_p {self.top_p} --min_p {self.min_p}: shares lie between 0 and 1, top_p above 0")
        if self.num_return_sequences > self.num_beams and (self.num_beams > 1 or not self.do_sample):
            raise ValueError(
                f"--num_return_sequences {self.num_return_sequences}: more than --num_beams {self.num_beams}, and "
                "each beam gives one text; sampling without beams gives any number"
            )

    def say_unused(self) -> None:
        """Say of each flag that was given and has no effect beside the others why."""
        if not self.do_sample:
            without_effect(self.given, dict.fromkeys((*OF_SAMPLING, "seed"), "with --do_sample false"))

    def seed_batch(self, number: int) -> None:
        """Give a batch random numbers of its own, so that they are the same after an interruption."""
        import numpy as np
        from transformers import set_seed

        set_seed(int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0]))

    def settings(self) -> dict:
        """Arguments of GenerationConfig; those of sampling only where there is any, or it warns."""
        values = {name: value for name, value in asdict(self).items() if name != "seed"}
        sampling = {name: values.pop(name) for name in OF_SAMPLING}
        return values | {name: value for name, value in sampling.items() if self.do_sample}


def read_prompts(args: Prompts) -> list[str]:
    """The prompts, one for each line; SystemExit where they cannot be read or there are none."""
    if args.prompts is None:
        return [as_text(args.prompt, "--prompt")]
    if args.prompt:
        raise SystemExit("give one of --prompt and --prompts")
    return read_lines(args.prompts, "--prompts", "prompt")


def as_text(given: str, flag: str) -> str:
    """What a flag was given; SystemExit where it is no text."""
    try:
        given.encode()
    except UnicodeEncodeError as error:  # bytes of the command line that are no UTF-8
        raise SystemExit(f"{flag}: is not UTF-8 ({error.reason}, character {error.start + 1})") from error
    return given


def read_lines(path: str, flag: str, what: str) -> list[str]:
    """The lines of a file, or of stdin for `-`; SystemExit where it cannot be read or has none."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{flag} {path}: {error}") from error
    if not text:
        raise SystemExit(f"{flag} {path}: no {what} in it; one stands on each line")
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")
