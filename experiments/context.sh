#!/usr/bin/env bash
# ∂ by context: French and English, as many tokens in a step and in all at each context.
#
#   bash experiments/context.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/context.sh        # GPT2-Medium on CC100, as in the paper
#
# Half an hour or so on 2 cores, less what languages.sh has trained. Writes data/text-*, runs/*, scores/PREFIX-* and
# results/context*; run again, it goes on where it stopped.
source "$(dirname "$0")/texts.sh" context "$@"
contexts="512 128 64 16 4" step=1024
[[ -z ${FULL:-} ]] || contexts="512 256 128 64 32 16" step=$((90 * 256))

for context in $contexts; do
  for language in fr:French en:English; do
    of="${language#*:}-T$context"
    runs="$prefix-$of"
    [[ -n ${FULL:-} || $context != 128 ]] || runs="${prefix/#context/languages}-${language#*:}"
    row "$of" "$runs" "$seeds" "${language%:*}" "" --context "$context" \
      --per_device_train_batch_size $((step / context))
  done
done | at_once
finish
