"""What each command does, as one call: a configuration in, outcomes out.

`emseg.cli` turns options into a configuration, makes the call and prints; a program makes the same
call. Nothing here prints. The log says how work goes (INFO), what a reader should beware of
(WARNING) and which input failed (ERROR); `emseg.meters` how far it is.
"""
