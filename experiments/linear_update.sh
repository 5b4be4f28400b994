#!/usr/bin/env bash
# After a small change of the matrix of a linear language, which direction of a trained pair learns it faster?
#
#   bash experiments/linear_update.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/linear_update.sh      # 20 bits, 12 layers, 4 flips, as in the paper
#
# Ten minutes on 2 cores after linear.sh, whose pairs it goes on from, or 50 without. A becomes A Â, which changes few
# ones of A and may change more of its inverse. Writes data/linear-*, runs/*, scores/PREFIX-* and results/linear_update*;
# run again, it goes on where it stopped.
source "$(dirname "$0")/sources.sh" linear_update "$@"

if [[ -n ${FULL:-} ]]; then
  bits=20 updates="6:2" seeds=1 before=(--train_lines 10000000 --noise 0.01) after=(--train_lines 80000 --noise 0.01)
  slower=(--learning_rate 8e-6)
else  # updates that change 4 ones of A and 5 of its inverse, and 4 and 12
  bits=16 updates="5:2 10:3" seeds="1 2 3" before=(--train_lines 64000 --validation_lines 500)
  after=(--train_lines 16000 --validation_lines 500) slower=(--learning_rate 3e-4)
fi
of() { echo "${prefix/#linear_update/linear}-k$1"; }  # those of linear.sh

for update in $updates; do
  ones=${update%:*} base="linear-m$bits-k${update%:*}"
  data "$base" make_synthetic.py --bits "$bits" --ones "$ones" --seed 2 "${before[@]}"
  data "$base-update" make_synthetic.py --update_of "data/$base" --flips 4 --seed "${update#*:}" "${after[@]}"
  row "k$ones-before" "$(of "$ones")" "$seeds" "$base" --context $((2 * bits + 2))
done | at_once
for update in $updates; do
  ones=${update%:*}
  row "k$ones-after" "$prefix-k$ones-after" "$seeds" "linear-m$bits-k$ones-update" --context $((2 * bits + 2)) \
    --model_name_or_path "runs/$(of "$ones")-seedSEED" "${slower[@]}"
done | at_once
finish
