"""∂ and its interval, as a metric of the `evaluate` library: a folder that needs nothing of the others."""
