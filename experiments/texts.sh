# What experiments on texts share: source experiments/texts.sh NAME [PREFIX] [more flags of run_clm_reverse.py ...]
#
# An experiment prints a line for each row of its table with `row`, and `at_once` does them.
source "$(dirname "${BASH_SOURCE[0]}")/rows.sh"

if [[ -n ${FULL:-} ]]; then  # as in the paper: GPT2-Medium on CC100, 180 windows a step, each pair once
  seeds=1
  languages="en:English fr:French de:German el:Greek fi:Finnish tr:Turkish vi:Vietnamese id:Indonesian ar:Arabic
    he:Hebrew tl:Tagalog"
  settings=(--per_device_train_batch_size 90 --gradient_accumulation_steps 2 --warmup_steps 4000 --max_steps 500000)
else  # two layers of width 128, 0.7 million tokens, a text three or four times: little need of dropout, which takes time
  seeds="1 2 3"
  languages="en:English fr:French de:German es:Spanish it:Italian pt:Portuguese sv:Swedish fi:Finnish el:Greek
    tr:Turkish vi:Vietnamese id:Indonesian ru:Russian"
  dropout=resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
  settings=(--size micro --config_overrides "n_layer=2,$dropout" --context 128 --per_device_train_batch_size 8
    --learning_rate 1e-3 --warmup_steps 0.05 --eval_steps 0.25 --save_steps 0.5 --max_steps 700)
  flock data/manuals.lock python -m experiments.fetch_manuals
fi

# row ROW RUNS "SEEDS" LANGUAGE "[flags of tokenize_lang.py]" [flags of run_clm_reverse.py ...]
# One line for `at_once`: the text of the language, and `pairs` on it, to runs/PREFIX-ROW.log.
row() { printf '%q ' log "$prefix-$1" "$2" "$3" "$4" "$5" "${settings[@]}" "${@:6}" "${flags[@]}"; echo; }

trained_and_scored() {
  local language=$4 kind=$5 data
  data="text-$language${FULL:+-full}${kind//--/-}"
  data=${data// /_}
  local source=(--source "data/manuals/$language.txt" --validation_fraction 0.1 --vocab_size 2048)
  if [[ -n ${FULL:-} ]]; then
    source=(--source "https://data.statmt.org/cc-100/$language.txt.xz" --validation_tokens 64000000)
  fi
  # shellcheck disable=SC2086
  data "$data" tokenize_lang.py "${source[@]}" --language "$language" $kind
  pairs "${@:1:3}" "$data" "${@:6}"
}
work() { trained_and_scored "$@"; }
export -f trained_and_scored work
