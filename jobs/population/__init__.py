"""A made-up population of applicants that looks like Home Credit's: read applicants, then risk, then the histories.

Every frame is made from ``spark.range`` by row-level SQL alone, so that it needs no shuffle and no collect, and
every random number is a hash of the seed, the row's stable ids and the draw's name: the same seed gives the same
rows whatever the partitions, and the first N applicants are the same in a larger population.
"""
