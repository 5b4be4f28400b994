#!/usr/bin/env bash
# Quick ∂ of animal calls, speech, music and machine noise, in 8-bit samples; of the same with random phases and of white
# noise, which have no arrow, and of struck tones that decay, which have one.
#
#   bash experiments/quick_sounds.sh [more flags of compute_aot.py ...]
#
# Four minutes on one core. Fetches the recordings (experiments/fetch_sounds.py). Writes scores/quick_sounds-* and results/quick_sounds*.
source "$(dirname "$0")/quick.sh" quick_sounds "$@"

flock data/recordings.lock python -m experiments.fetch_sounds --collection recordings
for kind in {animals,speech,music,machines,struck_tones}{,-phases} white_noise; do
  read_once "$kind" --text "data/recordings/$kind" --documents file --clusters file --document_length 4000 --level byte \
    --no_null --max_symbols 1000000 --learners 2 6 12 12+adjust
done
finish
