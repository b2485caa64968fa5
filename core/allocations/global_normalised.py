"""One threshold for all pools, after each layer's scores were divided by their norm."""

from dataclasses import replace

from core.allocations._base import Claim
from core.allocations._moments import norm
from core.allocations.global_ranking import Ranking
from core.scores import Scores


class GlobalNormalised(Ranking):
    """score / ‖scores of the layer‖₂, then one threshold.

    With magnitude that is |w| / ‖W‖₂: small layers and layers with large weights are spared, other than by the plain
    global ranking. Some tools do this and call it global magnitude.
    """

    name = "global_normalised"
    title = "Global, normalised per layer"
    note = "All layers compete after each layer's scores are divided by their L2 norm."
    reference = "NNCF, magnitude sparsity: |w| / ‖W‖₂ per layer, then one threshold"

    def ranked(self, claim: Claim) -> Scores:
        return replace(claim.worth, factor=claim.worth.factor / (norm(claim.worth) or 1.0))
