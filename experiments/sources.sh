# What experiments on given data folders share: source experiments/sources.sh NAME [PREFIX] [flags of run_clm_reverse.py ...]
#
#   row ROW RUNS "SEEDS" DATA [flags]    one line for `at_once`: `pairs PREFIX-ROW ...`, to runs/PREFIX-ROW.log
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

if [[ -n ${FULL:-} ]]; then  # the model of the paper's linear languages
  settings=(--size gpt1 --per_device_train_batch_size 200 --eval_steps 0.05)
else  # an exact rule wants no dropout, and a language of few characters large initial weights
  settings=(--size micro --config_overrides n_layer=2,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
    --per_device_train_batch_size 64 --learning_rate 1e-3 --warmup_steps 0.05 --eval_steps 0.05 --save_steps 0.25)
fi

# Half as wide: a third of the time, where rules are small.
smaller=(--config_overrides n_layer=2,n_embd=64,initializer_range=0.1,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
  --learning_rate 2e-3 --eval_steps 0.1 --save_steps 0.5)

row() { printf '%q ' log "$prefix-$1" "$2" "$3" "$4" "${settings[@]}" "${@:5}" "${flags[@]}"; echo; }

work() { pairs "$@"; }
export -f work
