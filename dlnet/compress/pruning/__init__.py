"""Pruning: weights by size, neurons and features by importance, steps and knots by number."""
