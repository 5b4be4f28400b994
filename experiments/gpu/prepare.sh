#!/usr/bin/env bash
# The data folders that an experiment trains on, small enough to be taken along, in one file. Needs no GPU.
#
#   bash experiments/gpu/prepare.sh NUMBER [flags of tokenize_lang.py ...]     # such as 3: a minute for each language
#   python -m tarfile -e data/gpu-NUMBER.tar.xz data                           # there
#
# Novels are those of experiments/fetch_corpora.py, data/corpora/LANGUAGE.txt and .books.tsv; CORPORA and DATA are other
# folders. Of a long text the first books of its table are taken, as many as have the megabytes that stand here: the
# three folders of numbers 3 and 4, or the six of 7, and the project fit into 64 MiB. Whole books are held out, and four
# chapters of each are kept to be scored.
set -euo pipefail
cd "$(dirname "$0")/../.."
corpora=${CORPORA:-data/corpora} data=${DATA:-data}
case ${1:-} in
  2 | 5 | 6 | 8) languages=fr kind=() ;;
  3) languages="fr en de" kind=() ;;
  4) languages="fr en de" kind=(--level symmetric_bpe) ;;
  7) languages="fi ru pl es it pt" kind=() ;;
  *) echo "prepare.sh NUMBER: 2 to 8, the number of an experiment in this folder; number 1 needs no text" >&2; exit 2 ;;
esac
number=$1 megabytes=44 books=14 folders=() missing=()
if ((number == 7)); then megabytes=24 books=10; fi
shift
mkdir -p "$data/gpu-corpora"
for language in $languages; do
  text=$corpora/$language.txt table=$corpora/$language.books.tsv part=$data/gpu-corpora/$language
  if ! [[ -f $text && -f $table ]]; then
    missing+=("$text")
    continue
  fi
  # a document ends at a blank line; columns 5 and 6 are the first document of a book, from 0, and their number
  LC_ALL=C awk -F '\t' -v most="${megabytes}000000" -v text="$part.txt" -v table="$part.books.tsv" '
    NR == FNR { line[FNR] = $0; if (FNR > 1) ends[$5 + $6] = FNR; next }
    { book = book $0 "\n\n" }
    (++documents) in ends {
      if ((size += length(book)) > most) exit
      printf "%s", book > text
      book = ""
      last = ends[documents]
    }
    END { for (number = 1; number <= last; number++) print line[number] > table }' "$table" RS= "$text"
  name=gpu-$language${kind[1]:+-${kind[1]}}
  python tokenize_lang.py --source "$part.txt" --clusters "$part.books.tsv" --language "$language" --name "$name" \
    --output_dir "$data" --vocab_size 16384 --validation_clusters "$books" --validation_documents_per_cluster 4 \
    "${kind[@]}" "$@"
  folders+=("$name")
done
if ((${#folders[@]})); then
  packed=$data/gpu-$number.tar.xz
  tar -C "$data" -cf - "${folders[@]}" | xz -T0 > "$packed.partial"
  mv "$packed.partial" "$packed"
  du --apparent-size --block-size 100K "$packed" | awk '{ printf "%.1f MB  %s\n", $1 / 10, $2 }'
fi
if ((${#missing[@]})); then
  echo "not there, or without a table of books: ${missing[*]}; experiments/fetch_corpora.py fetches novels" >&2
  exit 1
fi
