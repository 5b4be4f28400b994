"""The names of rows and learners as people say them: the row `de-tokens_bpe` is shown as German, tokens BPE."""

import re

NAMES = {
    # rows
    "before": "before the update",
    "after-lower": "after, new ones below the diagonal",
    "after-upper": "after, new ones above the diagonal",
    # parts of a row
    **{"base": "the recipe itself", "amount_10MB": "10 MB of text", "amount_2.5MB": "2.5 MB of text"},
    **{"architecture_tied": "tied embeddings"},
    **{"gpt2_adamw": "GPT-2 with AdamW", "gpt2_dropout": "GPT-2 with dropout", "after": "after other books"},
    **{"next_written": "next, among written texts", "next_elsewhere": "next, among others of the book"},
    **{"middle_written": "middle, among written texts", "middle_elsewhere": "middle, among others of the book"},
    **{f"k{ones}": f"{ones} extra ones" for ones in (0, 5, 10, 15)},
    # words of a part
    **{"ar": "Arabic", "cs": "Czech", "de": "German", "el": "Greek", "en": "English", "es": "Spanish"},
    **{"fi": "Finnish", "fr": "French", "he": "Hebrew", "hu": "Hungarian", "id": "Indonesian", "it": "Italian"},
    **{"pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "tl": "Tagalog", "tr": "Turkish"},
    **{"vi": "Vietnamese", "wiki": "Wikipedia", "bible": "Bible", "python": "Python"},
    **{"gpt2": "GPT-2", "gru": "GRU", "llama": "Llama", "lstm": "LSTM", "mamba2": "Mamba 2"},
    **{"bpe": "BPE", "adamw": "AdamW", "rate": "learning rate"},
    **{"binary": "machine code", "code": "source code", "dna": "genome", "whole": "whole files"},
    **{"phases": "random phases", "animals": "animal calls", "machines": "machine noise"},
    **{"iid": "independent tokens", "reversible": "reversible chain", "irreversible": "irreversible chain"},
    **{"cause": "cause, then effect", "effect_first": "effect, then cause", "table": "other causes and effects"},
    **{"confounded": "two effects of a hidden cause", "one_parent": "cause that only renames"},
    **{"driven": "driven ring", "ratchet": "flashing ratchet", "relaxing": "spreading from a point"},
    **{"linear": "linear language", "least": "least significant digit first", "most": "most significant digit first"},
}


def readable(row: str) -> str:
    """The name of a row: codes as words, its parts with commas between them."""
    parts = re.split(r"(?<!\de)-", row)  # 2e-3 is one number
    named = (NAMES.get(part) or " ".join(NAMES.get(word, word) for word in part.split("_")) for part in parts)
    return NAMES.get(row) or ", ".join(named)


def learner(name: str) -> str:
    """The name of a learner without training: how long its contexts are, and what else it has."""
    longest, *more = name.split("+")
    return ", ".join((f"contexts up to {longest}", *more))
