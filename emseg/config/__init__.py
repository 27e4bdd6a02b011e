"""Everything a user can set, checked once, frozen, and written beside each result as TOML."""

from emseg.config.applying import (
    ConvertConfig,
    EvaluateConfig,
    ExplainConfig,
    Explanation,
    ImageFormat,
    InfoConfig,
    Numbered,
    PredictConfig,
)
from emseg.config.base import Config, Memory, Rescale, Slices, Task, Threads, parse_slices
from emseg.config.measuring import Border, MeasureConfig
from emseg.config.training import MOST_NEIGHBOURS, Optimiser, Precision, TrainConfig

__all__ = [
    "MOST_NEIGHBOURS",
    "Border",
    "Config",
    "ConvertConfig",
    "EvaluateConfig",
    "ExplainConfig",
    "Explanation",
    "ImageFormat",
    "InfoConfig",
    "MeasureConfig",
    "Memory",
    "Numbered",
    "Optimiser",
    "Precision",
    "PredictConfig",
    "Rescale",
    "Slices",
    "Task",
    "Threads",
    "TrainConfig",
    "parse_slices",
]
