#!/usr/bin/env bash
# The quick ∂ beside that of trained pairs, on the same held-out pages of manuals in 13 languages.
#
#   bash experiments/quick_pairs.sh [more flags of compute_aot.py ...]
#
# Three minutes on 2 cores. The pairs are those of experiments/languages.sh, from results/languages.csv. The learners read
# the held-out pages alone, and after the pages that the pairs were trained on. Writes data/text-*, scores/quick_pairs-*,
# results/quick_pairs* and results/quick_pairs_beside.csv; run again, it goes on where it stopped.
source "$(dirname "$0")/quick.sh" quick_pairs "$@"

flock data/manuals.lock python -m experiments.fetch_manuals
for language in en:English fr:French de:German es:Spanish it:Italian pt:Portuguese sv:Swedish fi:Finnish el:Greek \
  tr:Turkish vi:Vietnamese id:Indonesian ru:Russian; do
  code=${language%:*} row=${language#*:}
  flock "data/text-$code.lock" python tokenize_lang.py --name "text-$code" --source "data/manuals/$code.txt" \
    --validation_fraction 0.1 --vocab_size 2048 --language "$code" >&2
  how=(--data "data/text-$code" --level char --no_null --learners 6 12+words+match+adjust)
  read_once "$row" "${how[@]}"
  read_once "$row-after" "${how[@]}" --after train
done
finish
python -m experiments.quick_pairs
