#!/usr/bin/env bash
# Quick ∂ of sequences that are no novels: source code and machine code in bytes, a genome in letters, recorded speech in
# 8-bit samples, and laws where a folder has them.
#
#   bash experiments/quick_sequences.sh [FOLDER] [more flags of compute_aot.py ...]
#
# Three minutes on 2 cores. Reads the standard library and the extension modules of the Python that runs it, and
# corpora/ecoli.fasta.xz; fetches the speech (experiments/fetch_sounds.py). FOLDER: as in experiments/quick.sh, of which
# el_law and id_law are read. Writes scores/quick_sequences-* and results/quick_sequences*.
source "$(dirname "$0")/quick.sh" quick_sequences "$@"

source experiments/python_files.sh
python -m experiments.fetch_sounds

files=(--documents file --level byte --no_null --max_symbols 3000000 --learners 2 6 12 12+match+adjust)
read_once code --text "${code[@]}" "${files[@]}" --clusters file --document_length 4096
read_once code-whole --text "${code[@]}" "${files[@]}"
read_once binary --text "${binary[@]}" "${files[@]}" --clusters file --document_length 4096
read_once dna --text corpora/ecoli.fasta.xz --documents fasta --document_length 1000 --no_null \
  --learners 2 6 12 12+match+adjust
read_once speech --text data/sounds/speech "${files[@]}" --clusters file --document_length 4000
read_once noise --text data/sounds/noise "${files[@]}" --document_length 4000
if ((${#folders[@]})); then
  while read -r row file books; do
    [[ $books != - ]] && clusters=(--clusters "$books") || clusters=()
    read_once "$row" --text "$file" "${clusters[@]}" --max_symbols 3000000 --no_null \
      --learners 2 6 12 12+match+adjust
  done < <(texts el_law id_law)
  wait "$!"  # for texts: did it fail?
fi
finish
