#!/usr/bin/env bash
# Two texts in seconds, without a model; then three pairs of small models on one of them, and three on a linear language
# over F₂ whose arrow and entropy are known.
#
#   bash experiments/demo.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Writes data/demo-*, runs/PREFIX-* and scores/PREFIX-{de,en,text,linear}. Run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:-demo}
if [[ $prefix == -* ]]; then
  echo "$prefix: PREFIX stands before flags, such as: demo.sh demo $prefix" >&2
  exit 2
fi
shift $(($# > 0))

printf '\n%s\n\n' "--- ∂ of a German and an English text, for learners that read them once in each direction"
python compute_aot.py --quick --text corpora/de.txt --output_dir "scores/$prefix-de"
python compute_aot.py --quick --text corpora/en.txt --output_dir "scores/$prefix-en"

python tokenize_lang.py --source corpora/de.txt --name demo-text --language de --vocab_size 2048 --validation_fraction 0.15
python make_synthetic.py --name demo-linear --bits 12 --ones 11 --seed 2 --train_lines 76800 --validation_lines 1000

python run_clm_reverse.py --data data/demo-text --output_dir "runs/$prefix-text" --seeds 1 2 3 --size micro \
  --config_overrides n_layer=2 --context 128 --per_device_train_batch_size 8 --learning_rate 1e-3 --warmup_steps 0.05 \
  --eval_steps 0.5 "$@"
# A language of 4 characters wants large initial weights, and an exact rule no dropout.
python run_clm_reverse.py --data data/demo-linear --output_dir "runs/$prefix-linear" --seeds 1 2 3 --size micro \
  --config_overrides n_layer=2,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0 --context 26 \
  --per_device_train_batch_size 64 --learning_rate 1e-3 --warmup_steps 0.05 "$@"

printf '\n%s\n\n' "--- ∂ of real text, data/demo-text, which is not known beforehand"
python compute_aot.py --data data/demo-text --output_dir "scores/$prefix-text" --pair "runs/$prefix-text-seed"{1,2,3}
printf '\n%s\n\n' "--- ∂ of a linear language, data/demo-linear, which is far above 0 until backward has found the inverse"
python compute_aot.py --data data/demo-linear --output_dir "scores/$prefix-linear" --pair "runs/$prefix-linear-seed"{1,2,3}
