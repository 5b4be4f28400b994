"""∂ of French novels by size of the model, in the same steps on the same tokens: does it grow, and from which sign?

    bash experiments/gpu/prepare.sh 5          # at home; then bring data/gpu-5.tar.xz along
    python experiments/gpu/5_sizes.py OUT --results results/gpu --minutes 9.5 [--tiny]

From 3 layers × 48 (1 million parameters, most of them embeddings) to 8 × 512 (34 million); the pairs of 12 × 768 are
those of French in 3_languages.py, which merge.py adds to the table. Each size has its learning rate (campaign.py), one
rate for all would favour some. Seeds of all sizes come in turns. Estimates for an H100: 10 to 25 s of steps, in which
the small ones wait for their kernels to be started, and 30 to 50 s else for a direction; so four or five sizes once in
one booking, and four bookings for all.
"""

from campaign import Cell, main

SIZES = ("nano", "mini", "8x512", "micro", "8x320")  # the ends and the middle first, in case time ends
CELLS = [Cell(f"French-{size}", seed, "gpu-fr", size) for seed in (1, 2, 3) for size in SIZES]


if __name__ == "__main__":
    main(__doc__, __file__, "sizes_gpu", CELLS)
