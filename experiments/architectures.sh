#!/usr/bin/env bash
# Is the arrow one of transformers? GPT-2, llama, nanochat, LSTM, GRU and a state-space model on the same French novels.
#
#   bash experiments/architectures.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/architectures.sh  # recurrent models and GPT-2 as in the paper, on English of CC100
#
# An hour or so on 2 cores, less what languages.sh has trained. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/architectures*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" architectures "$@"

if [[ -n ${FULL:-} ]]; then
  for model in lstm-small lstm-medium lstm-large gru-small gru-medium gru-large gpt2-nano gpt2-small gpt2-medium; do
    row "$model" "$prefix-$model" 1 en "" 255 180 all --stride 127 --gradient_accumulation_steps 1 \
      --model_type "${model%-*}" --size "${model#*-}"
  done
else  # a million parameters or so each
  french() { row "$1" "${3:-$prefix-$1}" "$seeds" fr "${usual[@]}" --model_type "$1" --config_overrides "$2"; }
  french mamba2 num_hidden_layers=4,num_heads=4,head_dim=64,n_groups=1,state_size=64,chunk_size=64
  french lstm hidden_size=192
  french gru hidden_size=224
  french gpt2 n_layer=3,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
  french llama num_hidden_layers=3
  french nanochat "$shape" "${prefix/#architectures/languages}-French"
fi | at_once
finish
