"""∂ of novels in French, English and German, of pairs of 12 layers × 768: is its sign that of the paper at this scale?

    bash experiments/gpu/prepare.sh 3          # at home; then bring data/gpu-3.tar.xz along
    python experiments/gpu/3_languages.py OUT --results results/gpu --minutes 9.5 [--tiny]

98 million parameters, 27 million tokens (three readings of 9 million), three seeds: first all of French, then of
English, then of German. An H100 takes 76 to 111 s for a direction, 68 of them for the steps: two or three seeds in one
booking, and four bookings for all.
"""

from campaign import Cell, main

LANGUAGES = {"fr": "French", "en": "English", "de": "German"}
CELLS = [Cell(name, seed, f"gpu-{code}") for code, name in LANGUAGES.items() for seed in (1, 2, 3)]


if __name__ == "__main__":
    main(__doc__, __file__, "languages_gpu", CELLS)
