"""∂ of French novels by context, with as many tokens in each step and in all: does it grow with what can be read?

    bash experiments/gpu/prepare.sh 6          # at home; then bring data/gpu-6.tar.xz along
    python experiments/gpu/6_contexts.py OUT --results results/gpu --minutes 9.5 [--tiny]

8 layers × 512, 34 million parameters, 24,576 tokens a step: 1,536 windows of 16 tokens, or 24 of 1,024. Two seeds of
16, 64, 256 and 1,024, then of 32, 128 and 512, then a third of all. Estimates for an H100: 0.20 to 0.25 GFLOP a token,
26 s of steps and 30 to 50 s else for a direction; so three or four contexts once in one booking, and six for all.
"""

from campaign import Cell, main

TURNS = [(1, (16, 64, 256, 1024)), (2, (16, 64, 256, 1024)), (1, (32, 128, 512)), (2, (32, 128, 512))]
TURNS += [(3, (16, 64, 256, 1024)), (3, (32, 128, 512))]
CELLS = [Cell(f"French-T{each}", seed, "gpu-fr", "8x512", each) for seed, contexts in TURNS for each in contexts]


if __name__ == "__main__":
    main(__doc__, __file__, "context_gpu", CELLS)
