"""Figures, tables and pages of a pipeline run."""
