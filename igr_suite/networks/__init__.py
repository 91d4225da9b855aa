"""Networks: affine chains, dense and convolutional networks, batch normalisation, likelihoods."""
