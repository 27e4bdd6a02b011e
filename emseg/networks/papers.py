"""Where the networks of the catalogue were published."""

from emseg.networks.entry import Paper

ALEXNET = Paper(
    "Krizhevsky, Sutskever and Hinton",
    2012,
    "ImageNet classification with deep convolutional neural networks",
    "https://papers.nips.cc/paper/4824",
)
BATCH_NORM = Paper(
    "Ioffe and Szegedy",
    2015,
    "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    "https://arxiv.org/abs/1502.03167",
)
DEEPLABV3 = Paper(
    "Chen, Papandreou, Schroff and Adam",
    2017,
    "Rethinking atrous convolution for semantic image segmentation",
    "https://arxiv.org/abs/1706.05587",
)
DEEPLABV3PLUS = Paper(
    "Chen, Zhu, Papandreou, Schroff and Adam",
    2018,
    "Encoder-decoder with atrous separable convolution for semantic image segmentation",
    "https://arxiv.org/abs/1802.02611",
)
DENSENET = Paper(
    "Huang, Liu, van der Maaten and Weinberger",
    2017,
    "Densely connected convolutional networks",
    "https://arxiv.org/abs/1608.06993",
)
DPN = Paper("Chen et al.", 2017, "Dual path networks", "https://arxiv.org/abs/1707.01629")
DPT = Paper(
    "Ranftl, Bochkovskiy and Koltun",
    2021,
    "Vision transformers for dense prediction",
    "https://arxiv.org/abs/2103.13413",
)
EFFICIENTNET = Paper(
    "Tan and Le",
    2019,
    "EfficientNet: rethinking model scaling for convolutional neural networks",
    "https://arxiv.org/abs/1905.11946",
)
FPN = Paper(
    "Kirillov, Girshick, He and Dollár",
    2019,
    "Panoptic feature pyramid networks",
    "https://arxiv.org/abs/1901.02446",
)
GOOGLENET = Paper(
    "Szegedy et al.", 2015, "Going deeper with convolutions", "https://arxiv.org/abs/1409.4842"
)
ILASTIK = Paper(
    "Sommer, Strähle, Köthe and Hamprecht",
    2011,
    "ilastik: interactive learning and segmentation toolkit",
    "https://doi.org/10.1109/ISBI.2011.5872394",
)
INCEPTION_V3 = Paper(
    "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna",
    2016,
    "Rethinking the Inception architecture for computer vision",
    "https://arxiv.org/abs/1512.00567",
)
INCEPTION_V4 = Paper(
    "Szegedy, Ioffe, Vanhoucke and Alemi",
    2017,
    "Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    "https://arxiv.org/abs/1602.07261",
)
LENET = Paper(
    "LeCun, Bottou, Bengio and Haffner",
    1998,
    "Gradient-based learning applied to document recognition",
    "https://doi.org/10.1109/5.726791",
)
LINKNET = Paper(
    "Chaurasia and Culurciello",
    2017,
    "LinkNet: exploiting encoder representations for efficient semantic segmentation",
    "https://arxiv.org/abs/1707.03718",
)
MANET = Paper(
    "Fan, Wang, Li and Wang",
    2020,
    "MA-Net: a multi-scale attention network for liver and tumor segmentation",
    "https://doi.org/10.1109/ACCESS.2020.3025372",
)
MOBILENET_V2 = Paper(
    "Sandler, Howard, Zhu, Zhmoginov and Chen",
    2018,
    "MobileNetV2: inverted residuals and linear bottlenecks",
    "https://arxiv.org/abs/1801.04381",
)
MOBILENET_V3 = Paper(
    "Howard et al.", 2019, "Searching for MobileNetV3", "https://arxiv.org/abs/1905.02244"
)
MOBILEONE = Paper(
    "Vasu, Gabriel, Zhu, Tuzel and Ranjan",
    2023,
    "MobileOne: an improved one millisecond mobile backbone",
    "https://arxiv.org/abs/2206.04040",
)
NIN = Paper("Lin, Chen and Yan", 2014, "Network in network", "https://arxiv.org/abs/1312.4400")
PAN = Paper(
    "Li, Xiong, An and Wang",
    2018,
    "Pyramid attention network for semantic segmentation",
    "https://arxiv.org/abs/1805.10180",
)
PSPNET = Paper(
    "Zhao, Shi, Qi, Wang and Jia",
    2017,
    "Pyramid scene parsing network",
    "https://arxiv.org/abs/1612.01105",
)
RESNET = Paper(
    "He, Zhang, Ren and Sun",
    2016,
    "Deep residual learning for image recognition",
    "https://arxiv.org/abs/1512.03385",
)
RESNEXT = Paper(
    "Xie, Girshick, Dollár, Tu and He",
    2017,
    "Aggregated residual transformations for deep neural networks",
    "https://arxiv.org/abs/1611.05431",
)
SEGFORMER = Paper(
    "Xie, Wang, Yu, Anandkumar, Alvarez and Luo",
    2021,
    "SegFormer: simple and efficient design for semantic segmentation with transformers",
    "https://arxiv.org/abs/2105.15203",
)
SENET = Paper(
    "Hu, Shen and Sun", 2018, "Squeeze-and-excitation networks", "https://arxiv.org/abs/1709.01507"
)
SKNET = Paper(
    "Li, Wang, Hu and Yang", 2019, "Selective kernel networks", "https://arxiv.org/abs/1903.06586"
)
SQUEEZENET = Paper(
    "Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer",
    2016,
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    "https://arxiv.org/abs/1602.07360",
)
UNET = Paper(
    "Ronneberger, Fischer and Brox",
    2015,
    "U-Net: convolutional networks for biomedical image segmentation",
    "https://arxiv.org/abs/1505.04597",
)
UNETPLUSPLUS = Paper(
    "Zhou, Siddiquee, Tajbakhsh and Liang",
    2018,
    "UNet++: a nested U-Net architecture for medical image segmentation",
    "https://arxiv.org/abs/1807.10165",
)
UPERNET = Paper(
    "Xiao, Liu, Zhou, Jiang and Sun",
    2018,
    "Unified perceptual parsing for scene understanding",
    "https://arxiv.org/abs/1807.10221",
)
VGG = Paper(
    "Simonyan and Zisserman",
    2015,
    "Very deep convolutional networks for large-scale image recognition",
    "https://arxiv.org/abs/1409.1556",
)
XCEPTION = Paper(
    "Chollet",
    2017,
    "Xception: deep learning with depthwise separable convolutions",
    "https://arxiv.org/abs/1610.02357",
)
