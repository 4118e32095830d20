"""Compression of trained networks: pruning and low rank."""
