"""From sources to oriented windows: documents, splits, tokenizers, streams, and `orient`, which turns them round."""
