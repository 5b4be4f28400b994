"""The peer of run_clm_reverse.py for bench.py: a plain Trainer, as in the example run_clm of transformers.

    python -m experiments.run_clm --config_name MODEL --data FOLDER --output_dir RUN --max_steps 100 [--reverse]

Trains one model on windows that have been tokenized, evaluates it once and saves it. Uses nothing of this project.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    HfArgumentParser,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
    default_data_collator,
    set_seed,
)

SPLITS = ("train", "validation")


@dataclass
class DataArguments:
    config_name: str = field(metadata={"help": "Folder with the config.json of the model."})
    data: str = field(metadata={"help": "Folder with train.bin and validation.bin, uint16."})
    reverse: bool = field(default=False, metadata={"help": "Reverse each window."})


def windows(stream: Path, context: int) -> np.ndarray:
    """Token ids [N, T] of a stream in uint16, without what is left at its end."""
    ids = np.fromfile(stream, np.uint16)
    return ids[: len(ids) // context * context].reshape(-1, context)


def rows(windows: np.ndarray) -> list[dict]:
    """A data set of `windows` [N, T]: a list, which is quicker to read than the Arrow table of run_clm."""
    return [{"input_ids": window, "labels": window} for window in windows.astype(int).tolist()]


def trainer_of(model: PreTrainedModel, arguments: TrainingArguments, windows: np.ndarray, **more) -> Trainer:
    """The Trainer of a model on `windows` [N, T], with the loss that the model itself takes of them."""
    return Trainer(model, arguments, default_data_collator, rows(windows), **more)


def main() -> None:
    data, arguments = HfArgumentParser((DataArguments, TrainingArguments)).parse_args_into_dataclasses()
    set_seed(arguments.seed)
    config = AutoConfig.from_pretrained(data.config_name)
    train, held_out = (windows(Path(data.data, f"{split}.bin"), config.n_positions) for split in SPLITS)
    if data.reverse:
        train, held_out = train[:, ::-1], held_out[:, ::-1]
    trainer = trainer_of(AutoModelForCausalLM.from_config(config), arguments, train, eval_dataset=rows(held_out))
    trainer.train()
    print(trainer.evaluate())
    trainer.save_model()


if __name__ == "__main__":
    main()
