#!/usr/bin/env bash
# Quick ∂ of sources with known answers: 0 for iid, reversible and irreversible chains, exactly 0 for palindromes; and
# linear languages over F₂, whose rule is not in contexts of a few symbols.
#
#   bash experiments/quick_controls.sh [more flags of compute_aot.py ...]
#
# A minute on 2 cores. Writes data/controls-*, data/linear-*, scores/quick_controls-* and results/quick_controls*.
source "$(dirname "$0")/quick.sh" quick_controls "$@"

made() { flock "data/$1.lock" python make_synthetic.py --name "$@" >&2; }
tokens=(--split train --learners 1 2 6 12 12+match+adjust)
for source in iid reversible irreversible palindromes; do
  made "controls-$source-20000" --source "$source" --train_lines 20000 --validation_lines 1000
  read_once "$source" --data "data/controls-$source-20000" "${tokens[@]}"
done
for seed in 1 2 3; do  # other chains than that of seed 0
  made "controls-irreversible-20000-seed$seed" --source irreversible --train_lines 20000 --validation_lines 1000 --seed "$seed"
  read_once "irreversible-$seed" --data "data/controls-irreversible-20000-seed$seed" "${tokens[@]}"
done
for ones in 0 5 10 15; do
  made "linear-m16-k$ones" --bits 16 --ones "$ones" --seed 2 --train_lines 48000 --validation_lines 500
  read_once "linear-k$ones" --data "data/linear-m16-k$ones" "${tokens[@]}"
done
finish
