"""What a measured value can be; apart from the schema, for code that runs without pandera."""

SOH_RANGE = (0.05, 1.5)
"""Range of capacity over nominal capacity; outside of it the unit or the nominal capacity is wrong."""
