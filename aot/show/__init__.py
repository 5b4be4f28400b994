"""Figures, drawn from reports and tables."""
