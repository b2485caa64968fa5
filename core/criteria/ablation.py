"""Ablation: the loss is measured with the unit gone. Slow and true."""

from core.criteria._base import PARTS, UNITS, UNSTRUCTURED, Criterion


class Ablation(Criterion):
    """L(without the unit) - L, on the calibration samples, everything else left as it is.

    One pass over the samples for every unit. Negative where the network is better off without.
    """

    name = "ablation"
    title = "Ablation"
    reference = "Mozer & Smolensky 1988, Skeletonization; Molchanov et al. 2017, arXiv:1611.06440 (oracle)"
    formula = "L(w with the unit zero) - L(w), measured"
    structures = (UNSTRUCTURED, *PARTS, *UNITS)
    ablates = True
