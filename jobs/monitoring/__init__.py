"""What became of deliveries: how far they have moved, what the model expected of them, and what came."""
