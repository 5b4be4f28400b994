"""What goes to the Hub: checkpoints, cards, data, the metric and the explorer."""
