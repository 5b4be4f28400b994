"""The texts of many prompts, one batch after the other; those of an interrupted run are kept."""

import itertools
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase, TextStreamer

from aot.base.cli import without_effect
from aot.base.files import read_json, sealed, unsealed, write_json, writing
from aot.base.folders import alone, differences
from aot.base.machine import provenance
from aot.base.progress import Bar
from aot.measure.generation import LeftwardStreamer, batches, continue_prompts, encode_prompt
from aot.tokens.tokenizers import checkpoint_tokenizer
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import locate_pair, pair_configs, trained_context, weights_identity


def encode_prompts(
    prompts: list[str], tokenizer: PreTrainedTokenizerBase, direction: str, context: int, new: int, cut: bool
) -> list[np.ndarray]:
    """Token ids [n] of each prompt; SystemExit that names the first one which leaves no room for `new` tokens."""
    encoded = []
    for number, prompt in enumerate(prompts, start=1):
        try:
            encoded.append(encode_prompt(prompt, tokenizer, direction, new, context, cut))
        except ValueError as error:
            raise SystemExit(f"prompt {number:,}: {error}; see --max_new_tokens and --cut_prompts") from error
    return encoded


def key_of(row: dict) -> tuple[str, int, int]:
    """Which of the texts a row is."""
    return row["direction"], row["index"], row["sample"]


def start_or_continue(output: Path, partial: Path, request: dict) -> list[dict] | None:
    """Rows that an interrupted run has written; None if it was finished; SystemExit if it had another request."""
    described = output.with_name(f"{output.name}.request.json")
    before = (read_json(described, "choose another --output") or {}).get("request")
    if output.exists() and before is None:
        raise SystemExit(f"{output}: exists, and nothing says how it was made; choose another --output")
    if before and (output.exists() or partial.exists()) and (differ := differences(before, request)):
        raise SystemExit(f"{output}: holds other texts (there / now): {'; '.join(differ)}. Choose another --output.")
    if output.exists():
        return None
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        write_json(described, {"request": request, **provenance()})
        partial.touch()
        content = partial.read_bytes()
        whole = content.rfind(b"\n") + 1  # the last line may have been cut short
        os.truncate(partial, whole)
    try:
        return [unsealed(json.loads(line)) for line in content[:whole].splitlines()]
    except (ValueError, RecursionError) as error:
        raise SystemExit(f"{partial}: is damaged ({error}); delete it and start again") from error


