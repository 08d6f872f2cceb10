"""Who becomes champion: the gates, the evidence that they judge, and the history of changes."""
