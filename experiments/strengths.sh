# Sources that make an arrow, or should, more or less strongly: source experiments/strengths.sh
#
#   made NAME ROW LINES     data/NAME-ROW-LINES, with LINES to train on; ROW is a kind and a number, such as driven-0.5
declare -A kinds=(
  [cause]="--source cause --replaced"
  [confounded]="--source confounded --replaced"
  [one_parent]="--source cause --parents 1 --replaced"
  [effect_first]="--source cause --effect_first --seed 1 --replaced"
  [table]="--source cause --replaced 0.1 --seed"  # other causes and effects of the same kind
  [driven]="--source driven --strength"
  [ratchet]="--source ratchet --strength"
  [relaxing]="--source relaxing --strength"
  [irreversible]="--source irreversible --symbols 8 --length 8 --seed"
)

made() {
  local folder=$1-$2-$3 kind
  read -ra kind <<< "${kinds[${2%-*}]}"
  flock "data/$folder.lock" python make_synthetic.py --name "$folder" "${kind[@]}" "${2##*-}" --train_lines "$3" \
    --validation_lines 500 >&2
}
