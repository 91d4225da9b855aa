"""A linear-Gaussian latent-variable model on which importance-weighted gradients have closed forms."""
