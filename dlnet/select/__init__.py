"""Pareto fronts: which models are worth keeping."""
