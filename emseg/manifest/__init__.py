"""What became of each input of the runs into a folder, so that a run goes on where one stopped."""

from emseg.manifest.entry import Entry, key_of
from emseg.manifest.made import Made
from emseg.manifest.manifest import NAME, Manifest
from emseg.manifest.standing import InputStates, require_alike, standing
