"""Text from a model in the direction in which it reads: what comes after a prompt, or what came before it.

Every window of the training opens with BOS, so every prompt does, too. A backward model gets the tokens of the prompt
from the last to the first, after BOS, and what it writes is turned round again.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from rich.live import Live
from rich.text import Text
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.generation.streamers import BaseStreamer

from aot.measure.scoring import batched
from aot.tokens.tokenizers import encode
from aot.tokens.windows import orient


def encode_beside(text: str, tokenizer: PreTrainedTokenizerBase, direction: str) -> np.ndarray:
    """Token ids [n], in text order, of a text that goes on in `direction`: a space there is one between words.

    A symmetric BPE tells such a space by the tokens on both sides of it. At the end of all text it has another token.
    """
    backend, forward = tokenizer.backend_tokenizer, direction == "forward"
    ids = encode([text], backend, tokenizer.eos_token_id)[:-1].astype(np.int64)
    if len(text) > 1 and text[-1 if forward else 0] == " ":
        whole = text + "a" if forward else "a" + text  # any letter of a word
        encoding = backend.encode(whole, add_special_tokens=False)
        reach = np.array([end if forward else len(whole) - begin for begin, end in encoding.offsets])
        of_text = np.array([word != encoding.word_ids[-1 if forward else 0] for word in encoding.word_ids])
        if reach[of_text].max(initial=0) == len(text):  # else the space is told by the word alone, as in GPT-2's
            return np.array(encoding.ids, np.int64)[of_text]
    return ids


def encode_prompt(
    prompt: str, tokenizer: PreTrainedTokenizerBase, direction: str, new: int, context: int, cut: bool = False
) -> np.ndarray:
    """Token ids [n] of a prompt, in text order; of one that is too long `cut` keeps the part that the new text joins.

    ValueError where prompt and `new` tokens are more than `context`: beyond that the model has learnt nothing.
    """
    ids = encode_beside(prompt, tokenizer, direction)
    room = context - new
    if room < 0 or len(ids) > room and not cut:
        raise ValueError(
            f"a prompt of {len(ids):,} tokens and {new:,} new ones are more than the {context:,} that the {direction} "
            f"model was trained on, which leave room for {max(0, context - len(ids)):,} new ones"
        )
    return orient(orient(ids, direction)[max(0, len(ids) - room) :], direction)


def left_padded(prompts: list[np.ndarray], direction: str, bos: int) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask` [B, L] of prompts [n] in text order: BOS and prompt as the model reads them."""
    longest = 1 + max(map(len, prompts))
    inputs = {"input_ids": torch.full((len(prompts), longest), bos)}
    inputs["attention_mask"] = torch.zeros_like(inputs["input_ids"])
    for ids, mask, prompt in zip(*inputs.values(), prompts, strict=True):
        ids[longest - len(prompt) :] = torch.from_numpy(orient(prompt, direction).copy())
        mask[longest - len(prompt) - 1 :] = 1
    return inputs


def batches(model: PreTrainedModel, prompts: list[np.ndarray], size: int) -> Iterator[list[int]]:
    """Indices of prompts to continue together, at most `size`, of like length, or of equal length if need be."""
    attends = model._supports_sdpa  # a recurrent model has no attention that could leave the padding out
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for _, alike in itertools.groupby(order, key=lambda index: attends or len(prompts[index])):
        yield from batched(list(alike), size)


def write_tokens(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    direction: str,
    prompts: list[np.ndarray],
    streamer: BaseStreamer | None = None,
    **settings,
) -> list[np.ndarray]:
    """The new ids [m] of each prompt [n], both in text order; where the document ended, its end-of-text token, too.

    `settings` are those of GenerationConfig; `num_return_sequences` results of a prompt follow each other. Backward, a
    document ends at its start: what comes next in reading order is the end-of-text token of the document before it.
    """
    eos = tokenizer.eos_token_id
    inputs = left_padded(prompts, direction, tokenizer.bos_token_id)
    config = GenerationConfig(
        **settings, bos_token_id=tokenizer.bos_token_id, eos_token_id=eos, pad_token_id=eos, use_cache=True
    )
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    written = model.eval().generate(**inputs, generation_config=config, streamer=streamer).cpu().numpy()
    rows = written[:, inputs["input_ids"].shape[1] :]
    return [orient(row[: 1 + (row == eos).argmax()] if eos in row else row, direction) for row in rows]


def written_text(tokenizer: PreTrainedTokenizerBase, direction: str, prompt: np.ndarray, new: np.ndarray) -> dict:
    """The new `text` beside a prompt, its number of `tokens`, and whether the document `ended` there."""
    ended = tokenizer.eos_token_id in new
    new = new[new != tokenizer.eos_token_id]
    whole = np.concatenate([prompt, new] if direction == "forward" else [new, prompt])
    # decoded together, since some tokenizers drop a space at the start of what they decode
    whole, known = (tokenizer.decode(ids, skip_special_tokens=True) for ids in (whole, prompt))
    text = whole[len(known) :] if direction == "forward" else whole[: len(whole) - len(known)]
    return {"text": text, "tokens": len(new), "ended": ended}


def continue_prompts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    direction: str,
    prompts: list[np.ndarray],
    *streamer,
    **settings,
) -> list[dict]:
    """What `write_tokens` writes of each prompt [n], as of `written_text`."""
    written = write_tokens(model, tokenizer, direction, prompts, *streamer, **settings)
    of_each = len(written) // len(prompts)
    return [written_text(tokenizer, direction, prompts[at // of_each], new) for at, new in enumerate(written)]


class LeftwardStreamer(BaseStreamer):
    """Shows text that grows to the left: the terminal draws all of it again with each token, and clears it at the end.

    Shows nothing where the output is no terminal.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer, self.ids = tokenizer, []
        self.live = Live(transient=True)

    def put(self, value: torch.Tensor) -> None:
        """More tokens in reading order: first BOS and the prompt [1, L], then one at a time [1]."""
        self.live.start()
        self.ids += value.flatten().tolist()
        text = self.tokenizer.decode(self.ids[::-1], skip_special_tokens=True)
        self.live.update(Text(text.lstrip("�"), overflow="fold"))  # the first character may not be whole yet

    def end(self) -> None:
        """The text is finished."""
        self.live.stop()
