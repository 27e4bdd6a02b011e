"""The curated networks: what each is, where it was published, which weights there are.

Nothing heavy is imported here, so that the catalogue is listed at once; figures stand in the
table beside this file (`emseg.networks.figures`).
"""

from emseg.config import Task
from emseg.networks import papers
from emseg.networks.entry import NetworkEntry, Paper

_IMAGENET = ("imagenet",)
_MICRONET = ("imagenet", "micronet")
_OF_ITS_SIZE = "It is built for one image size, that of the crops."


def _classifier(
    name: str,
    family: str,
    library: str,
    title: str,
    about: str,
    paper: Paper,
    weights: tuple[str, ...] = (),
) -> NetworkEntry:
    return NetworkEntry(Task.CLASSIFICATION, name, family, library, title, about, paper, weights)


def _vgg(layers: int) -> NetworkEntry:
    about = (
        f"{layers} layers with weights: blocks of 3 x 3 convolutions, five poolings and three "
        "linear layers of 4096 units. Heavy, and slow to train without pretrained weights."
    )
    return _classifier(
        f"vgg{layers}", "VGG", "torchvision", f"VGG-{layers}", about, papers.VGG, _IMAGENET
    )


def _resnet(layers: int, block: str) -> NetworkEntry:
    about = (
        f"{layers} layers in blocks of {block}, each with a shortcut around it. The usual choice "
        "where pretrained weights are at hand; stochastic depth by option."
    )
    name, title = f"resnet{layers}", f"ResNet-{layers}"
    return _classifier(name, "ResNet", "timm", title, about, papers.RESNET, _IMAGENET)


def _densenet(layers: int, growth: int, weights: tuple[str, ...] = _IMAGENET) -> NetworkEntry:
    about = (
        f"{layers} layers in four dense blocks with a growth of {growth}: each layer sees the "
        "outputs of all before it. Learns well from few micrographs."
    )
    library = "timm" if weights else "torchvision"
    name, title = f"densenet{layers}", f"DenseNet-{layers}"
    return _classifier(name, "DenseNet", library, title, about, papers.DENSENET, weights)


CLASSIFIERS = (
    _classifier(
        "lenet5",
        "LeNet",
        "emseg",
        "LeNet-5",
        "Two convolutions with sigmoid and average pooling and three linear layers, as in 1998. "
        + _OF_ITS_SIZE,
        papers.LENET,
    ),
    _classifier(
        "lenet5_modern",
        "LeNet",
        "emseg",
        "LeNet-5 with ReLU and maximum pooling",
        "LeNet-5 with what is usual today in place of sigmoid and average pooling. " + _OF_ITS_SIZE,
        papers.LENET,
    ),
    _classifier(
        "bn_lenet",
        "LeNet",
        "emseg",
        "LeNet-5 with batch normalisation",
        "LeNet-5 with batch normalisation before each sigmoid, so that it can learn at high "
        "rates. " + _OF_ITS_SIZE,
        papers.BATCH_NORM,
    ),
    _classifier(
        "alexnet",
        "AlexNet",
        "emseg",
        "AlexNet",
        "Five convolutions from 11 x 11 down to 3 x 3 and three linear layers with dropout, on one "
        "device. " + _OF_ITS_SIZE + " That of torchvision is torchvision_alexnet.",
        papers.ALEXNET,
    ),
    *(_vgg(layers) for layers in (11, 13, 16, 19)),
    _classifier(
        "nin",
        "NiN",
        "emseg",
        "Network in network",
        "Convolutions of the sizes of AlexNet, each followed by two of 1 x 1, and a global average "
        "in place of linear layers. Few parameters for its time.",
        papers.NIN,
    ),
    _classifier(
        "googlenet",
        "Inception",
        "torchvision",
        "GoogLeNet",
        "Nine Inception blocks, each of which looks at four scales side by side. Light and quick.",
        papers.GOOGLENET,
        _IMAGENET,
    ),
    _classifier(
        "inception_v3",
        "Inception",
        "timm",
        "Inception v3",
        "Inception blocks with large kernels factorised into small ones and batch normalisation. "
        "Made for images of 299 x 299 pixels.",
        papers.INCEPTION_V3,
        _IMAGENET,
    ),
    _classifier(
        "inception_v4",
        "Inception",
        "timm",
        "Inception v4",
        "Deeper and more uniform than v3, without shortcuts. Made for images of 299 x 299 pixels.",
        papers.INCEPTION_V4,
        _IMAGENET,
    ),
    _resnet(18, "two convolutions"),
    _resnet(34, "two convolutions"),
    _resnet(50, "three convolutions"),
    _classifier(
        "densenet",
        "DenseNet",
        "emseg",
        "DenseNet, small",
        "A stem of 64 filters and four dense blocks of four convolutions, growth 32. The one to "
        "read, and light enough for a laptop.",
        papers.DENSENET,
    ),
    _densenet(121, 32),
    _densenet(161, 48),
    _densenet(169, 32),
    _densenet(201, 32),
    _densenet(264, 32, ()),
    _classifier(
        "squeezenet1_0",
        "SqueezeNet",
        "torchvision",
        "SqueezeNet 1.0",
        "Fire blocks: few 1 x 1 filters feed many of 1 x 1 and 3 x 3. Fifty times fewer parameters "
        "than AlexNet.",
        papers.SQUEEZENET,
        _IMAGENET,
    ),
    _classifier(
        "squeezenet1_1",
        "SqueezeNet",
        "torchvision",
        "SqueezeNet 1.1",
        "SqueezeNet with a smaller stem and earlier pooling. The same accuracy for 2.4 times less "
        "work.",
        papers.SQUEEZENET,
        _IMAGENET,
    ),
    _classifier(
        "mobilenet_v2",
        "MobileNet",
        "torchvision",
        "MobileNet v2",
        "Inverted residuals with one filter a channel, for telephones and CPUs. Quick where memory "
        "is short.",
        papers.MOBILENET_V2,
        _IMAGENET,
    ),
    _classifier(
        "mobilenet_v3_small",
        "MobileNet",
        "torchvision",
        "MobileNet v3, small",
        "MobileNet v2 refined by search, with squeeze-and-excitation. The lightest network with "
        "pretrained weights here.",
        papers.MOBILENET_V3,
        _IMAGENET,
    ),
    _classifier(
        "mobilenet_v3_large",
        "MobileNet",
        "torchvision",
        "MobileNet v3, large",
        "MobileNet v2 refined by search, with squeeze-and-excitation. Better than the small one "
        "for four times its work.",
        papers.MOBILENET_V3,
        _IMAGENET,
    ),
    _classifier(
        "tf_efficientnet_lite0",
        "EfficientNet",
        "timm",
        "EfficientNet-Lite0",
        "EfficientNet-B0 without squeeze-and-excitation, for CPUs. --network efficientnet_lite0 "
        "means it too.",
        papers.EFFICIENTNET,
        _IMAGENET,
    ),
)


