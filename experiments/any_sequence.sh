#!/usr/bin/env bash
# ∂ of sequences that are no language: source code and machine code, in bytes, and a genome, in letters.
#
#   bash experiments/any_sequence.sh [PREFIX] [more flags of run_clm_reverse.py ...]
#   FULL=1 bash experiments/any_sequence.sh      # 12 layers, 20 times the steps
#
# About 20 minutes on 2 cores. Reads the standard library and the extension modules of the Python that runs it, and
# corpora/ecoli.fasta.xz. Writes data/any-*, runs/PREFIX-*, scores/PREFIX-* and results/any_sequence*; run again, it goes on
# where it stopped.
source "$(dirname "$0")/sources.sh" any_sequence "$@"

source experiments/python_files.sh

files=(--level byte --documents file --document_length 4096 --validation_tokens 100000)
data any-code tokenize_lang.py --source "${code[@]}" "${files[@]}"
data any-binary tokenize_lang.py --source "${binary[@]}" "${files[@]}"
data any-dna tokenize_lang.py --source corpora/ecoli.fasta.xz --level char --documents fasta --document_length 1000 \
  --validation_fraction 0.1

if [[ -n ${FULL:-} ]]; then
  settings=(--size gpt1 --context 256 --per_device_train_batch_size 64 --max_steps 8000)
else
  settings=(--size micro --config_overrides n_layer=2,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0 --context 128
    --per_device_train_batch_size 16 --learning_rate 1e-3 --warmup_steps 0.05 --save_steps 0.5
    --max_steps 400)
fi
for kind in code binary dna; do
  row "$kind" "$prefix-$kind" "1 2 3" "any-$kind"
done | at_once
finish
