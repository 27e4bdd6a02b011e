"""MicroNet: encoders that NASA trained on more than 100,000 micrographs.

Stuckner, Harder and Smith, "Microstructure segmentation with deep learning encoders pre-trained
on a large microscopy dataset", npj Computational Materials 8, 200 (2022). The addresses are those
of https://github.com/nasa/pretrained-microscopy-models (MIT), whose encoders have the names of
segmentation-models-pytorch.
"""

from emseg.networks.pretrained.fetching import UrlFile

_FOLDER = "https://nasa-public-data.s3.amazonaws.com/microscopy_segmentation_models"
LICENCE = "MIT"
_RETRAINED = {"resnet50": "1.1"}  # every other one is of version 1.0
_MISNAMED = {"resnext101_32x8d": "resnext101"}  # there
ENCODERS = (
    *("densenet121", "densenet161", "densenet169", "densenet201"),
    *("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131"),
    *(f"efficientnet-b{size}" for size in range(6)),
    *("inceptionresnetv2", "inceptionv4", "mobilenet_v2", "xception"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d"),
    *("se_resnet50", "se_resnet101", "se_resnet152"),
    *("se_resnext50_32x4d", "se_resnext101_32x4d", "senet154"),
    *("vgg11_bn", "vgg13_bn", "vgg16_bn"),
)


def micronet_file(encoder: str) -> UrlFile:
    """Return where the MicroNet weights of an encoder lie; it is one of ``ENCODERS``."""
    name, version = _MISNAMED.get(encoder, encoder), _RETRAINED.get(encoder, "1.0")
    return UrlFile(f"{_FOLDER}/{name}_pretrained_microscopynet_v{version}.pth.tar")
