#!/usr/bin/env bash
# ∂ by model size: French and English, all sizes with the same windows.
#
#   bash experiments/sizes.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/sizes.sh          # the paper's sizes to GPT2-Medium, on CC100
#
# Half an hour or so on 2 cores, less what languages.sh has trained. Writes data/text-*, runs/*, scores/PREFIX-* and
# results/sizes*; run again, it goes on where it stopped.
source "$(dirname "$0")/texts.sh" sizes "$@"
sizes="mini:6:6:192 half:2:4:128 nano:3:3:48 pico:1:2:32"  # layers, heads, width
if [[ -n ${FULL:-} ]]; then
  sizes="medium:24:16:1024 gpt1:12:12:768 small:10:10:380 mini:6:6:192 micro:4:4:128 nano:3:3:48"
fi

for size in $sizes; do
  IFS=: read -r called layers heads width <<< "$size"
  for language in fr:French en:English; do
    of="${language#*:}-$called"
    runs="$prefix-$of"
    [[ $called != half ]] || runs="${prefix/#sizes/languages}-${language#*:}"
    row "$of" "$runs" "$seeds" "${language%:*}" "" \
      --config_overrides "n_layer=$layers,n_head=$heads,n_embd=$width${dropout:+,$dropout}"
  done
done | at_once
finish
