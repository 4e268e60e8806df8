"""The server with one of its safeguards broken: each breakage must be caught by the checker.

`breakages` breaks it, `scenarios` provokes what the safeguard is there for. Neither is in the product.
"""
