"""Models, how they are trained, what a run folder holds, and what makes two runs a pair."""
