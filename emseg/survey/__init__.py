"""Many fields of view: their label images, what the values mean, and what they sum up to."""

from emseg.survey.caveats import caveats
from emseg.survey.fields import Failures, Field
from emseg.survey.inputs import Inputs, find_inputs
from emseg.survey.objects import FieldResult, find_all, phases_of
from emseg.survey.scenes import read_scene
from emseg.survey.summary import Summary
