#!/usr/bin/env bash
# ∂ by context: French and English, as many tokens in a step and in all at each context.
#
#   bash experiments/context.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/context.sh        # GPT2-Medium on CC100, as in the paper
#
# An hour or so on 2 cores, less what languages.sh has trained. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/context*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" context "$@"
contexts="1024 512 128 64 32 16 256"
[[ -z ${FULL:-} ]] || contexts="512 256 128 64 32 16"

for length in $contexts; do
  for language in fr:French en:English; do
    of="${language#*:}-T$length"
    runs="$prefix-$of"
    [[ $length != "$context" ]] || runs="${prefix/#context/languages}-${language#*:}"
    row "$of" "$runs" "$seeds" "${language%:*}" "$tokens" "$length" $((windows * context / length)) "$megabytes"
  done
done | at_once
finish
