"""Results on disk: images, tables and previews, whole or not at all."""

from emseg.writing.content import (
    Content,
    instance_content,
    label_content,
    micrograph_content,
    probability_content,
    uncertainty_content,
)
from emseg.writing.images import write_label_images, write_micrographs
from emseg.writing.locks import alone
from emseg.writing.previews import write_preview
from emseg.writing.scale_bar import scale_bar
from emseg.writing.sink import Sink
from emseg.writing.tables import write_table
from emseg.writing.targets import TARGETS, open_sink, target_of
from emseg.writing.texts import write_text
from emseg.writing.whole import (
    require_apart,
    require_writable,
    results_folder,
    whole_file,
    whole_folder,
)
