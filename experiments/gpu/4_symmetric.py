"""The same as 3_languages.py, with tokens that have no direction: is its ∂ that of the text, or that of its tokens?

    bash experiments/gpu/prepare.sh 4          # at home; then bring data/gpu-4.tar.xz along
    python experiments/gpu/4_symmetric.py OUT --results results/gpu --minutes 9.5 [--tiny]

Books, steps and seeds are those of 3_languages.py, and so is the time it takes, but for 3 to 5 percent more tokens in
a text. The pre-tokenizer of GPT-2 joins a space to the word after it; `--level symmetric_bpe` treats both ends alike.
"""

from campaign import Cell, main

LANGUAGES = {"fr": "French", "en": "English", "de": "German"}
CELLS = [
    Cell(f"{name}-symmetric_bpe", seed, f"gpu-{code}-symmetric_bpe")
    for code, name in LANGUAGES.items()
    for seed in (1, 2, 3)
]


if __name__ == "__main__":
    main(__doc__, __file__, "languages_gpu", CELLS)
