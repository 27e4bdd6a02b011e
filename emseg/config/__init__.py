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
from emseg.config.base import Config, Rescale, Task, parse_slices
from emseg.config.measuring import Border, MeasureConfig
from emseg.config.setting import Setting, Text, setting_of
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
    "Numbered",
    "Optimiser",
    "Precision",
    "PredictConfig",
    "Rescale",
    "Setting",
    "Task",
    "Text",
    "TrainConfig",
    "parse_slices",
    "setting_of",
]
