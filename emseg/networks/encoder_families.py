"""Encoders of segmentation-models-pytorch by family; ``tu-NAME`` is any of timm besides."""

from emseg.networks import papers
from emseg.networks.entry import EncoderFamily

_MICRONET = ("imagenet", "micronet")


def _numbered(name: str, numbers: range | tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{name}{number}" for number in numbers)


ENCODER_FAMILIES = (
    EncoderFamily(
        "ResNet",
        _numbered("resnet", (18, 34, 50, 101, 152)),
        "Shortcuts around each block; the usual choice.",
        papers.RESNET,
        _MICRONET,
    ),
    EncoderFamily(
        "ResNeXt",
        (
            "resnext50_32x4d",
            *(f"resnext101_32x{width}d" for width in (4, 8, 16, 32, 48)),
        ),
        "ResNet with grouped convolutions.",
        papers.RESNEXT,
        _MICRONET,
    ),
    EncoderFamily(
        "DenseNet",
        _numbered("densenet", (121, 169, 201, 161)),
        "Each layer sees all before it; cannot be dilated.",
        papers.DENSENET,
        _MICRONET,
    ),
    EncoderFamily(
        "VGG",
        (*_numbered("vgg", (11, 13, 16, 19)), *(f"vgg{n}_bn" for n in (11, 13, 16, 19))),
        "Plain convolutions, a stage at full size; heavy, cannot be dilated.",
        papers.VGG,
        _MICRONET,
    ),
    EncoderFamily(
        "EfficientNet",
        (
            *(f"efficientnet-b{n}" for n in range(8)),
            *(f"timm-efficientnet-b{n}" for n in range(9)),
            "timm-efficientnet-l2",
        ),
        "Scaled in width, depth and size at once; sees the whole tile.",
        papers.EFFICIENTNET,
        _MICRONET,
    ),
    EncoderFamily(
        "EfficientNet-Lite",
        _numbered("timm-tf_efficientnet_lite", range(5)),
        "EfficientNet without squeeze-and-excitation, for CPUs.",
        papers.EFFICIENTNET,
    ),
    EncoderFamily(
        "MobileNet",
        ("mobilenet_v2",),
        "Inverted residuals, for telephones and CPUs.",
        papers.MOBILENET_V2,
        _MICRONET,
    ),
    EncoderFamily(
        "MobileOne",
        _numbered("mobileone_s", range(5)),
        "Branches in training, one convolution in prediction.",
        papers.MOBILEONE,
    ),
    EncoderFamily(
        "SE-Net",
        (
            *("se_resnet50", "se_resnet101", "se_resnet152"),
            *("se_resnext50_32x4d", "se_resnext101_32x4d", "senet154"),
        ),
        "ResNet and ResNeXt with squeeze-and-excitation; sees the whole tile.",
        papers.SENET,
        _MICRONET,
    ),
    EncoderFamily(
        "SK-Net",
        ("timm-skresnet18", "timm-skresnet34", "timm-skresnext50_32x4d"),
        "Chooses between kernels of two sizes; sees the whole tile.",
        papers.SKNET,
    ),
    EncoderFamily(
        "DPN",
        ("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131"),
        "Residual and dense connections together.",
        papers.DPN,
        _MICRONET,
    ),
    EncoderFamily(
        "Inception",
        ("inceptionv4", "inceptionresnetv2"),
        "Several scales side by side; cannot be dilated.",
        papers.INCEPTION_V4,
        _MICRONET,
    ),
    EncoderFamily(
        "Xception",
        ("xception",),
        "Separable convolutions throughout; cannot be dilated.",
        papers.XCEPTION,
        _MICRONET,
    ),
    EncoderFamily(
        "Mix transformer",
        _numbered("mit_b", range(6)),
        "The transformer of SegFormer; sees the whole tile.",
        papers.SEGFORMER,
    ),
)
