"""Continuous distributions on the simplex that approximate a discrete one, one a file, and the code that they share."""

from igr_suite.relaxations.argmax_distribution import argmax_log_probs, gaussian_argmax_log_probs, sampled_argmax_probs
from igr_suite.relaxations.base import Draw, Relaxation
from igr_suite.relaxations.gsp import GSP
from igr_suite.relaxations.gumbel_softmax import GumbelSoftmax
from igr_suite.relaxations.igr_i import IGRI, uniform_loc
from igr_suite.relaxations.igr_planar import IGRPlanar
from igr_suite.relaxations.igr_sb import IGRSB, IGRSBFinite
from igr_suite.relaxations.igr_sb_log import IGRSBLog
from igr_suite.relaxations.igsm import IGSM
from igr_suite.relaxations.kl import categorical_kl, closed_form_kl, gaussian_kl, monte_carlo_kl, sampled_kl, share_map
from igr_suite.relaxations.planar_flow import Planar, PlanarFlow, initial_planar_flow
from igr_suite.relaxations.registry import RELAXATIONS, register, relaxation
from igr_suite.relaxations.softmax_plus_plus import SoftmaxPlusPlus, log_softmax_plus_plus
from igr_suite.relaxations.stick_breaking import StickBreaking, StickBreakingLogRatios
from igr_suite.relaxations.stick_prior import uniform_stick_loc
from igr_suite.relaxations.vertices import distance_to_vertex, nearest_vertex

__all__ = [
    "GSP",
    "IGSM",
    "RELAXATIONS",
    "Draw",
    "GumbelSoftmax",
    "IGRI",
    "IGRPlanar",
    "IGRSB",
    "IGRSBFinite",
    "IGRSBLog",
    "Planar",
    "PlanarFlow",
    "Relaxation",
    "SoftmaxPlusPlus",
    "StickBreaking",
    "StickBreakingLogRatios",
    "argmax_log_probs",
    "categorical_kl",
    "closed_form_kl",
    "distance_to_vertex",
    "gaussian_argmax_log_probs",
    "gaussian_kl",
    "initial_planar_flow",
    "log_softmax_plus_plus",
    "monte_carlo_kl",
    "nearest_vertex",
    "register",
    "relaxation",
    "sampled_argmax_probs",
    "sampled_kl",
    "share_map",
    "uniform_loc",
    "uniform_stick_loc",
]
