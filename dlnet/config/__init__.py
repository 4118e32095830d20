"""params.yaml as typed objects, one module for each section."""
