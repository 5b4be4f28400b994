"""The learner that needs no training: context mixing, the profile of ∂ that it finds, and `compute_aot.py --quick`."""
