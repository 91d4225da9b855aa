"""Names of gradient estimators in figures; their colours are in `style`."""

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
    "ovis": "OVIS",
    "ovis_mc": "OVIS-MC",
    "rws": "RWS",
    "tvo": "TVO",
    "local_disarm": "local DisARM",
    "double_cv": "Double CV",
    "local_expectation": "local expectation",
    "carms": "CARMS",
    "disarm_sb": "DisARM-SB",
    "disarm_tree": "DisARM-Tree",
    "ars": "ARS",
    "arsm": "ARSM",
    "rodeo": "RODEO",
    "bitflip": "bitflip",
    "ugc": "UGC",
    "straight_through": "ST",
    "st_gumbel_softmax": "ST-GS",
    "gumbel_rao": "Gumbel-Rao",
    "gst": "GST",
    "reinmax": "ReinMax",
    "reinmax_rao": "ReinMax-Rao",
}


def label(estimator: str, temperature: float | None = None) -> str:
    """Returns the estimator's name in figures; for REBAR at a fixed temperature other than its usual 0.5 'REBAR(0.1)'."""
    name = LABELS.get(estimator, estimator)
    return f"{name}({temperature:g})" if estimator == "rebar" and temperature not in (None, 0.5) else name
