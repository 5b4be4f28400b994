#!/usr/bin/env bash
# How much of ∂ is chance: eight pairs of one language that differ in the seed, and the A/A control between them.
#
#   bash experiments/seeds.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Half an hour or so on 2 cores, less what languages.sh has trained. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/seeds*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" seeds "$@"

for language in fr:French en:English; do
  of=${language#*:}
  row "$of" "${prefix/#seeds/languages}-$of" "1 2 3 4 5 6 7 8" "${language%:*}" "$tokens" "$context" "$windows" \
    "$megabytes"
done | at_once
finish
