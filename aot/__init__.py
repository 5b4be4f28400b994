"""What two scripts or more need, one concern per module: text, data, models, scoring, runs, figures."""
