# What the experiments share: source experiments/common.sh NAME [PREFIX] [more flags of run_clm_reverse.py ...]
#
# An experiment prints a line for each row of its table with `row`, and `at_once` does them: one after the other on a
# GPU, one per core without, and in an array of Slurm those of this task. What a row says goes to runs/PREFIX-ROW.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=$1 prefix=${2:-$1} flags=("${@:3}")
mkdir -p data runs

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

log() {  # do a row, and say how it ended
  if bash -euo pipefail -c 'work "$@"' work "$@" > "runs/$1.log" 2>&1; then
    echo "$1: $(grep '^∂' "runs/$1.log" | tail -n 1)"
  else
    echo "$1: $(tail -n 1 "runs/$1.log")  [runs/$1.log]" >&2
    return 1
  fi
}

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

at_once() {
  local processes=1 mine=(cat)
  if ! nvidia-smi -L > /dev/null 2>&1; then
    processes=$(nproc)
    export OMP_NUM_THREADS=1
  fi
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    mine=(sed -n "$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))~${SLURM_ARRAY_TASK_COUNT}p")
  fi
  "${mine[@]}" | xargs -d '\n' -P "$processes" -I '{}' bash -c '{}'
}

finish() {  # the table and figures; in an array, no task knows whether the others are done
  if [[ -z ${SLURM_ARRAY_TASK_ID:-} && $prefix == "$name" ]]; then
    python report.py "$name"
  fi
}
