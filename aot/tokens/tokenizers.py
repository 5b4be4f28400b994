"""The tokenizers of data folders: how they are made, saved, loaded, told apart by a hash, and used on documents."""

import hashlib
import json
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, GPT2Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from aot.base.files import check_hash
from aot.base.folders import check_finished
from aot.base.remote import cause_of
from aot.tokens.data_folder import read_meta
from aot.tokens.windows import EOS, EOS_ID

# Files of a tokenizer, whoever made it.
TOKENIZER_FILES = ("tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.jinja")
UNK = "<|unk|>"  # a character that the train part of a character-level data set does not have
# Of a symmetric BPE: each side of a space has one, where the space stands between two words. Unicode keeps this
# character out of all text ("noncharacter"), and has U+FFFD for one that is there all the same.
MARK = "\ufdd0"
CHUNKS = rf"{MARK}?[\p{{L}}\p{{M}}]+{MARK}?|{MARK}?\p{{N}}+{MARK}?|{MARK}?[^\s\p{{L}}\p{{M}}\p{{N}}{MARK}]+{MARK}?|\s+"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]  # for characters that the vocabulary has not


def train_bpe(texts: Iterable[str], vocab_size: int) -> GPT2Tokenizer:
    """Byte-level BPE tokenizer of GPT-2's kind, trained on `texts`; a small text gives fewer than `vocab_size` ids."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=sys.stderr.isatty(),
    )
    backend.train_from_iterator(texts, trainer)
    merges = json.loads(backend.to_str())["model"]["merges"]
    return gpt2_tokenizer(backend.get_vocab(), [tuple(merge) for merge in merges])


def train_symmetric_bpe(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """BPE of characters that treats both ends of a word alike, trained on `texts`.

    That of GPT-2 joins a space to the word after it, and may cut a character into bytes, which have an order of their
    own. Here a space between two words is told by a mark at the end of one and at the start of the other, merges stay
    inside runs of letters, of digits, of signs and of other white space, and a rare character is bytes that no merge
    joins. Trained on reversed text it gives the reversed tokens, but for ties: equal counts, and runs of one token,
    which merge from the left.
    """
    backend = symmetric(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(BYTES),
        special_tokens=[EOS],
        limit_alphabet=(vocab_size - len(BYTES)) // 2,
        show_progress=sys.stderr.isatty(),
    )
    backend.train_from_iterator(texts, trainer)
    merges = json.loads(backend.to_str())["model"]["merges"]
    _, *learned = sorted(backend.get_vocab(), key=backend.token_to_id)
    vocab = {token: index for index, token in enumerate([EOS, *BYTES, *learned])}
    model = models.BPE(vocab, [tuple(merge) for merge in merges], byte_fallback=True)
    return general_tokenizer(symmetric(model), EOS)


def symmetric(model: models.BPE) -> Tokenizer:
    """A tokenizer with this model on what a symmetric BPE sees of a text."""
    backend = Tokenizer(model)
    marked = normalizers.Replace(Regex(r"(?<=\S) (?=\S)"), 2 * MARK)
    backend.normalizer = normalizers.Sequence([normalizers.Replace(MARK, "\ufffd"), marked])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(CHUNKS), "isolated")
    spaces = [decoders.Replace(mark, " ") for mark in (2 * MARK, MARK)]  # of a part of a text, one mark may be left
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), *spaces])
    return backend


def byte_tokenizer() -> GPT2Tokenizer:
    """Byte-level BPE tokenizer without merges: byte b is id b + 1."""
    return gpt2_tokenizer({EOS: EOS_ID, **{each: byte + 1 for byte, each in enumerate(byte_alphabet())}}, [])


def byte_alphabet() -> list[str]:
    """What byte-level BPE writes for each byte: a printable Latin-1 one stands for itself, the n-th other one is
    chr(256 + n)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    printable = {ord(character) for character in alphabet if ord(character) < 256}
    others = dict(zip(sorted(set(range(256)) - printable), alphabet[len(printable) :], strict=True))
    return [others.get(byte, chr(byte)) for byte in range(256)]


