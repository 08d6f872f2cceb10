"""The declared features of a few rows in memory, without an engine: what a service answers a caller with.

The same SQL as on Spark, compiled to numpy; the same fold; and the tests hold every feature against Spark's.
"""
