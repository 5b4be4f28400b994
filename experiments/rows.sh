# What all experiments share, sourced by books.sh and sources.sh, which define `row` and `work`.
#
#   data NAME SCRIPT [flags]             data/NAME, which another task may be making at the same time
#   pairs ROW RUNS "SEEDS" DATA [flags]  a pair on data/DATA for each seed, in runs/RUNS-seedN, which may be what another
#                                        experiment has trained, or is training; together scored in scores/ROW. SEED in a
#                                        flag is the seed
#   log ROW [...]                        does `work ROW ...`, writes to runs/ROW.log, and says in a line how it ended
#   at_once                              does the commands it reads, a line each: one after the other on a GPU, or on all
#                                        cores, and in an array of Slurm those of this task
#   finish                               table and figures; not in an array, where no task knows whether others are done
#
# Arguments of an experiment: [PREFIX] [flags of run_clm_reverse.py ...], after its NAME.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=$1${FULL:+_full} flags=("${@:3}")  # FULL never mixes with the small ones
prefix=${2:-$name}
if [[ $prefix == -* ]]; then
  echo "$prefix: PREFIX stands before flags, such as: $1.sh $name $prefix" >&2
  exit 2
fi
mkdir -p data runs

data() { flock "data/$1.lock" python "$2" --name "$1" "${@:3}" >&2; }

pairs() {
  local row=$1 runs=$2 seeds=$3 data=$4 seed folders=()
  shift 4
  for seed in $seeds; do
    folders+=("runs/$runs-seed$seed")
    flock "${folders[-1]}.lock" python run_clm_reverse.py --data "data/$data" --output_dir "${folders[-1]}" \
      --seed "$seed" "${@//SEED/$seed}"
  done
  python compute_aot.py --data "data/$data" --output_dir "scores/$row" --pair "${folders[@]}"
}

log() {
  if bash -euo pipefail -c 'work "$@"' work "$@" > "runs/$1.log" 2>&1; then
    echo "$1: $(grep -a '^∂' "runs/$1.log" | tail -n 1)"
  else
    echo "$1: $(tr '\r' '\n' < "runs/$1.log" | tail -n 1)  [runs/$1.log]" >&2
    return 1
  fi
}

at_once() {
  local rows processes=1 mine=(cat) cores
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    if ((SLURM_ARRAY_TASK_MAX - SLURM_ARRAY_TASK_MIN + 1 != SLURM_ARRAY_TASK_COUNT)); then
      echo "--array has to be a range such as 0-12, which the rows are shared out to; what is finished is skipped" >&2
      return 2
    fi
    mine=(sed -n "$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))~${SLURM_ARRAY_TASK_COUNT}p")
  fi
  mapfile -t rows < <("${mine[@]}")
  ((${#rows[@]})) || return 0
  if ! nvidia-smi -L > /dev/null 2>&1; then
    cores=$(env -u OMP_NUM_THREADS nproc)  # with it, nproc says how many threads OpenMP may have
    processes=$((${#rows[@]} < cores ? ${#rows[@]} : cores))
    export OMP_NUM_THREADS=$((cores / processes))
  fi
  printf '%s\n' "${rows[@]}" | xargs -d '\n' -P "$processes" -I '{}' bash -c '{}'
}

finish() {
  if [[ -z ${SLURM_ARRAY_TASK_ID:-} && $prefix == "$name" ]]; then
    python report.py "$name"
  fi
}
export -f data pairs log
