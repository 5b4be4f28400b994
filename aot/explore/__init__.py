"""What the explorer's page asks for: texts by pairs, token by token, by the quick learner, and written."""
