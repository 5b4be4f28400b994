#!/usr/bin/env bash
# How much text does it take to see an arrow: code lengths of the training text, read once, beside held-out losses.
#
#   bash experiments/prequential.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# A minute on 2 cores after languages.sh, of whose runs it is. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/prequential*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" prequential "$@"

and_then() { code_lengths "$@"; }
export -f and_then

for language in fr:French en:English de:German; do
  of="${language#*:}"
  row "$of" "${prefix/#prequential/languages}-$of" "$seeds" "${language%:*}" "${usual[@]}"
done | at_once
finish
