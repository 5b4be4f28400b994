#!/usr/bin/env bash
# From nothing to ∂ of a text of one's own, as a new user: installs this into an environment of its own and times each
# command. Writes results/first_run.csv.
#
#     bash experiments/first_run.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
commit=$(git -C "$root" describe --always)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$root/corpora/en.txt" my.txt
"${PYTHON:-python3}" -m venv venv
PATH="$work/venv/bin:$PATH"
cores=$(nproc)
echo "command,seconds,cores,commit" > first_run.csv

timed() { # the command as a user types it
    local begin=$SECONDS
    eval "$1" < /dev/null
    echo "\"$1\",$((SECONDS - begin)),$cores,$commit" >> first_run.csv
}

small="--vocab_size 4096 --size micro --context 128 --learning_rate 1e-3 --per_device_train_batch_size 16"
timed "pip install -q $root" | sed "s|$root|.|"
sed -i "s|$root|.|" first_run.csv
timed "aot quick --text my.txt"
timed "aot train --train_file my.txt $small --seeds 1 2 3 --output_dir runs/my"
timed "aot measure --pair runs/my-seed1 runs/my-seed2 runs/my-seed3 --data data/my"
cp first_run.csv "$root/results/first_run.csv"
