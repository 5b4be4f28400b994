#!/usr/bin/env bash
# How large is ∂ beside what order is worth? Beside three pairs on novels, models that read the tokens of each window in
# an order that chance has drawn; in French also in that order from its end, in blocks of 4, 16 and 64 tokens; and one
# pair with five times as much text.
#
#   bash experiments/order.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/order.sh                 # GPT2-Medium on CC100, as in the paper
#
# 45 minutes or so of one core. Writes data/books-*, runs/PREFIX-*, scores/PREFIX-* and results/order*; run again, it goes
# on where it stopped.
source "$(dirname "$0")/books.sh" order "$@"
recipe+=(--eval_strategy no)  # but at the end
[[ -n ${FULL:-} ]] || usual[3]=0.5  # megabytes

# orders_of ROW  which orders have models beside its pairs: a name for their runs, and flags
orders_of() {
  echo "permuted"
  [[ $1 == *-French && $1 != *_full* ]] || return 0
  echo "from_its_end --order_reversed"
  for block in 4 16 64; do echo "blocks_$block --order_block $block"; done
}

# pairs ROW RUNS "SEEDS" DATA [flags]  as in rows.sh, and the models of each order; those of the first lie in the folders
# of the pairs
pairs() {
  local row=$1 runs=$2 seeds=$3 data=$4 flags=("${@:5}") pairs=() permuted=() name order seed
  several() {
    # shellcheck disable=SC2086
    flock "runs/$1.lock" python run_clm_reverse.py --data "data/$data" --output_dir "runs/$1" --seeds $seeds \
      "${flags[@]}" "${@:2}"
  }
  several "$runs"
  for seed in $seeds; do pairs+=("runs/$runs-seed$seed"); done
  while read -r name order; do
    [[ $name != permuted ]] || name=""
    # shellcheck disable=SC2086
    several "$runs${name:+-$name}" --direction permuted $order
    for seed in $seeds; do permuted+=("runs/$runs${name:+-$name}-seed$seed/permuted"); done
  done < <(orders_of "$row")
  python compute_aot.py --data "data/$data" --output_dir "scores/$row" --pair "${pairs[@]}" --permuted "${permuted[@]}"
}
export -f orders_of pairs

{
  more=French-amount_2.5MB  # which takes longest
  [[ -n ${FULL:-} ]] || row "$more" "$prefix-$more" 1 fr "${usual[@]:0:3}" 2.5
  for language in fr:French en:English; do
    of=${language#*:}
    row "$of" "$prefix-$of" "$seeds" "${language%:*}" "${usual[@]}"
  done
} | at_once
if [[ -z ${SLURM_ARRAY_TASK_ID:-} && $prefix == "$name" ]]; then
  python -m experiments.order_rows --name "$name"
fi
finish
