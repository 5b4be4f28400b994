"""What trained models say of a text: losses of each token, where ∂ sits, code lengths, and texts that they write."""
