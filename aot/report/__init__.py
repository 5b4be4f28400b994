"""Tables of experiments, from the scores of many pairs and texts."""