def _segmenter(
    name: str, title: str, about: str, paper: Paper, encoder: str = "resnet34"
) -> NetworkEntry:
    weights = _MICRONET if encoder == "resnet34" else _IMAGENET
    family = "DeepLab" if name.startswith("deeplab") else title.partition(" on ")[0]
    return NetworkEntry(
        Task.SEGMENTATION, name, family, "smp", title, about, paper, weights, encoder
    )


CLASSIC_UNET = NetworkEntry(
    Task.SEGMENTATION,
    "unet",
    "U-Net",
    "emseg",
    "U-Net, classic",
    "A way down and a way up with connections between them: light, exact to the pixel, and trained "
    "from scratch in minutes. Padding, normalisation, activation, width and depth by option.",
    papers.UNET,
)

FOREST = NetworkEntry(
    Task.SEGMENTATION,
    "forest",
    "Forest",
    "emseg",
    "Forest, pixel by pixel",
    "Boosted trees that look at one pixel at a time of a filter bank of five scales and, where "
    "they are there, of the first stages of EfficientNet-Lite0 with ImageNet weights. A first "
    "model in seconds, from strokes or one image.",
    papers.ILASTIK,
    _IMAGENET,
)
WITHOUT_ENCODER = (CLASSIC_UNET.name, FOREST.name)

SEGMENTERS = (
    _segmenter(
        "unet",
        "U-Net on an encoder",
        "The way up of U-Net on any encoder of the libraries. The first choice where pretrained "
        "weights are at hand: --network unet --encoder resnet34.",
        papers.UNET,
    ),
    _segmenter(
        "unetplusplus",
        "U-Net++",
        "U-Net with nested connections between the ways down and up. Somewhat better edges for "
        "about twice the work.",
        papers.UNETPLUSPLUS,
    ),
    _segmenter(
        "manet",
        "MA-Net",
        "U-Net with attention over positions and over channels. Sees the whole tile.",
        papers.MANET,
    ),
    _segmenter(
        "linknet",
        "LinkNet",
        "A way up that adds the features of the way down instead of joining them. The lightest of "
        "the U-shaped ones.",
        papers.LINKNET,
    ),
    _segmenter(
        "fpn",
        "FPN",
        "Feature pyramid: features of four scales are summed. Quick; answers at a quarter of the "
        "resolution, enlarged.",
        papers.FPN,
    ),
    _segmenter(
        "pspnet",
        "PSPNet",
        "Pools the features over grids of four sizes. Quick and coarse: answers at an eighth of "
        "the resolution, enlarged.",
        papers.PSPNET,
    ),
    _segmenter(
        "deeplabv3",
        "DeepLab v3",
        "Dilated convolutions of several rates side by side. Answers at an eighth of the "
        "resolution, enlarged; heavy.",
        papers.DEEPLABV3,
    ),
    _segmenter(
        "deeplabv3plus",
        "DeepLab v3+",
        "DeepLab v3 with a decoder that brings back edges. Good for large structures.",
        papers.DEEPLABV3PLUS,
    ),
    _segmenter(
        "pan",
        "PAN",
        "Attention over a pyramid of features, with global pooling. Light.",
        papers.PAN,
    ),
    _segmenter(
        "upernet",
        "UPerNet",
        "Pyramid pooling and a feature pyramid together. Heavy; for encoders with much context.",
        papers.UPERNET,
    ),
    _segmenter(
        "segformer",
        "SegFormer",
        "A decoder of linear layers over features of four scales. Made for the encoders mit_b0 to "
        "mit_b5.",
        papers.SEGFORMER,
        "mit_b0",
    ),
    _segmenter(
        "dpt",
        "DPT",
        "Every pixel is told from a vision transformer of timm. Needs pretrained weights or very "
        "many micrographs.",
        papers.DPT,
        "tu-vit_small_patch16_224",
    ),
)

ENTRIES = (CLASSIC_UNET, FOREST, *SEGMENTERS, *CLASSIFIERS)
