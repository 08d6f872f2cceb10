"""How a model is found: candidates cross-validated on the executors, and the search among them."""
