#!/usr/bin/env bash
# The pairs that ship, pairs/{fr,en}-books: a larger model than those of the tables, and all of the text, read once.
#
#   bash experiments/pairs.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#
# An hour or so on 2 cores. Writes data/books-*, runs/PREFIX-*, scores/PREFIX-* and pairs/{fr,en}-books; run again, it goes
# on where it stopped.
source "$(dirname "$0")/books.sh" pairs "$@"
shape=num_hidden_layers=4,num_attention_heads=5,hidden_size=160,intermediate_size=640  # 1.9 million parameters

work() {
  local row=$1 runs=$2 seed=$3 language=$4 data pair
  data=$(folder_of "$language" "$5")
  pair=pairs/$language-books
  flock "runs/$runs.lock" python run_clm_reverse.py --data "data/$data" --output_dir "runs/$runs" --seed "$seed" \
    --context "$6" --per_device_train_batch_size "$7" "${@:9}"
  [[ -d $pair ]] || python -m experiments.ship_pair --pair "runs/$runs" --output_dir "$pair"
  python compute_aot.py --pair "$pair" --data "data/$data" --output_dir "scores/$row"
  python -m experiments.ship_pair --output_dir "$pair" --scores "scores/$row" --license apache-2.0
}
export -f work

for language in fr en; do
  row "$language" "$prefix-$language" 1 "$language" "$tokens" "$context" "$windows" all --config_overrides "$shape" \
    --eval_steps 0.1 --save_steps 0.05
done | at_once
