"""∂ of French novels of one pair of GPT2-Medium, the model of the paper, with a thousandth of its tokens.

    bash experiments/gpu/prepare.sh 8          # at home; then bring data/gpu-8.tar.xz along
    python experiments/gpu/8_medium.py OUT --results results/gpu --minutes 9.5 [--tiny]

24 layers × 1024, 319 million parameters, steps and tokens of 3_languages.py. Estimates for an H100: 2.0 GFLOP a token,
which at 40 to 50 % of the rate of a large matrix product are 135 to 170 s of steps, and 50 s else, for a direction: so
both in one booking, and it begins only if both can be done. The checkpoints stay there.
"""

from campaign import Cell, main

CELLS = [Cell("French-medium", seed, "gpu-fr", "medium") for seed in (1, 2)]


if __name__ == "__main__":
    main(__doc__, __file__, "languages_gpu", CELLS)
