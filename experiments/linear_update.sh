#!/usr/bin/env bash
# After a small change of the matrix of a linear language, which direction of a trained pair learns it faster?
#
#   bash experiments/linear_update.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/linear_update.sh      # 20 bits, 12 layers, as in the paper
#
# Half an hour or so on 2 cores. A becomes A Â, with an Â whose inverse has 10 ones for its 4, once below the diagonal and
# once above it. Above, backward, which reads x from its last bit, has just read the bit that the next one needs, and a rule
# of two bits does; below, it has not. Writes data/update-*, runs/PREFIX-*, scores/PREFIX-* and results/linear_update*; run
# again, it goes on where it stopped.
source "$(dirname "$0")/sources.sh" linear_update "$@"

if [[ -n ${FULL:-} ]]; then  # updates: where the ones of Â stand, and a seed that draws them there, in a chain
  bits=20 ones=6 updates="lower:31866 upper:5809" seeds=1 before=(--train_lines 10000000 --noise 0.01)
  after=(--train_lines 80000 --noise 0.01) slower=(--learning_rate 8e-6)
else  # from the identity, which both directions learn fully in little time
  bits=16 ones=0 updates="lower:28796 upper:2390" seeds="1 2 3 4 5 6"
  before=(--train_lines 16000 --validation_lines 500) after=(--train_lines 32000 --validation_lines 500) slower=()
fi
base="update-m$bits-k$ones"
data "$base" make_synthetic.py --bits "$bits" --ones "$ones" --seed 2 "${before[@]}"
row before "$prefix-before" "$seeds" "$base" --context $((2 * bits + 2)) |
  (flock 9 && SLURM_ARRAY_TASK_ID="" at_once) 9> "runs/$prefix-before.lock"  # all tasks of an array need it

for update in $updates; do
  triangle=${update%:*}
  data "$base-$triangle" make_synthetic.py --update_of "data/$base" --flips 4 --seed "${update#*:}" "${after[@]}"
  row "after-$triangle" "$prefix-after-$triangle" "$seeds" "$base-$triangle" --context $((2 * bits + 2)) \
    --model_name_or_path "runs/$prefix-before-seedSEED" "${slower[@]}"
done | at_once
finish
