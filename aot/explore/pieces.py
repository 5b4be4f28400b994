"""What single tokens are called: pieces of characters and characters that are not seen, too, are shown readably."""

import re
import unicodedata
from functools import cache

import numpy as np
from transformers import PreTrainedTokenizerBase

from aot.tokens.tokenizers import byte_alphabet

END = "∎"  # of a document
BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # a byte of a character that the vocabulary has not
OF_ALPHABET = {character: byte for byte, character in enumerate(byte_alphabet())}
PIECE = re.compile("⟨[0-9A-F]{2}[ ⟩]")  # as it is shown
UNSEEN = {"\n": "↵", "\t": "⇥", "\r": "␍"}


class Pieces:
    """The tokens of a tokenizer, by id."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer = tokenizer
        self.text, self.shown = cache(self.text), cache(self.shown)  # tens of thousands are asked for, many alike

    def text(self, number: int) -> str:
        """A token as the text that it stands for; bytes that are no characters as ⟨E4 BD⟩."""
        if number == self.tokenizer.eos_token_id:
            return END
        token = self.tokenizer.convert_ids_to_tokens(number)
        if token is None:  # models may have more ids than their tokenizers
            return f"⟨id {number}⟩"
        text = self.tokenizer.backend_tokenizer.decode([number], skip_special_tokens=False) or token
        if "\ufffd" in text and (content := bytes_of(token)) is not None:
            text = re.sub("[\udc80-\udcff]+", in_hex, content.decode("utf-8", "surrogateescape"))
        return f" {text}" if token.startswith("▁") and text.strip() and not text.startswith(" ") else text

    def shown(self, number: int) -> str:
        """The same with signs for characters that are not seen, and ◌ below an accent without a letter."""
        text = "".join(map(visible, self.text(number)))
        return f"◌{text}" if unicodedata.category(text[0])[0] == "M" else text

    def unknown(self, ids: np.ndarray) -> float:
        """Share of the tokens [n] that stand for characters which the tokenizer does not know."""
        own = self.tokenizer.unk_token_id
        return 0.0 if own in (None, self.tokenizer.eos_token_id) else float(np.mean(ids == own))

    def cut(self, ids: np.ndarray) -> float:
        """Share of the tokens [n] that are pieces of characters, where most characters have tokens of their own."""
        if len(self.tokenizer) < 2 * len(OF_ALPHABET):
            return 0.0
        return float(np.mean([bool(PIECE.search(self.text(number))) for number in ids.tolist()]))


def bytes_of(token: str) -> bytes | None:
    """The bytes that a token stands for, None where it is none of a tokenizer that knows bytes."""
    if found := BYTE.fullmatch(token):
        return bytes.fromhex(found[1])
    return bytes(OF_ALPHABET[each] for each in token) if OF_ALPHABET.keys() >= set(token) else None


def in_hex(found: re.Match) -> str:
    """Bytes that were no characters, as surrogates, the way Python keeps them."""
    return f"⟨{' '.join(f'{ord(each) - 0xDC00:02X}' for each in found[0])}⟩"


def visible(character: str) -> str:
    """A character, or what stands for one without a shape of its own."""
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Zl", "Zp")
    return UNSEEN.get(character) or (f"⟨U+{ord(character):04X}⟩" if unseen else character)
