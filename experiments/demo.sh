#!/usr/bin/env bash
# A pair of small models on real text, and one on a linear language over F₂ whose arrow and entropy are known.
#
#   bash experiments/demo.sh "SEEDS" [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Writes data/demo-*, runs/PREFIX-*, scores/PREFIX-text and scores/PREFIX-linear. Run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=$1 prefix=${2:-demo}
shift $(($# < 2 ? $# : 2))

python tokenize_lang.py --source corpora/de.txt --name demo-text --language de --vocab_size 2048 --validation_fraction 0.15
python make_synthetic.py --name demo-linear --bits 12 --ones 11 --seed 2 --train_lines 76800 --validation_lines 1000

for seed in $seeds; do
  python run_clm_reverse.py --data data/demo-text --output_dir "runs/$prefix-text-seed$seed" --seed "$seed" \
    --size micro --config_overrides n_layer=2 --context 128 --num_train_epochs 3 --per_device_train_batch_size 16 --learning_rate 1e-3 \
    --warmup_steps 0.05 --eval_steps 0.25 "$@"
  # A language of 4 characters wants large initial weights, and an exact rule no dropout.
  python run_clm_reverse.py --data data/demo-linear --output_dir "runs/$prefix-linear-seed$seed" --seed "$seed" --size micro \
    --config_overrides n_layer=2,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0 \
    --context 26 --per_device_train_batch_size 64 --learning_rate 1e-3 --warmup_steps 0.05 "$@"
done

for kind in text linear; do
  printf '\n%s\n\n' "--- ∂ of data/demo-$kind"
  python compute_aot.py --data "data/demo-$kind" --output_dir "scores/$prefix-$kind" \
    --pair $(for seed in $seeds; do echo "runs/$prefix-$kind-seed$seed"; done)
done
