#!/usr/bin/env bash
# A word, and the word that it causes: does the arrow point from causes to effects?
#
#   bash experiments/causes.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/causes.sh      # 12 layers, 20 times the lines
#
# Seven minutes on one core. Writes data/causes-*, runs/PREFIX-*, scores/PREFIX-* and results/causes*; run again, it goes
# on where it stopped. Its figure shows beside it what quick_causes.sh found.
source "$(dirname "$0")/sources.sh" causes "$@"
source experiments/strengths.sh

if [[ -n ${FULL:-} ]]; then
  lines=320000
else
  lines=16000
  settings+=("${smaller[@]}")
fi
for row in cause-{0.1,0.3,0.6} confounded-0.1 one_parent-0.1 effect_first-0.1; do
  made causes "$row" "$lines"
  row "$row" "$prefix-$row" "1 2 3" "causes-$row-$lines" --context 11
done | at_once
finish
