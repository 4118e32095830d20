"""Liquid cells, solvers, networks, and the files of a saved model."""
