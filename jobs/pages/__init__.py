"""What people look at: plots, pages, the model card, and their templates."""
