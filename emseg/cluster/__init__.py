"""One prediction by many processes, of this machine or of others, on dask.distributed.

::

    commands    --cluster local:4
                    |
    opening     processes of this machine, workers behind an address, or jobs of a queue (jobs)
                    |
    team        a few calls a worker at a time; what workers log and refuse (replies) comes home
                    |
    batch       files: large ones by blocks       <-->      worker   holds a model; surveys, blocks
                    |                                          |
    blocks      strips, from the top              <-- disk --  level 0 of the OME-Zarr (scratch)
                smaller copies, preview, the row of the table

Nothing of dask is imported before `opening.open_team` is called.
"""
