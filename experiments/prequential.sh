#!/usr/bin/env bash
# How much text does it take to see an arrow: code lengths of the training text, read once, beside held-out losses.
#
#   bash experiments/prequential.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# A minute on 2 cores after languages.sh, of whose runs it is. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/prequential*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" prequential "$@"

and_then() {
  local seed folders=()
  for seed in $3; do folders+=("runs/$2-seed$seed"); done
  python compute_aot.py --prequential "${folders[@]}" --output_dir "scores/$1-read_once"
}
export -f and_then

for language in fr:French en:English de:German; do
  of="${language#*:}"
  row "$of" "${prefix/#prequential/languages}-$of" "$seeds" "${language%:*}" "$tokens" "$context" "$windows" "$megabytes"
done | at_once
finish
