"""Names of gradient estimators as figures show them; each has its colour in `style`."""

LABELS = {
    "exact": "exact",
    "reinforce": "REINFORCE",
    "nvil": "NVIL",
    "simple_muprop": "SimpleMuProp",
    "muprop": "MuProp",
    "rebar": "REBAR",
    "dynamic_rebar": "DynamicREBAR",
    "relax": "RELAX",
    "lax": "LAX",
    "concrete": "Concrete",
    "arm": "ARM",
    "disarm": "DisARM",
    "arms": "ARMS",
    "rloo": "RLOO",
    "vimco": "VIMCO",
    "local_disarm": "local DisARM",
    "double_cv": "Double CV",
    "straight_through": "ST",
    "st_gumbel_softmax": "ST-GS",
}


def label(estimator: str, temperature: float | None = None) -> str:
    """'REBAR(0.1)' for REBAR at a fixed temperature that is not its usual .5, otherwise the estimator's name in
    figures."""
    name = LABELS.get(estimator, estimator)
    return f"{name}({temperature:g})" if estimator == "rebar" and temperature not in (None, 0.5) else name
