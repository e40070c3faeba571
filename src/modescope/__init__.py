"""See, measure and cure mode collapse in GANs."""
