"""The commands, in the order of the help: the line of each."""

COMMANDS = {
    "train": "Train a network on images and masks, or a classifier on folders of images.",
    "predict": "Segment or classify images with a trained model.",
    "evaluate": "Compare predictions with reference masks.",
    "measure": "Measure the objects and phases of label images in nanometres.",
    "explain": "Show what a model looks at: filters, feature maps and heat maps on a micrograph.",
    "export": "Export a model beside its weights, for predictions that need no torch.",
    "benchmark": "Measure how fast each backend predicts with a model on this machine.",
    "networks list": "List the networks: task, family, parameters, receptive field, paper.",
    "networks show": "Say what one network is, what it takes and which weights there are.",
    "networks summary": "Lay a network open: a row a layer, with shapes, parameters and cost.",
    "lr-find": "Find a learning rate: raise it step by step and watch the loss.",
    "info": "Say what each file holds: axes, shape, dtype and pixel size.",
    "convert": "Write micrographs and label images in another format, with all that they hold.",
    "samples": "Write the sample images: synthetic micrographs whose truth is known.",
    "demo": "Train, predict and evaluate on the sample images, in a few minutes.",
}
GROUPS = {"networks": "Which networks there are, and what one consists of."}
