#!/usr/bin/env bash
# How much of ∂ is chance: six pairs of one language that differ in the seed, and the A/A control between them.
#
#   bash experiments/seeds.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Ten minutes or so on 2 cores, and as much again unless languages.sh has trained the first three. Writes data/text-*,
# runs/*, scores/PREFIX-* and results/seeds*; run again, it goes on where it stopped.
source "$(dirname "$0")/texts.sh" seeds "$@"

for language in fr:French en:English; do
  row "${language#*:}" "${prefix/#seeds/languages}-${language#*:}" "1 2 3 4 5 6" "${language%:*}" ""
done | at_once
finish
