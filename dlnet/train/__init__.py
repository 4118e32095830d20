"""The one trainer of every network."""