def gpt2_tokenizer(vocab: dict[str, int], merges: list[tuple[str, str]]) -> GPT2Tokenizer:
    """Byte-level BPE tokenizer whose only special token is EOS."""
    special = {"bos_token": EOS, "eos_token": EOS, "unk_token": EOS}
    return GPT2Tokenizer(vocab=vocab, merges=merges, clean_up_tokenization_spaces=False, **special)


def char_tokenizer(alphabet: Iterable[str]) -> PreTrainedTokenizerFast:
    """One id per character, in the order of `alphabet` after EOS and the id of all other characters."""
    vocab = {token: index for index, token in enumerate([EOS, UNK, *alphabet])}
    # BPE without merges splits into characters, 6 times as fast as a regular expression and WordLevel would.
    backend = Tokenizer(models.BPE(vocab, [], unk_token=UNK))
    backend.decoder = decoders.Fuse()
    return general_tokenizer(backend, UNK)


def general_tokenizer(backend: Tokenizer, unk: str) -> PreTrainedTokenizerFast:
    """A tokenizer that is of no kind which transformers knows by name."""
    special = {"bos_token": EOS, "eos_token": EOS, "unk_token": unk}
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **special)


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """`save_pretrained`, such that transformers 4 loads it too: there the general class has its older name."""
    tokenizer.save_pretrained(folder)
    config = Path(folder, "tokenizer_config.json")
    content = config.read_text(encoding="utf-8").replace('"TokenizersBackend"', '"PreTrainedTokenizerFast"')
    config.write_text(content, encoding="utf-8")


