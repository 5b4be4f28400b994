#!/usr/bin/env bash
# Particles further and further from equilibrium: does the arrow grow with the heat that they give off?
#
#   bash experiments/heat.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/heat.sh      # 12 layers, 20 times the lines
#
# Eight minutes on one core. Writes data/heat-*, runs/PREFIX-*, scores/PREFIX-* and results/heat*; run again, it goes
# on where it stopped. Its figure shows beside it what quick_heat.sh found.
source "$(dirname "$0")/sources.sh" heat "$@"
source experiments/strengths.sh

if [[ -n ${FULL:-} ]]; then
  lines=320000
else
  lines=16000
  settings+=("${smaller[@]}")
fi
for row in driven-{0,4} ratchet-8 irreversible-1 relaxing-{1,8}; do
  made heat "$row" "$lines"
  row "$row" "$prefix-$row" "1 2 3" "heat-$row-$lines" --context 17
done | at_once
finish
