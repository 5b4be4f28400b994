# What experiments on texts share: source experiments/books.sh NAME [PREFIX] [more flags of run_clm_reverse.py ...]
#
# Texts are novels, data/corpora/LANGUAGE.txt with a table of books, from experiments/fetch_corpora.py. 20 whole books
# are held out, and the last chapter of each is scored. Amounts are megabytes of text, whatever the tokens.
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

context=256
if [[ -n ${FULL:-} ]]; then  # as in the paper: GPT2-Medium on CC100, 180 windows a step, each pair once
  seeds=1 tokens="" windows=90 megabytes=all
  languages="en:English fr:French de:German el:Greek fi:Finnish tr:Turkish vi:Vietnamese id:Indonesian ar:Arabic
    he:Hebrew tl:Tagalog"
  recipe=(--gradient_accumulation_steps 2 --warmup_steps 4000 --max_steps 500000)
else
  seeds="1 2 3" tokens="--level symmetric_bpe --vocab_size 2048" windows=8 megabytes=2.5
  languages="fr:French en:English de:German es:Spanish it:Italian pt:Portuguese pl:Polish hu:Hungarian cs:Czech
    sv:Swedish ro:Romanian sl:Slovene sr:Serbian"
  shape=num_hidden_layers=3,intermediate_size=512  # with the width of `micro`, 1.1 million parameters
  recipe=(--model_type nanochat --size micro --config_overrides "$shape" --optim muon --learning_rate 4e-3
    --warmup_steps 0.05 --save_steps 0.5)
fi

usual=("$tokens" "$context" "$windows" "$megabytes")

# row ROW RUNS "SEEDS" LANGUAGE "FLAGS OF tokenize_lang.py" CONTEXT WINDOWS MEGABYTES [flags of run_clm_reverse.py ...]
# One line for `at_once`: the data folder, and pairs on so many megabytes of it, to runs/PREFIX-ROW.log. A step is of so
# many windows. RUNS may be those of another experiment.
row() { printf '%q ' log "$prefix-$1" "${@:2:7}" "${recipe[@]}" "${@:9}" "${flags[@]}"; echo; }

# folder_of LANGUAGE "FLAGS OF tokenize_lang.py"  makes a data folder, and prints its name
folder_of() {
  set -e  # which a command substitution begins without
  local language=$1 name=${2:+ $2} source
  name=${name// --/-}
  name=books-$language${FULL:+-full}${name// /_}
  if [[ -n ${FULL:-} ]]; then
    source=(--source "https://data.statmt.org/cc-100/$language.txt.xz" --validation_tokens 64000000)
  elif [[ $language == manuals-* ]]; then
    flock data/manuals.lock python -m experiments.fetch_manuals >&2
    source=(--source "data/manuals/${language#manuals-}.txt" --validation_fraction 0.1)
  else
    flock data/corpora.lock python -m experiments.fetch_corpora --languages "$language" >&2
    source=(--source "data/corpora/$language.txt" --clusters "data/corpora/$language.books.tsv"
      --validation_clusters 20 --validation_documents_per_cluster 1)
  fi
  # shellcheck disable=SC2086
  data "$name" tokenize_lang.py "${source[@]}" --language "${language#manuals-}" $2
  echo "$name"
}

# how many steps of so many windows read so many megabytes of a data folder
steps() {
  python -c 'import json, sys
data, megabytes, context, windows = sys.argv[1:]
train = json.load(open(f"data/{data}/meta.json"))["splits"]["train"]
bytes_of_a_step = int(context) * int(windows) * train["bytes"] / train["tokens"]
print(round(1e6 * float(megabytes) / bytes_of_a_step))' "$@"
}

work() {
  local row=$1 runs=$2 seeds=$3 context=$6 windows=$7 megabytes=$8 data amount=()
  data=$(folder_of "$4" "$5")
  [[ $megabytes == all ]] || amount=(--max_steps "$(steps "$data" "$megabytes" "$context" "$windows")")
  pairs "$row" "$runs" "$seeds" "$data" --context "$context" --per_device_train_batch_size "$windows" \
    "${amount[@]}" "${@:9}"
  and_then "$row" "$runs" "$seeds" "data/$data"
}
and_then() { :; }  # what else an experiment does with the runs of a row: ROW RUNS "SEEDS" DATA

# code_lengths ROW RUNS "SEEDS"  scores what was read once, in scores/ROW-read_once
code_lengths() {
  local seed folders=()
  for seed in $3; do folders+=("runs/$2-seed$seed"); done
  python compute_aot.py --prequential "${folders[@]}" --output_dir "scores/$1-read_once"
}
export -f folder_of steps work and_then code_lengths
