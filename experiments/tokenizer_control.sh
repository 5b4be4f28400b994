#!/usr/bin/env bash
# What the tokenizer adds to ∂: a BPE as usual, a BPE of the text turned round, and bytes, on the same French pages.
#
#   bash experiments/tokenizer_control.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# A quarter of an hour or so on 2 cores, less what languages.sh has trained. Writes data/text-*, runs/*, scores/PREFIX-*
# and results/tokenizer_control*; run again, it goes on where it stopped.
source "$(dirname "$0")/texts.sh" tokenizer_control "$@"

{
  row bytes "$prefix-bytes" "$seeds" fr "--level byte" --context 384  # about as much text as 128 tokens of the BPE
  row bpe_of_reversed_text "$prefix-bpe_of_reversed_text" "$seeds" fr "--reverse_text"
  row bpe "${prefix/#tokenizer_control/languages}-French" "$seeds" fr ""
} | at_once
finish
