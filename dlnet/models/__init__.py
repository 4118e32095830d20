"""Liquid networks, their solvers and the simple models they have to beat."""
