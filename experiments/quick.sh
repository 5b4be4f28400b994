# What experiments without a model share: source experiments/quick.sh NAME [FOLDER ...] [more flags of compute_aot.py ...]
#
#   read_once ROW [flags] reads a text into scores/NAME-ROW, unless that is there, and says in a line what came out
#   texts [LANGUAGE ...]  the texts of the folders, all or of these languages, a line each: row, file, table of books or -
#   finish                table and figure
#
# A folder has NAME.txt, .txt.xz or .txt.bz2, and with them NAME.books.tsv, or one books.tsv for all: tables of the first
# document and the number of documents of each book, which are then what the interval takes for a sample. Without a
# folder, the texts are those of experiments.fetch_manuals.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=$1
shift
if [[ -n ${FULL:-} ]]; then
  echo "$name.sh: needs no model, and has no FULL=1" >&2
  exit 2
fi
folders=()
while (($#)) && [[ $1 != --* ]]; do
  if [[ ! -d $1 ]]; then
    echo "$1: no such folder, as seen from $PWD" >&2
    exit 2
  fi
  folders+=("${1%/}")
  shift
done
flags=("$@")
mkdir -p data scores

read_once() {
  local row=$1 log=scores/$name-$1.log
  shift
  if ! python compute_aot.py --quick --output_dir "${log%.log}" "$@" "${flags[@]}" > "$log" 2>&1; then
    echo "$row: $(tail -n 1 "$log")" >&2
    return 1
  fi
  echo "$row: $(grep -a 'compresses best' "$log" || tail -n 1 "$log")"
}

texts() {
  local folder file language row books
  if ((!${#folders[@]})); then
    flock data/manuals.lock python -m experiments.fetch_manuals >&2
    folders=(data/manuals)
  fi
  for folder in "${folders[@]}"; do
    for file in "$folder"/*.txt "$folder"/*.txt.xz "$folder"/*.txt.bz2; do
      [[ -e $file ]] || continue
      language=$(basename "${file%.txt*}")
      (($# == 0)) || [[ " $* " == *" $language "* ]] || continue
      row=$language books=-
      ((${#folders[@]} == 1)) || row=$(basename "$folder")-$language
      for table in "$folder/$language.books.tsv" "$folder/books.tsv"; do
        [[ $books != - || ! -e $table ]] || books=$table
      done
      echo "$row $file $books"
    done
  done
}

finish() { python report.py "$name"; }
