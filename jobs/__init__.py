"""The verbs: how a delivery becomes tables, a model, scores and explanations."""
