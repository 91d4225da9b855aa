"""Layers of latent variables for Keras models of one's own (docs/use_a_layer.md).

    from igr_suite.layers import RelaxedCategorical

Importing it registers the layers, so that keras.models.load_model finds them without custom_objects.
"""

from igr_suite.layers.gaussian_latent import GaussianLatent
from igr_suite.layers.relaxed_bernoulli import RelaxedBernoulli
from igr_suite.layers.relaxed_categorical import RelaxedCategorical

__all__ = ["GaussianLatent", "RelaxedBernoulli", "RelaxedCategorical"]
