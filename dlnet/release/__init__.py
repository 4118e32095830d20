"""From a registered version to a firmware release."""
