#!/usr/bin/env bash
# Is the arrow one of transformers? LSTM, GRU and GPT-2 on one text.
#
#   bash experiments/recurrent.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/recurrent.sh      # the sizes, text and settings of the paper
#
# About 20 minutes on 2 cores. Writes data/recurrent*, runs/PREFIX-*, scores/PREFIX-* and results/recurrent*; run again,
# it goes on where it stopped.
source "$(dirname "$0")/sources.sh" recurrent "$@"

if [[ -n ${FULL:-} ]]; then
  text=recurrent-full seeds=1 settings=(--context 255 --stride 127 --per_device_train_batch_size 180)
  source=(--source https://data.statmt.org/cc-100/en.txt.xz --language en --validation_tokens 64000000)
  models="lstm-small lstm-medium lstm-large gru-small gru-medium gru-large gpt2-nano gpt2-small gpt2-medium"
else
  text=recurrent seeds="1 2 3"
  source=(--source corpora/de.txt --language de --vocab_size 2048 --validation_fraction 0.15)
  settings=(--context 128 --per_device_train_batch_size 4 --warmup_steps 0.05 --eval_steps 0.5)
  models="lstm-micro gru-micro gpt2-micro"
fi
data "$text" tokenize_lang.py "${source[@]}"

for model in $models; do
  shape=()
  if [[ -z ${FULL:-} ]]; then  # 0.8, 0.7 and 0.7 million parameters; recurrent ones bear, and need, a higher rate
    shape=(--learning_rate 5e-3)
    [[ $model != gpt2-* ]] || shape=(--learning_rate 1e-3 --config_overrides n_layer=2)
  fi
  row "$model" "$prefix-$model" "$seeds" "$text" --model_type "${model%-*}" --size "${model#*-}" "${shape[@]}"
done | at_once
finish
