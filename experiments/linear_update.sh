#!/usr/bin/env bash
# After a small change of the matrix of a linear language, which direction of a trained pair learns it faster?
#
#   bash experiments/linear_update.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/linear_update.sh      # 20 bits, 12 layers, as in the paper
#
# 20 minutes or so on 2 cores. A becomes A Â: the first update changes 4 ones of A and 10 of its inverse, the second, a
# control, 4 of each. Writes data/update-*, runs/PREFIX-*, scores/PREFIX-* and results/linear_update*; run again, it goes
# on where it stopped.
source "$(dirname "$0")/sources.sh" linear_update "$@"

if [[ -n ${FULL:-} ]]; then  # changes of A - of its inverse : seed that draws such an Â
  bits=20 ones=6 updates="4-10:10 4-4:60" seeds=1 before=(--train_lines 10000000 --noise 0.01)
  after=(--train_lines 80000 --noise 0.01) slower=(--learning_rate 8e-6)
else  # the identity, which both directions learn fully in little time
  bits=16 ones=0 updates="4-10:81 4-4:2" seeds="1 2 3 4 5 6" before=(--train_lines 16000 --validation_lines 500)
  after=("${before[@]}") slower=(--learning_rate 3e-4)
fi
base="update-m$bits-k$ones"
data "$base" make_synthetic.py --bits "$bits" --ones "$ones" --seed 2 "${before[@]}"
row before "$prefix-before" "$seeds" "$base" --context $((2 * bits + 2)) | at_once

for update in $updates; do
  changes=${update%:*}
  data "$base-$changes" make_synthetic.py --update_of "data/$base" --flips 4 --seed "${update#*:}" "${after[@]}"
  row "after-$changes" "$prefix-after-$changes" "$seeds" "$base-$changes" --context $((2 * bits + 2)) \
    --model_name_or_path "runs/$prefix-before-seedSEED" "${slower[@]}"
done | at_once
finish
