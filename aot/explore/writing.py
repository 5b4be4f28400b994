"""What the models of pairs write: what came before a prompt, and what comes next."""

from threading import Lock

from transformers import set_seed

from aot.base.progress import quietly
from aot.explore.offered import Pair, open_pairs, together
from aot.explore.reading import WORK
from aot.explore.texts import clean
from aot.measure.generation import continue_prompts, encode_prompt
from aot.tokens.windows import DIRECTIONS

MOST_CHARACTERS = 2_000  # of a prompt
RANGES = {  # of what a visitor may set
    "new tokens": (1, 200),
    "temperature": (0.1, 2),
    "top k": (0, 200),
    "texts": (1, 8),
    "seed": (0, 2**32 - 1),
}
SAMPLING = Lock()  # the random numbers of torch are one stream for all threads


def write(
    pairs: list[str], prompt: str, new: int, temperature: float, top_k: int, texts: int, seed: int | None
) -> dict:
    """Several texts of `new` tokens on each side of a prompt, pair by pair; the same again for the same seed.

    ValueError in one line where a setting is out of its range, or the prompt too long.
    """
    seed = seed or 0
    for (name, (low, high)), value in zip(RANGES.items(), (new, temperature, top_k, texts, seed), strict=True):
        if not low <= value <= high:
            raise ValueError(f"{name}: {value:g} is not between {low:g} and {high:g}.")
    prompt = clean(prompt)
    if len(prompt) > MOST_CHARACTERS:
        raise ValueError(f"The prompt has {len(prompt):,} characters, and this page takes {MOST_CHARACTERS:,}.")
    opened = open_pairs(pairs)
    work = int(new) * int(texts) * together(opened)
    if work > WORK:
        raise ValueError(
            f"{new:g} tokens in {texts:g} texts by models this large take too long for this page: ask for fewer."
        )
    settings = {"max_new_tokens": int(new), "temperature": float(temperature), "top_k": int(top_k)}
    settings |= {"do_sample": True, "num_return_sequences": int(texts)}
    with quietly():
        return {"results": [texts_of(pair, prompt, int(seed), settings) for pair in opened]}


def texts_of(pair: Pair, prompt: str, seed: int, settings: dict) -> dict:
    """What both models of a pair write."""
    written = {}
    for direction, model in pair.models.items():
        ids = encode_prompt(prompt, pair.tokenizer, direction, settings["max_new_tokens"], pair.context)
        with SAMPLING:
            set_seed(seed)
            results = continue_prompts(model, pair.tokenizer, direction, [ids], **settings)
        written[direction] = [each["text"] for each in results]
    return {"name": pair.name, "prompt": prompt, **{direction: written[direction] for direction in DIRECTIONS}}
