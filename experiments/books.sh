# What experiments on books share: source experiments/books.sh NAME [PREFIX] [more flags of run_clm_reverse.py ...]
#
# The text of a language is data/corpora/LANGUAGE.txt with its table of books, from experiments/fetch_corpora.py. 20 whole
# books are held out, and the last chapter of each is scored. Amounts are megabytes of text, whatever the tokens.
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

seeds="1 2 3"
shape=num_hidden_layers=3,intermediate_size=512  # with the width of `micro`, 1.1 million parameters
recipe=(--model_type nanochat --size micro --config_overrides "$shape" --optim muon --learning_rate 4e-3
  --warmup_steps 0.05 --save_steps 0.5 --eval_steps 0.25)

# row ROW LANGUAGE "FLAGS OF tokenize_lang.py" CONTEXT WINDOWS MEGABYTES [flags of run_clm_reverse.py ...]
# One line for `at_once`: data/books-LANGUAGE..., and pairs on so many megabytes of it, to runs/PREFIX-ROW.log. A step is
# of so many windows.
row() { printf '%q ' log "$prefix-$1" "$seeds" "${@:2:5}" "${recipe[@]}" "${@:7}" "${flags[@]}"; echo; }

work() {
  local row=$1 seeds=$2 language=$3 kind=$4 context=$5 windows=$6 megabytes=$7 text=data/corpora/$3 data steps
  data=" $kind"
  data=${data// --/-}
  data=books-$language${data// /_}
  flock data/corpora.lock python -m experiments.fetch_corpora --languages "$language"
  # shellcheck disable=SC2086
  data "$data" tokenize_lang.py --source "$text.txt" --clusters "$text.books.tsv" --language "$language" \
    --validation_clusters 20 --validation_documents_per_cluster 1 $kind
  steps=$(python -c 'import json, sys
train = json.load(open(sys.argv[1]))["splits"]["train"]
bytes_of_a_step = float(sys.argv[3]) * float(sys.argv[4]) * train["bytes"] / train["tokens"]
print(round(1e6 * float(sys.argv[2]) / bytes_of_a_step))' "data/$data/meta.json" "$megabytes" "$context" "$windows")
  pairs "$row" "$row" "$seeds" "$data" --context "$context" --per_device_train_batch_size "$windows" \
    --max_steps "$steps" "${@:8}"
  and_then "$row" "$seeds" "data/$data"
}
and_then() { :; }  # what else an experiment does with the runs of a row: ROW "SEEDS" DATA
export -f work and_then
