"""params.yaml as typed objects, one module a section."""
