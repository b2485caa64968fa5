"""What is a weight worth? One small file each; add yours to the tuple."""

from core.criteria._base import Criterion, Fold
from core.criteria._gather import gather
from core.criteria._signals import Need, Signals
from core.criteria.ablation import Ablation
from core.criteria.activation_mean import ActivationMean
from core.criteria.activation_taylor import ActivationTaylor
from core.criteria.apoz import Apoz
from core.criteria.bn_scale import BnScale
from core.criteria.contribution import Contribution
from core.criteria.fisher import Fisher
from core.criteria.fpgm import Fpgm
from core.criteria.gradient import Gradient
from core.criteria.grasp import Grasp
from core.criteria.hessian import Hessian
from core.criteria.hrank import Hrank
from core.criteria.l1_norm import L1Norm
from core.criteria.l2_norm import L2Norm
from core.criteria.magnitude import Magnitude
from core.criteria.movement import Movement
from core.criteria.obd import Obd
from core.criteria.random import Random
from core.criteria.snip import Snip
from core.criteria.squared_gradient import SquaredGradient
from core.criteria.squared_magnitude import SquaredMagnitude
from core.criteria.synflow import Synflow
from core.criteria.taylor import Taylor
from core.criteria.wanda import Wanda
from core.criteria.woodfisher import WoodFisher
from core.registry import Registry

CRITERIA: Registry[Criterion] = Registry(
    "criterion",
    (
        Magnitude(),
        SquaredMagnitude(),
        L1Norm(),
        L2Norm(),
        BnScale(),
        Fpgm(),
        Synflow(),
        Gradient(),
        SquaredGradient(),
        Taylor(),
        ActivationTaylor(),
        Snip(),
        Grasp(),
        Fisher(),
        WoodFisher(),
        Hessian(),
        Obd(),
        Wanda(),
        Contribution(),
        ActivationMean(),
        Apoz(),
        Hrank(),
        Movement(),
        Ablation(),
        Random(),
    ),
)

__all__ = ["CRITERIA", "Criterion", "Fold", "Need", "Signals", "gather"]
