"""LiteRT in 8-bit integers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.errors import BadSetting
from core.formats._base import Format
from core.formats.litert import NOT_PYTORCH, LiteRt
from core.inputs import Inputs


class LiteRtInt8(Format):
    """The converter's own quantisation with a representative data set; inputs and outputs stay float32."""

    name = "litert-int8"
    title = "LiteRT, 8-bit"
    suffix = ".int8.tflite"
    frameworks = ("keras",)
    about = "Weights and activations as 8-bit integers, calibrated on samples: what small boards are made for."
    package = "ai-edge-litert"
    quantised = True
    elsewhere = NOT_PYTORCH

    def refuses(self, model: LoadedModel) -> str:
        return LiteRt().refuses(model)

    def write(self, model: LoadedModel, folder: Path, stem: str, samples: Inputs | None = None) -> Path:
        if samples is None:
            raise BadSetting("8-bit activations are calibrated on samples; choose a data set.")
        return model.write_calibrated(self.name, folder / f"{stem}{self.suffix}", samples)

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return LiteRt().snippet(model, file_name)

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        return LiteRt().constants(model, path)

    def notes(self, model: LoadedModel, path: Path) -> tuple[str, ...]:
        from core.int8 import read
        from core.int8.layers import became, told

        return told(became(model, read(path)))
