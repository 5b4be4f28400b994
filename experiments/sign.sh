#!/usr/bin/env bash
# What makes the sign of a small pair? Novels in two languages, and one thing at a time changed from one recipe: tokens,
# architecture, optimizer, learning rate, dropout, context, amount of text. For each, ∂ and where in the text it is.
#
#   bash experiments/sign.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   LANGUAGES=fr bash experiments/sign.sh     # one language, half of the time
#
# Three hours or so on 2 cores, less what others have trained. Writes data/books-*, runs/*, scores/PREFIX-* and
# results/sign*; run again, it goes on where it stopped.
source "$(dirname "$0")/books.sh" sign "$@"

and_then() {
  local folders=() seed
  for seed in $3; do folders+=("runs/$2-seed$seed"); done
  python compute_aot.py --prequential "${folders[@]}" --output_dir "scores/$1-read_once"
  python compute_aot.py --data "$4" --output_dir "scores/$1" --pair "${folders[@]}" --where
}
export -f and_then

# the runs of these rows are those that another experiment trains
declare -A theirs=([fr-base]=languages-French [de-base]=languages-German [fr-context_64]=context-French-T64
  [fr-context_1024]=context-French-T1024 [fr-architecture_gpt2]=architectures-gpt2
  [fr-architecture_llama]=architectures-llama)

symmetric="--level symmetric_bpe --vocab_size" gpt2=(--model_type gpt2 --config_overrides)
still=n_layer=3,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0
for language in ${LANGUAGES:-fr de}; do
  of() {  # name, tokens, context, windows in a step, megabytes, flags
    local runs=sign-$language-$1
    runs=${theirs[$language-$1]:-$runs}
    row "$language-$1" "${prefix/#sign/${runs%%-*}}-${runs#*-}" "$seeds" "$language" "${@:2}"
  }
  of base "$symmetric 2048" 256 8 2.5
  of tokens_bpe "--vocab_size 2048" 256 8 2.5
  of architecture_gpt2 "$symmetric 2048" 256 8 2.5 "${gpt2[@]}" "$still"
  of optimizer_adamw "$symmetric 2048" 256 8 2.5 --optim adamw_torch --learning_rate 2e-3
  of amount_10MB "$symmetric 2048" 256 8 10
  of tokens_characters "--level char" 768 8 2.5  # about as much text in a window, and in a step
  of tokens_bpe_of_reversed_text "--vocab_size 2048 --reverse_text" 256 8 2.5
  of vocabulary_1k "$symmetric 1024" 256 8 2.5
  of vocabulary_8k "$symmetric 8192" 256 8 2.5
  of architecture_llama "$symmetric 2048" 256 8 2.5 --model_type llama --config_overrides num_hidden_layers=3
  of architecture_tied "$symmetric 2048" 256 8 2.5 --config_overrides "$shape,tie_word_embeddings=true"
  of context_64 "$symmetric 2048" 64 32 2.5
  of context_1024 "$symmetric 2048" 1024 2 2.5
  of rate_2e-3 "$symmetric 2048" 256 8 2.5 --learning_rate 2e-3
  of rate_8e-3 "$symmetric 2048" 256 8 2.5 --learning_rate 8e-3
  of gpt2_adamw "$symmetric 2048" 256 8 2.5 "${gpt2[@]}" "$still" --optim adamw_torch --learning_rate 1e-3
  of gpt2_dropout "$symmetric 2048" 256 8 2.5 "${gpt2[@]}" n_layer=3
  of tokens_bytes "--level byte" 768 8 2.5
done | at_once
finish
