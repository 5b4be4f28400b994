#!/usr/bin/env bash
# ∂ by language: novels in thirteen languages, as much of each, three pairs of small models for each; and the same of manuals.
#
#   bash experiments/languages.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/languages.sh      # GPT2-Medium on CC100, as in the paper
#
# An hour or so on 2 cores. Writes data/books-*, runs/PREFIX-*, scores/PREFIX-* and results/languages*; run again, it goes
# on where it stopped.
source "$(dirname "$0")/books.sh" languages "$@"
manuals="manuals-fr:French_manuals manuals-en:English_manuals manuals-de:German_manuals"
[[ -z ${FULL:-} ]] || manuals=""

for language in $languages $manuals; do
  of=${language#*:}
  row "$of" "$prefix-$of" "$seeds" "${language%:*}" "$tokens" "$context" "$windows" "$megabytes"
done | at_once
finish
