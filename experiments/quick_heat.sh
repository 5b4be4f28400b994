#!/usr/bin/env bash
# Quick ∂ of particles further and further from equilibrium.
#
#   bash experiments/quick_heat.sh [more flags of compute_aot.py ...]
#
# Two minutes on one core. Writes data/heat-*, scores/quick_heat-* and results/quick_heat*.
source "$(dirname "$0")/quick.sh" quick_heat "$@"
source experiments/strengths.sh

for row in driven-{0,1,4} ratchet-8 irreversible-{1,2,3} relaxing-{1,2,4,8}; do
  made heat "$row" 16000
  read_once "$row" --data "data/heat-$row-16000" --split train --null false --learners 2 12
done
finish
