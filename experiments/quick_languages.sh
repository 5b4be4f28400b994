#!/usr/bin/env bash
# Quick ∂ by language: three million characters of each text, or what it has, with and without contexts of words.
#
#   bash experiments/quick_languages.sh [FOLDER ...] [more flags of compute_aot.py ...]
#
# Ten seconds a text on 2 cores. Texts are those of experiments/quick.sh. Writes scores/quick_languages-* and
# results/quick_languages*; run again, it goes on where it stopped.
source "$(dirname "$0")/quick.sh" quick_languages "$@"

while read -r row file books; do
  [[ $books != - ]] && clusters=(--clusters "$books") || clusters=()
  read_once "$row" --text "$file" "${clusters[@]}" --max_symbols 3000000 --no_null \
    --learners 6 12 6+words 12+words+match+adjust
done < <(texts)
wait "$!"  # for texts: did it fail?
finish
