"""∂ of novels in six more languages, of pairs of 8 layers × 512: is the sign one of languages, or of a few?

    bash experiments/gpu/prepare.sh 7          # at home; then bring data/gpu-7.tar.xz
    python experiments/gpu/7_more_languages.py OUT --results results/gpu --minutes 9.5 [--tiny]

34 million parameters, 13.5 million tokens (about four readings of a text), one seed of all languages, then the
second, then the third. A language whose folder is not there is a row that says so. Estimates for an H100: 13 s of
steps and 30 to 50 s else for a direction; so four to six languages once in one booking, and four bookings for all.
"""

from campaign import Cell, main

LANGUAGES = {"fi": "Finnish", "ru": "Russian", "pl": "Polish", "es": "Spanish", "it": "Italian", "pt": "Portuguese"}
CELLS = [
    Cell(f"{name}-8x512", seed, f"gpu-{code}", "8x512", steps=550)
    for seed in (1, 2, 3)
    for code, name in LANGUAGES.items()
]


if __name__ == "__main__":
    main(__doc__, __file__, "languages_gpu", CELLS)
