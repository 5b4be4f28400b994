#!/usr/bin/env bash
# Sources without an arrow: what is ∂ where it should be 0?
#
#   bash experiments/controls.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/controls.sh      # 12 layers, 20 times the lines
#
# About 15 minutes on 2 cores. Writes data/controls-*, runs/PREFIX-*, scores/PREFIX-* and results/controls*; run again, it
# goes on where it stopped.
source "$(dirname "$0")/sources.sh" controls "$@"

if [[ -n ${FULL:-} ]]; then
  lines=200000
else
  lines=20000
fi
for source in iid reversible irreversible palindromes; do
  data "controls-$source-$lines" make_synthetic.py --source "$source" --train_lines "$lines" --validation_lines 1000
  row "$source" "$prefix-$source" "1 2 3" "controls-$source-$lines" --context 33
done | at_once
finish
