"""Training of networks of every kind."""