def write_rows(path: Path, rows: Iterable[dict], mode: str) -> None:
    """Write rows as JSON lines, on disk when this returns."""
    with writing(path), path.open(mode, encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def keep_rows(output: str, rows: Iterable[dict]) -> None:
    """Add to what an interrupted run is gone on with."""
    write_rows(Path(f"{output}.partial"), map(sealed, rows), "a")


def write_whole(output: Path, request: dict, make: Callable[[list[dict]], Iterable[dict]], unit: str) -> None:
    """Write the rows that `make` gives to `output`, whole or not at all; it gets those that were kept before."""
    partial = Path(f"{output}.partial")
    with alone(output, beside=True):
        before = start_or_continue(output, partial, request)
        if before is None:
            print(f"{output}: finished before, from the same prompts and settings")
            return
        rows = [*make(before)]
        ordered = output.with_name(f"{output.name}.ordered.partial")
        write_rows(ordered, rows, "w")
        ordered.replace(output)
        partial.unlink()
        print(f"{output}: {len(rows):,} {unit}")


def show(row: dict, heading: bool) -> None:
    """Print a prompt with the new text where it belongs."""
    if heading:
        print(f"--- {row['direction']}, prompt {row['index'] + 1}, text {row['sample'] + 1}")
    parts = row["prompt"], row["text"]
    print(*(parts if row["direction"] == "forward" else reversed(parts)), sep="")


def write_texts(
    models: dict[str, str], tokenizers: dict, prompts: list[str], encoded: dict, done: dict, which, what, how
) -> dict[tuple, dict]:
    """All rows by `key_of`, in the order of their keys: those that are `done`, and the others, batch by batch."""
    samples = range(how.num_return_sequences)
    total = len(prompts) * len(samples)
    for direction, path in models.items():
        model, tokenizer = which.load(path), tokenizers[direction]
        with Bar(total=total, unit="text", desc=direction) as bar:
            for number, batch in enumerate(batches(model, encoded[direction], what.batch_size)):
                keys = list(itertools.product([direction], batch, samples))
                if not done.keys() >= set(keys):
                    how.seed_batch(number)
                    chosen = [encoded[direction][index] for index in batch]
                    texts = continue_prompts(model, tokenizer, direction, chosen, **how.settings())
                    rows = [
                        {"direction": direction, "index": index, "sample": sample, "prompt": prompts[index], **text}
                        for (_, index, sample), text in zip(keys, texts, strict=True)
                    ]
                    done |= zip(keys, rows, strict=True)
                    if what.output:
                        keep_rows(what.output, rows)
                bar.update(len(keys))
    return {key: done[key] for key in itertools.product(models, range(len(prompts)), samples)}


def stream_texts(models: dict[str, str], tokenizers: dict, prompt: str, encoded: dict, which, how) -> None:
    """Print one text in each direction, as it grows; what grows to the left grows only on a terminal."""
    for direction, path in models.items():
        model, tokenizer = which.load(path), tokenizers[direction]
        forward = direction == "forward"
        streamer = TextStreamer(tokenizer, skip_special_tokens=True) if forward else LeftwardStreamer(tokenizer)
        if len(models) > 1:
            print(f"--- {direction}")
        how.seed_batch(0)
        try:
            (text,) = continue_prompts(model, tokenizer, direction, encoded[direction], streamer, **how.settings())
        except BaseException:  # Ctrl-C among them
            streamer.end()  # a terminal with text that grows to the left has no cursor until then
            raise
        if not forward:
            print(text["text"], prompt, sep="")


def locate_models(args, direction: str) -> dict[str, str]:
    """Path or Hub id of each model to use, by direction; SystemExit unless they are of their direction."""
    given = {name: getattr(args, name) for name in DIRECTIONS if getattr(args, name)}
    if bool(args.pair) == bool(given):
        raise SystemExit("give either --pair NAME, or one or both of --forward MODEL and --backward MODEL")
    paths = locate_pair(args.pair) if args.pair else given
    paths = {name: path for name, path in paths.items() if direction in ("both", name)}
    if not paths:
        raise SystemExit(f"--direction {direction}: needs --pair or --{direction}")
    if all(Path(each).is_dir() for each in paths.values()):
        without_effect(args.given, {"revision": "on folders of this machine"})
    return paths


def write(models: dict[str, str], prompts: list[str], which, what, how) -> None:
    """Print what the models write from the prompts, or write it to the file that `what` names, whole or not at all."""
    configs = pair_configs([models], which.revision, trusted=not which.pair, comparable=False)
    tokenizers, encoded, weights = {}, {}, {}
    for direction, path in models.items():
        config = configs[path]
        weights[direction] = weights_identity(path, config)
        tokenizers[direction] = checkpoint_tokenizer(path, which.revision)
        fitting = trained_context(config), how.max_new_tokens, what.cut_prompts
        encoded[direction] = encode_prompts(prompts, tokenizers[direction], direction, *fitting)

    one = len(prompts) == how.num_return_sequences == 1
    if not what.output:
        if one and how.num_beams == 1:
            return stream_texts(models, tokenizers, prompts[0], encoded, which, how)
        for row in write_texts(models, tokenizers, prompts, encoded, {}, which, what, how).values():
            show(row, heading=not one or len(models) > 1)
        return
    settings = {"prompts": prompts, "cut_prompts": what.cut_prompts, "batch_size": what.batch_size, **asdict(how)}

    def all_texts(before: list[dict]) -> Iterable[dict]:
        done = {key_of(row): row for row in before}
        return write_texts(models, tokenizers, prompts, encoded, done, which, what, how).values()

    write_whole(Path(what.output), {"models": models, "weights": weights, **settings}, all_texts, "texts")
