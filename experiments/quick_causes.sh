#!/usr/bin/env bash
# Quick ∂ of words and what they cause, against the noise, and of other tables of causes and effects.
#
#   bash experiments/quick_causes.sh [more flags of compute_aot.py ...]
#
# Four minutes on one core. Writes data/causes-*, scores/quick_causes-* and results/quick_causes*.
source "$(dirname "$0")/quick.sh" quick_causes "$@"
source experiments/strengths.sh

for row in cause-{0,0.1,0.3,0.6} confounded-{0.1,0.3} one_parent-{0.1,0.3} effect_first-0.1 table-{1,2,3,4,5}; do
  made causes "$row" 16000
  read_once "$row" --data "data/causes-$row-16000" --split train --null false --learners 2 12
done
finish
