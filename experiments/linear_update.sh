#!/usr/bin/env bash
# After a small change of the matrix of a linear language, which direction of a trained pair learns it faster?
#
#   bash experiments/linear_update.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/linear_update.sh      # 20 bits, 12 layers, 4 flips, as in the paper
#
# A few minutes on 2 cores after linear.sh, whose pairs it goes on from, or 20 without. A becomes A Â: few ones of A change, more of its inverse (`changes` in
# data/linear-m*-update/meta.json). Writes data/linear-*, runs/PREFIX-*, scores/PREFIX-* and results/linear_update*; run
# again, it goes on where it stopped.
source "$(dirname "$0")/sources.sh" linear_update "$@"

if [[ -n ${FULL:-} ]]; then
  bits=20 ones=6 flips=4 seeds=1 before=(--train_lines 10000000 --noise 0.01) after=(--train_lines 80000 --noise 0.01)
  slower=(--learning_rate 8e-6)
else
  bits=16 ones=5 flips=4 seeds="1 2 3" before=(--train_lines 64000 --validation_lines 500)
  after=(--train_lines 16000 --validation_lines 500) slower=(--learning_rate 3e-4)
fi
base=linear-m$bits-k$ones
python make_synthetic.py --name "$base" --bits "$bits" --ones "$ones" --seed 2 "${before[@]}"
python make_synthetic.py --name "$base-update" --update_of "data/$base" --flips "$flips" --seed 2 "${after[@]}"

context=$((2 * bits + 2))
before_it="${prefix/#linear_update/linear}-k$ones"  # in runs/, those of linear.sh
row before "$before_it" "$seeds" "$base" --context "$context" | at_once
row after "$prefix-after" "$seeds" "$base-update" --context "$context" --model_name_or_path "runs/$before_it-seedSEED" \
  "${slower[@]}" | at_once
finish
