#!/usr/bin/env bash
# Is the arrow one of transformers? LSTM, GRU and GPT-2 on one text, in pairs of several seeds.
#
#   bash experiments/recurrent.sh [more flags of run_clm_reverse.py ...]           # tiny, under half an hour on 2 cores
#   FULL=1 bash experiments/recurrent.sh [--per_device_train_batch_size 180 ...]   # the sizes, text and settings of the paper
#
# Writes data/recurrent*, runs/recurrent-* and scores/recurrent-*. Run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${FULL:-0}" = 1 ]; then
  data=data/recurrent-full seeds=(1)
  models=(lstm-small lstm-medium lstm-large gru-small gru-medium gru-large gpt2-nano gpt2-small gpt2-medium)
  settings=(--context 256 --stride 128)
  python tokenize_lang.py --source https://data.statmt.org/cc-100/en.txt.xz --name recurrent-full --language en \
    --validation_tokens 64000000
else
  data=data/recurrent seeds=(1 2 3)
  models=(lstm-micro gru-micro gpt2-micro)
  settings=(--context 128 --per_device_train_batch_size 4 --warmup_steps 0.05 --eval_steps 0.5)
  python tokenize_lang.py --source corpora/de.txt --name recurrent --language de --vocab_size 2048 \
    --validation_fraction 0.15
fi

for model in "${models[@]}"; do
  kind=${model%-*} size=${model#*-} pairs=()
  shape=()
  if [ "${FULL:-0}" != 1 ]; then  # 0.8, 0.7 and 0.7 million parameters; recurrent ones bear, and need, a higher rate
    case $kind in
      gpt2) shape=(--learning_rate 1e-3 --config_overrides n_layer=2) ;;
      *) shape=(--learning_rate 5e-3) ;;
    esac
  fi
  for seed in "${seeds[@]}"; do
    pairs+=("runs/recurrent-$model-seed$seed")
    python run_clm_reverse.py --data "$data" --output_dir "${pairs[-1]}" --seed "$seed" --model_type "$kind" \
      --size "$size" "${settings[@]}" "${shape[@]}" "$@"
  done
  printf '\n%s\n\n' "--- $model"
  python compute_aot.py --data "$data" --output_dir "scores/recurrent-$model" --pair "${pairs[@]}"
done
python report.py recurrent
