"""Everything a user can set, checked once, frozen, and written beside each result as TOML."""

from emseg.config.base import Config, Device, Rescale, Task, parse_slices
from emseg.config.converting import ConvertConfig, InfoConfig
from emseg.config.evaluating import EvaluateConfig, Numbered
from emseg.config.explaining import ExplainConfig, Explanation
from emseg.config.measuring import Border, MeasureConfig
from emseg.config.predicting import (
    BenchmarkConfig,
    ExportConfig,
    ExportKind,
    ImageFormat,
    PredictConfig,
)
from emseg.config.setting import Setting, Text, setting_of
from emseg.config.training import MOST_NEIGHBOURS, Optimiser, Precision, TrainConfig
from emseg.config.unattended import Unattended
