#!/usr/bin/env bash
# The quick ∂ beside that of trained pairs, on the same held-out chapters of novels in 13 languages.
#
#   bash experiments/quick_pairs.sh [more flags of compute_aot.py ...]
#
# Ten minutes on 2 cores. The pairs are those of experiments/languages.sh, from results/languages.csv. The learners read
# the held-out chapters alone, and after about as much of the other books as the pairs were trained on. Writes
# data/books-*, scores/quick_pairs-*, results/quick_pairs* and results/quick_pairs_beside.csv; run again, it goes on where
# it stopped.
source "$(dirname "$0")/books.sh" quick_pairs
source "$(dirname "$0")/quick.sh" quick_pairs "$@"

for language in $languages; do
  row=${language#*:}
  how=(--data "data/$(folder_of "${language%:*}" "$tokens")" --level char --no_null --learners 6 12+words+match+adjust)
  read_once "$row" "${how[@]}"
  read_once "$row-after" "${how[@]}" --after train --max_symbols 2500000
done
finish
python -m experiments.quick_pairs
