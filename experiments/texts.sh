# What experiments on texts share: source experiments/texts.sh NAME [PREFIX] [more flags of run_clm_reverse.py ...]
#
# An experiment prints a line for each row of its table with `row`, and `at_once` does them. What a row says goes to
# runs/PREFIX-ROW.log.
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

if [[ -n ${FULL:-} ]]; then  # as in the paper: GPT2-Medium on CC100, 180 windows a step, each pair once
  seeds=1
  languages="en:English fr:French de:German el:Greek fi:Finnish tr:Turkish vi:Vietnamese id:Indonesian ar:Arabic
    he:Hebrew tl:Tagalog"
  settings=(--per_device_train_batch_size 90 --gradient_accumulation_steps 2 --warmup_steps 4000 --max_steps 500000)
else  # two layers of width 128, 0.7 million tokens
  seeds="1 2 3"
  languages="en:English fr:French de:German es:Spanish it:Italian pt:Portuguese sv:Swedish fi:Finnish el:Greek
    tr:Turkish vi:Vietnamese id:Indonesian ru:Russian"
  settings=(--size micro --config_overrides n_layer=2 --context 128 --per_device_train_batch_size 8
    --learning_rate 1e-3 --warmup_steps 0.05 --eval_steps 0.2 --save_steps 0.5 --max_steps 700)
  flock data/corpora.lock python -m experiments.fetch_corpora
fi

# row ROW RUNS "SEEDS" LANGUAGE "[flags of tokenize_lang.py]" [flags of run_clm_reverse.py ...]
# RUNS names the run folders, so that an experiment finds what another one has trained.
row() { printf '%q ' log "$prefix-$1" "$2" "$3" "$4" "$5" "${settings[@]}" "${@:6}" "${flags[@]}"; echo; }

work() {
  local row=$1 runs=$2 seeds=$3 language=$4 kind=$5 seed pairs=()
  local data="text-$language${kind//--/-}"
  data=${data// /_}
  local source=(--source "data/corpora/$language.txt" --validation_fraction 0.1 --vocab_size 2048)
  if [[ -n ${FULL:-} ]]; then
    source=(--source "https://data.statmt.org/cc-100/$language.txt.xz" --validation_tokens 64000000)
  fi
  # shellcheck disable=SC2086
  flock "data/$data.lock" python tokenize_lang.py "${source[@]}" --name "$data" --language "$language" $kind
  for seed in $seeds; do
    pairs+=("runs/$runs-seed$seed")
    python run_clm_reverse.py --data "data/$data" --output_dir "runs/$runs-seed$seed" --seed "$seed" "${@:6}"
  done
  python compute_aot.py --data "data/$data" --output_dir "scores/$row" --pair "${pairs[@]}"
}
export -f log work
