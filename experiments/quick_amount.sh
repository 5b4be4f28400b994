#!/usr/bin/env bash
# Quick ∂ by the amount of text: 0.1 to 30 million characters of French, English and German, as far as there are so many.
#
#   bash experiments/quick_amount.sh [FOLDER] [more flags of compute_aot.py ...]
#
# Ten minutes on 2 cores. Texts are those of experiments/quick.sh. Writes scores/quick_amount-* and
# results/quick_amount*; run again, it goes on where it stopped.
source "$(dirname "$0")/quick.sh" quick_amount "$@"

while read -r row file books; do
  [[ $books != - ]] && clusters=(--clusters "$books") || clusters=()
  there=$(python -c 'import sys; from aot.tokens.clusters import read_clustered
print(sum(len(text) for text, _ in read_clustered(sys.argv[1:], "paragraph", None)))' "$file")
  for thousands in 100 300 1000 3000 10000 30000; do
    if ((thousands * 1000 > there)); then
      echo "$row: has $there characters, no ${thousands} thousand"
      continue
    fi
    read_once "$row-${thousands}k" --text "$file" "${clusters[@]}" --max_symbols $((thousands * 1000)) --no_null \
      --learners 6 12 6+words 12+words+match+adjust
  done
done < <(texts fr en de)
wait "$!"  # for texts: did it fail?
finish
