#!/usr/bin/env bash
# ∂ by model size: French and English, all sizes with the same windows.
#
#   bash experiments/sizes.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/sizes.sh          # the paper's sizes to GPT2-Medium, on CC100
#
# An hour and a half or so on 2 cores, less what languages.sh has trained. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/sizes*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" sizes "$@"
sizes="6x320:6:10:320 4x192:4:6:192 2x64:2:2:64 1x32:1:1:32 1x16:1:1:16 3x128:3:4:128"  # layers, heads, width
if [[ -n ${FULL:-} ]]; then
  sizes="medium:24:16:1024 gpt1:12:12:768 small:10:10:380 mini:6:6:192 micro:4:4:128 nano:3:3:48"
fi

for size in $sizes; do
  IFS=: read -r called layers heads width <<< "$size"
  shape=num_hidden_layers=$layers,num_attention_heads=$heads,hidden_size=$width,intermediate_size=$((4 * width))
  [[ -z ${FULL:-} ]] || shape=n_layer=$layers,n_head=$heads,n_embd=$width
  for language in fr:French en:English; do
    of="${language#*:}-$called"
    runs="$prefix-$of"
    [[ $called != 3x128 ]] || runs="${prefix/#sizes/languages}-${language#*:}"
    row "$of" "$runs" "$seeds" "${language%:*}" "$tokens" "$context" "$windows" "$megabytes" --config_overrides "$shape"
  done
done | at_once
finish
