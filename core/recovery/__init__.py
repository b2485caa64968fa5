"""What heals a pruned network."""
