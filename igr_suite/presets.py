"""Run configs to start from, one function a family: `igr_suite.presets.vae("GS_Dis", epochs=1)`.

A config is a frozen dataclass; `config.with_values({"model.temperature": 0.3})` changes it, docs/options.md lists what
it has. Nothing here imports TensorFlow.
"""

from igr_suite.families.dni.presets import named as dni
from igr_suite.families.half_mnist.presets import half_mnist
from igr_suite.families.sbn.presets import sbn
from igr_suite.families.structured.presets import g3 as structured
from igr_suite.families.vae.presets import default as vae
from igr_suite.families.vae.presets import g2 as vae_g2
from igr_suite.families.vae.presets import g3 as vae_g3

__all__ = ["dni", "half_mnist", "sbn", "structured", "vae", "vae_g2", "vae_g3"]
