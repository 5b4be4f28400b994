#!/usr/bin/env bash
# What there is to see, in four steps: two texts in seconds, without a model; a pair that ships, on chapters it has not
# read; three pairs trained on a text here and now; and three on a linear language over F₂, whose answer is known.
#
#   bash experiments/demo.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Writes data/demo-*, runs/PREFIX-* and scores/PREFIX-{de,en,fr,text,linear}. Run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:-demo}
if [[ $prefix == -* ]]; then
  echo "$prefix: PREFIX stands before flags, such as: demo.sh demo $prefix" >&2
  exit 2
fi
shift $(($# > 0))
step() { printf '\n--- %s\n\n' "$*"; }

step "1. A German and an English text, read once in each direction without a model: the longer the contexts, the easier forward"
python compute_aot.py --quick --text corpora/de.txt --output_dir "scores/$prefix-de"
python compute_aot.py --quick --text corpora/en.txt --output_dir "scores/$prefix-en"

step "2. A trained pair that ships with this project, on chapters of 20 French novels that it has not read"
python compute_aot.py --pair pairs/fr-books --text pairs/fr-books/held_out.txt.xz --clusters pairs/fr-books/held_out.csv \
  --output_dir "scores/$prefix-fr"

step "3. Three pairs trained on the German text now: each line of backward has ∂ so far, of chapters that are not trained on"
python tokenize_lang.py --source corpora/de.txt --name demo-text --language de --vocab_size 2048 --validation_fraction 0.15
python run_clm_reverse.py --data data/demo-text --output_dir "runs/$prefix-text" --seeds 1 2 3 --model_type nanochat \
  --size micro --config_overrides num_hidden_layers=3,intermediate_size=512 --context 256 --optim muon \
  --per_device_train_batch_size 8 --learning_rate 4e-3 --warmup_steps 0.05 --eval_steps 0.25 "$@"
python compute_aot.py --data data/demo-text --output_dir "scores/$prefix-text" --pair "runs/$prefix-text-seed"{1,2,3}

step "4. Three pairs on a linear language, data/demo-linear: ∂ is far above 0 until backward has found the inverse"
python make_synthetic.py --name demo-linear --bits 12 --ones 11 --seed 2 --train_lines 76800 --validation_lines 1000
# A language of 4 characters wants large initial weights, and an exact rule no dropout.
python run_clm_reverse.py --data data/demo-linear --output_dir "runs/$prefix-linear" --seeds 1 2 3 --size micro \
  --config_overrides n_layer=2,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0 --context 26 \
  --per_device_train_batch_size 64 --learning_rate 1e-3 --warmup_steps 0.05 "$@"
python compute_aot.py --data data/demo-linear --output_dir "scores/$prefix-linear" --pair "runs/$prefix-linear-seed"{1,2,3}
