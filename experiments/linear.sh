#!/usr/bin/env bash
# Loss against the ones in the matrix of a linear language, and against steps: from what number on backward stays behind.
#
#   bash experiments/linear.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/linear.sh      # 25 bits, noise of 1 %, 12 layers, as in the paper
#
# Less than half an hour on 2 cores. Writes data/linear-*, runs/PREFIX-*, scores/PREFIX-* and results/linear*; run again, it
# goes on where it stopped.
source "$(dirname "$0")/sources.sh" linear "$@"

if [[ -n ${FULL:-} ]]; then
  bits=25 all_ones="0 4 8 10 14 20 24" seeds=1 lines=(--noise 0.01 --train_lines 800000)
else
  bits=16 all_ones="0 5 10 15" seeds="1 2 3" lines=(--train_lines 48000 --validation_lines 500)
fi
for ones in $all_ones; do
  data "linear-m$bits-k$ones" make_synthetic.py --bits "$bits" --ones "$ones" --seed 2 "${lines[@]}"
  row "k$ones" "$prefix-k$ones" "$seeds" "linear-m$bits-k$ones" --context $((2 * bits + 2))
done | at_once
finish
