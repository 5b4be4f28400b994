#!/usr/bin/env bash
# Products of two primes: forward multiplies, backward factorizes; with either digit of the product first.
#
#   bash experiments/primes.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/primes.sh      # all 46 million pairs of primes of up to 5 digits, 12 layers
#
# About 20 minutes on 2 cores. Writes data/primes-*, runs/PREFIX-*, scores/PREFIX-* and results/primes*; run again, it
# goes on where it stopped.
source "$(dirname "$0")/sources.sh" primes "$@"

if [[ -n ${FULL:-} ]]; then
  digits=5 seeds=1 lines=(--train_lines 45000000 --validation_lines 100000)
else
  digits=4 seeds="1 2 3" lines=(--train_lines 100000 --validation_lines 1000)
fi
for product in least most; do
  data "primes-d$digits-$product" make_synthetic.py --source primes --digits "$digits" --product "$product" \
    --separators × = "${lines[@]}"
  row "$product" "$prefix-$product" "$seeds" "primes-d$digits-$product" --context $((4 * digits + 3))
done | at_once
finish
