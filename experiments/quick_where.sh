#!/usr/bin/env bash
# Where in a text is the quick ∂? Between sentences, between words, inside words: two million characters of six languages.
#
#   bash experiments/quick_where.sh [FOLDER] [more flags of compute_aot.py ...]
#
# A minute a text on 2 cores. Texts are those of experiments/quick.sh. Writes scores/quick_where-* and
# results/quick_where*; run again, it goes on where it stopped.
source "$(dirname "$0")/quick.sh" quick_where "$@"

while read -r row file books; do
  [[ $books != - ]] && clusters=(--clusters "$books") || clusters=()
  read_once "$row" --text "$file" "${clusters[@]}" --max_symbols 2000000 --where
done < <(texts fr en de fi hu it)
wait "$!"  # for texts: did it fail?
finish
