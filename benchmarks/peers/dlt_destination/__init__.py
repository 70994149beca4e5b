"""dlt with a custom destination."""
