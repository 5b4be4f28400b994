#!/usr/bin/env bash
# Does an arrow of time emerge where all who choose the updates of a language read in one direction?
#
#   bash experiments/emergence.sh [NAME] [more flags of experiments/emergence.py ...]
#   FULL=1 bash experiments/emergence.sh      # 100 seeds, and ten larger pairs of each arm over 40 generations
#
# Took 25 minutes on one core of a busy machine, nearly all of it for nine learned pairs; the exact forms take seconds.
# Writes runs/NAME/, results/NAME.csv and, with its own NAME, tables and figures; run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
own=emergence${FULL:+_full} settings=()
name=$own
if [[ ${1:-} && $1 != -* ]]; then
  name=$1
  shift
fi
if [[ -n ${FULL:-} ]]; then
  settings=(--exact_generations 65536 --exact_seeds 100 --bits 12 --generations 40 --seeds 10 --layers 4 --width 128
    --batch 64 --first_steps 500 --steps 400 --rate 1e-3)
fi
python -m experiments.emergence --name "$name" "${settings[@]}" "$@"
if [[ $name == "$own" ]]; then
  python report.py "$name"
fi
