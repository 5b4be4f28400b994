# What experiments on given data folders share: source experiments/sources.sh NAME [PREFIX] [flags of run_clm_reverse.py ...]
#
#   row ROW DATA "SEEDS" [flags ...]     one line for `at_once`: a pair on data/DATA for each seed, in
#                                        runs/PREFIX-ROW-seedN, scored together in scores/PREFIX-ROW
#
# SEED in a flag stands for the seed. A row says what it does in runs/PREFIX-ROW.log.
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

if [[ -n ${FULL:-} ]]; then  # the model of the paper's linear languages
  settings=(--size gpt1 --per_device_train_batch_size 200 --eval_steps 0.05)
else  # an exact rule wants no dropout, and a language of few characters large initial weights
  settings=(--size micro --config_overrides n_layer=2,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
    --per_device_train_batch_size 64 --learning_rate 1e-3 --warmup_steps 0.05 --eval_steps 0.05 --save_steps 0.25)
fi

row() { printf '%q ' log "$prefix-$1" "$2" "$3" "${settings[@]}" "${@:4}" "${flags[@]}"; echo; }

work() {
  local row=$1 data=$2 seeds=$3 seed pairs=()
  shift 3
  for seed in $seeds; do
    pairs+=("runs/$row-seed$seed")
    python run_clm_reverse.py --data "data/$data" --output_dir "runs/$row-seed$seed" --seed "$seed" "${@//SEED/$seed}"
  done
  python compute_aot.py --data "data/$data" --output_dir "scores/$row" --pair "${pairs[@]}"
}
export -f log work
