"""Liquid cells, their solvers, the network and its file."""
