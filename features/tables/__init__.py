"""One file for each source table, and `across` for what needs several: contract, derivations, features."""
