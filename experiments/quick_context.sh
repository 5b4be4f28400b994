#!/usr/bin/env bash
# Quick ∂ by context: contexts of at most 1 to 32 characters in French, English and German, and what chance alone gives.
#
#   bash experiments/quick_context.sh [FOLDER] [more flags of compute_aot.py ...]
#
# Five minutes on 2 cores. Texts are those of experiments/quick.sh. Writes scores/quick_context-* and
# results/quick_context*; run again, it goes on where it stopped.
source "$(dirname "$0")/quick.sh" quick_context "$@"

while read -r row file books; do
  [[ $books != - ]] && clusters=(--clusters "$books") || clusters=()
  read_once "$row" --text "$file" "${clusters[@]}" --max_symbols 6000000 --learners 1 2 3 4 6 8 12 16 24 32
done < <(texts fr en de)
wait "$!"  # for texts: did it fail?
finish
