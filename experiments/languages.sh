#!/usr/bin/env bash
# ∂ by language: the same pages of text in 13 languages, three pairs of small models for each.
#
#   bash experiments/languages.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/languages.sh      # GPT2-Medium on CC100, as in the paper
#
# An hour or so on 2 cores. Writes data/text-*, runs/PREFIX-*, scores/PREFIX-* and results/languages*; run again, it
# goes on where it stopped.
source "$(dirname "$0")/texts.sh" languages "$@"

for language in $languages; do
  row "${language#*:}" "$prefix-${language#*:}" "$seeds" "${language%:*}" ""
done | at_once
finish