def saved_tokenizer(path: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Tokenizer of a folder or Hub id; SystemExit where there is none: transformers makes up an empty one."""
    check_finished(Path(path))
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
    except Exception as error:  # what a damaged file raises, comes out of Rust
        raise SystemExit(f"{path}: no tokenizer there: {' '.join(cause_of(error, path, revision).split())}") from error
    if len(tokenizer) < 2:
        raise SystemExit(f"{path}: no tokenizer there; save one there")
    return tokenizer


def load_tokenizer(path_or_id: str | Path) -> PreTrainedTokenizerBase:
    """Tokenizer of a folder or Hub id, with EOS for BOS where it has none; ValueError where it has no EOS, too."""
    check_tokenizer(Path(path_or_id))
    tokenizer = saved_tokenizer(str(path_or_id))
    if not tokenizer.is_fast:
        raise ValueError(f"{path_or_id}: its tokenizer has no tokenizer.json; save it as one of the kind Fast")
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"{path_or_id}: its tokenizer has no end-of-text token, which stands after each document; name one in "
            'its tokenizer_config.json as "eos_token", or leave out --tokenizer, and one is trained'
        )
    if tokenizer.bos_token_id is None:  # as Qwen's
        tokenizer.bos_token = tokenizer.eos_token
    tokenizer.pad_token = None  # no window is padded, and a model would not learn what its configuration calls padding
    return tokenizer


def vocabulary_size(tokenizer: PreTrainedTokenizerBase) -> int:
    """How many ids a model of it has, with those of added tokens and the numbers that some tokenizers leave out."""
    return max(len(tokenizer), 1 + max(tokenizer.get_vocab().values()))


def check_tokenizer(folder: Path) -> None:
    """SystemExit where a data folder has other tokenizer files than when it was made; others may have any."""
    files = read_meta(folder).get("tokenizer_files", {}) if (folder / "meta.json").is_file() else {}
    for name, sha256 in files.items():
        check_hash(folder / name, sha256, f"delete {folder} and make it again")


def data_tokenizer(folder: str, **settings) -> PreTrainedTokenizerBase:
    """The tokenizer of a data folder; SystemExit where it is not the one with which the streams were made."""
    check_tokenizer(Path(folder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **settings)
    except Exception as error:  # what a damaged file raises, comes out of Rust
        cause = " ".join(str(error).split())
        raise SystemExit(f"{folder}: its tokenizer cannot be read ({cause}); make the folder again") from error
    if tokenizer_sha256(tokenizer) != read_meta(folder)["tokenizer_sha256"]:
        raise SystemExit(f"{folder}: its tokenizer is not the one that made its streams; make the folder again")
    return tokenizer


def checkpoint_tokenizer(path: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Tokenizer of a checkpoint; one that marks only the beginning or the end of a text does both with that token.

    SystemExit when there is none.
    """
    tokenizer = saved_tokenizer(path, revision)
    marks = {"BOS": tokenizer.bos_token, "EOS": tokenizer.eos_token}
    mark = next(filter(None, marks.values()), None)
    if mark is None:
        raise SystemExit(f"{path}: no tokenizer there that marks where a text begins or ends; save one there")
    if missing := [name for name, token in marks.items() if token is None]:
        print(f"{path}: its tokenizer has no {missing[0]} token; {mark} stands for it", file=sys.stderr)
        tokenizer.bos_token = tokenizer.eos_token = mark
    return tokenizer


def pair_tokenizers(
    paths: Iterable[str], revision: str | None = None, comparable: bool = True
) -> dict[str, PreTrainedTokenizerBase]:
    """Tokenizer of each checkpoint by path; SystemExit where token losses have to be `comparable` and these differ."""
    tokenizers = {path: checkpoint_tokenizer(path, revision) for path in paths}
    kinds = {(tokenizer_sha256(each), each.eos_token_id) for each in tokenizers.values()}
    if comparable and len(kinds) > 1:
        raise SystemExit(
            f"{', '.join(tokenizers)}: their tokenizers differ, so tokens do not compare; "
            "compute_aot.py --by_text compares texts"
        )
    return tokenizers


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of what a tokenizer does to text, the same wherever it was saved; truncation and padding do not count."""
    state = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def take_all_as_text(tokenizer: Tokenizer) -> None:
    """No special tokens in text, no truncation, no padding; what is so already is not touched, threads may use it."""
    if not tokenizer.encode_special_tokens:
        tokenizer.encode_special_tokens = True
    if tokenizer.truncation:  # what `tokenizer(text, truncation=True)` set is saved with a tokenizer
        tokenizer.no_truncation()
    if tokenizer.padding:
        tokenizer.no_padding()


def encode(documents: list[str] | list[bytes], tokenizer: Tokenizer, eos_id: int) -> np.ndarray:
    """Ids [n] uint32 of `documents`, `eos_id` after each; `tokenizer` is a backend, bytes need the byte-level one.

    Text that reads `<|endoftext|>` is encoded as any other text, so `eos_id` marks ends of documents and nothing else.
    ValueError where the tokenizer has no ids for a text, or `eos_id` for a part of it.
    """
    if documents and isinstance(documents[0], bytes):
        rows = [np.frombuffer(document, np.uint8).astype(np.uint32) + 1 for document in documents]
    else:
        take_all_as_text(tokenizer)
        try:
            encodings = tokenizer.encode_batch_fast(documents, add_special_tokens=False)
        except Exception as error:  # tokenizers, written in Rust, has no class of error of its own
            raise ValueError(f"the tokenizer cannot encode this text: {error}") from error
        rows = [array("I", encoding.ids) for encoding in encodings]  # numpy takes an array twice as fast as a list
    ids = np.empty(sum(map(len, rows)) + len(rows), np.uint32)
    end = 0
    for row in rows:
        begin, end = end, end + len(row) + 1
        ids[begin : end - 1], ids[end - 1] = row, eos_id
    if np.count_nonzero(ids == eos_id) > len(rows):
        inside = next(document for document, row in zip(documents, rows, strict=True) if eos_id in row)
        raise ValueError(
            f"the tokenizer has its end-of-text token, id {eos_id}, for a part of the text {inside[:60]!r}, where no "
            "document ends; use another tokenizer"
        )
    return ids
